"""Celery's side of a worker process: a task per stage, each of which only wakes the dispatcher.

threads, solo   one dispatcher in the process; a bell wakes it and ends at once
prefork         one dispatcher with one slot in each child; a bell lasts as long as there is work
"""

import functools
import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from celery import signals
from celery.exceptions import SecurityWarning

from stagepass import preflight
from stagepass.bootstrap import System, keep_private, load_system
from stagepass.engine.model import failpoints
from stagepass.errors import StagepassError
from stagepass.queue.app import make_app
from stagepass.worker import bells, guard
from stagepass.worker.runtime import Runtime

log = logging.getLogger("stagepass.worker")

LEFT_BEHIND = 0.2
"""Seconds between a child's last stage run and its end."""

RECYCLED = 0x9B
"""The exit code by which Celery's pool knows a child that ended in order (billiard's EX_RECYCLE)."""

GO_ON = 30.0
"""Seconds for which a prefork child runs other stage runs before it returns to Celery."""


def _load() -> System:
    """Celery shows a plain exception of this module as one of its own command line."""
    try:
        found = load_system()
        preflight.check(found)
        for warning in preflight.warnings(found):
            log.warning("%s", warning)
    except StagepassError as problem:
        _refuse(problem)
    return found


def _refuse(problem: StagepassError) -> NoReturn:
    """End before any work was taken: better now than in the middle of a job."""
    log.critical("this worker does not start: %s", problem)
    raise SystemExit(preflight.exit_code(problem)) from None  # a signal's plain exceptions Celery only writes down


keep_private()
system: System = _load()
app = make_app(system.broker_url, system.registry.queues(), queue_type=system.settings.queue_type)

guard.drop_garbage(lambda: system.bus.count("messages_dropped"))
if not system.settings.remote_control:
    guard.take_no_orders()

# The warning is about pickled messages from a broker that others can write to; ours are JSON, and two ids.
warnings.filterwarnings("ignore", category=SecurityWarning)

_runtime: Runtime | None = None
_in_child = False
_farewell: tuple[int, int] | None = None
_most: int | None = None
"""Stage runs of one prefork child, by ``--max-tasks-per-child``."""
_ringing = threading.Lock()
"""Held while a child answers a bell."""


def _task_for(queue: str) -> None:
    @app.task(name=queue, ignore_result=True, Strategy=bells.WAYS)
    def ring(job_id: str = "", run_id: str = "") -> None:
        if _runtime is None:
            return
        with _ringing:
            _runtime.wake()
            if _in_child and not _runtime.wait_idle(GO_ON):
                system.bell.ring(queue)


for _queue in system.registry.queues():
    _task_for(_queue)


def _queues() -> tuple[str, ...]:
    """The queues of this process, from -Q."""
    consumed = app.amqp.queues.consume_from
    return tuple(name for name in consumed if name in set(system.registry.queues()))


@signals.setup_logging.connect
def _logging(**_: Any) -> None:
    system.configure_logging()


@signals.celeryd_init.connect
def _our_broker(**_: Any) -> None:
    """Celery's command line takes BROKER_URL as it is, and sets it above what `make_app` made of it."""
    os.environ.pop("CELERY_BROKER_URL", None)


@signals.celeryd_after_setup.connect
def _check(instance: Any, **_: Any) -> None:
    """Refuse to start without what the stages need."""
    global _most
    # Celery counts messages, and one of ours may begin any number of stage runs
    _most, instance.max_tasks_per_child = instance.max_tasks_per_child, None
    try:
        system.check_needs(_queues())
        preflight.wait_for_services(system, "worker")
        system.store.check()
    except StagepassError as problem:
        _refuse(problem)


def _or_ends(start: Callable[..., None]) -> Callable[..., None]:
    """A worker that could not begin to look for work ends: Celery would only write the error down, and seem ready."""

    @functools.wraps(start)
    def started(**facts: Any) -> None:
        try:
            start(**facts)
        except Exception:
            log.critical("this worker does not start", exc_info=True)
            if _in_child:
                os.kill(os.getppid(), signal.SIGTERM)
            raise SystemExit(preflight.WRONG) from None

    return started


@signals.worker_ready.connect
@_or_ends
def _ready(sender: Any, **_: Any) -> None:
    global _runtime
    pool = sender.pool
    log.info("serving %s with %s", ", ".join(_queues()) or "nothing", type(pool).__module__.rsplit(".", 1)[-1])
    if "prefork" in type(pool).__module__:
        return
    failpoints.arm_from_environment()
    _runtime = Runtime(system, _queues(), pool.limit or 1, replace=lambda: os.kill(os.getpid(), signal.SIGTERM))
    _runtime.start()
    bells.heard_by(_runtime.wake)


@signals.worker_init.connect
def _starting(**_: Any) -> None:
    """Before any fork: a pipe whose end tells the children that this process goes away, in order or not."""
    global _farewell
    _farewell = os.pipe()


def _hear_farewell(read_end: int, runtime: Runtime) -> None:
    """In a child: Celery waits for its task and the task for its attempt, but a drain has an end."""
    os.read(read_end, 1)
    runtime.drain()


@signals.worker_process_init.connect
@_or_ends
def _child_ready(**_: Any) -> None:
    """In a prefork child: connections are made after the fork, and the one slot is this process."""
    global _runtime, _in_child, system
    _in_child = True
    failpoints.arm_from_environment()
    system = load_system(fresh=True)
    _runtime = Runtime(
        system, _queues(), 1, replace=lambda: os.kill(os.getpid(), signal.SIGKILL), most=_most, spent=_recycle
    )
    _runtime.start()
    if _farewell is not None:
        read_end, write_end = _farewell
        os.close(write_end)
        threading.Thread(target=_hear_farewell, args=(read_end, _runtime), name="farewell", daemon=True).start()


def _recycle() -> None:
    """A child has run as many stages as it may: it ends between two bells, and Celery starts another."""

    def end() -> None:
        runtime = _runtime
        if runtime is not None:
            runtime.wait_idle(GO_ON)
            with _ringing:
                time.sleep(LEFT_BEHIND)  # the last bell's answer is on its way to the parent
                runtime.stop()
                os._exit(RECYCLED)

    threading.Thread(target=end, name="stagepass-recycle", daemon=True).start()


@signals.worker_shutting_down.connect
def _leaving(**_: Any) -> None:
    global _farewell
    if _runtime is not None:
        _runtime.stop_claiming()
    elif _farewell is not None and not _in_child:
        os.close(_farewell[1])
        _farewell = None


@signals.worker_shutdown.connect
@signals.worker_process_shutdown.connect
def _left(**_: Any) -> None:
    global _runtime
    if _runtime is not None:
        runtime, _runtime = _runtime, None
        runtime.stop()
