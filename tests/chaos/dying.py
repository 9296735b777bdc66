"""Who dies at a crash point, with a job of the pipeline `line` in its hands."""

import os
import signal
from collections.abc import Callable
from typing import Any

from stagepass.bootstrap import System
from stagepass.engine.model import failpoints
from stagepass.pipelines.discover import discover
from stagepass.settings import Settings
from tests.chaos.shapes import Order
from tests.support.site import Site

QUEUES = "line.draft,line.song,line.clip"
THREADS = ("-P", "threads", "-c", "4")
SOON = 0.05
"""Seconds of delay after which a job is due, for the relay to make it ready."""


def submitter(here: Site, order: Order, failpoint: str) -> None:
    """The process that submits; a client that got no answer asks again with its key."""
    _dies(here, _submit, order, failpoint)
    _submit_well(here, order)


def worker(here: Site, order: Order, failpoint: str) -> None:
    """A worker that serves every stage."""
    _submit_well(here, order)
    here.doomed_celery(*THREADS, queues=QUEUES, failpoint=failpoint)


def ringer(here: Site, order: Order, failpoint: str) -> None:
    """A worker that serves the first stage only, and has to ring for the next: dead between its settle and the bell."""
    _submit_well(here, order)
    here.doomed_celery(*THREADS, queues="line.draft", failpoint=failpoint)


def relay(here: Site, order: Order, failpoint: str) -> None:
    """A relay: while it makes a delayed job ready, rings, or hands on what a dead worker held."""
    rescues = "rescue" in failpoint or "commit" in failpoint
    _submit_well(here, order, SOON if "promote" in failpoint else 0.0)
    if rescues:
        here.doomed_celery(*THREADS, queues=QUEUES, failpoint="body.before=kill@2")
    _dies(here, _relay, order, failpoint)


DIES: dict[str, Callable[[Site, Order, str], None]] = {
    "submitter": submitter,
    "worker": worker,
    "ringer": ringer,
    "relay": relay,
}


def _submit_well(here: Site, order: Order, delay: float = 0.0) -> None:
    here.system.engine.submit("line", order, key="key", delay=delay)


def _dies(here: Site, target: Callable[..., None], order: Order, failpoint: str) -> None:
    child: Any = here._start(target, here.settings, failpoint, order)
    child.join(30)
    assert child.exitcode == -signal.SIGKILL, f"{failpoint} was come by"


def _submit(settings: dict[str, Any], failpoint: str, order: Order) -> None:
    system = _armed(settings, failpoint)
    system.engine.submit("line", order, key="key")
    system.close()


def _relay(settings: dict[str, Any], failpoint: str, order: Order) -> None:
    _armed(settings, failpoint).relay().run()


def _armed(settings: dict[str, Any], failpoint: str) -> System:
    os.environ["STAGEPASS_FAILPOINT"] = failpoint
    failpoints.arm_from_environment()
    loaded = Settings.load(**settings)
    return System(loaded, discover(loaded.pipelines))
