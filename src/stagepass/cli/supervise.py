"""The last step of `stagepass up`: the process that keeps the others running, and loads nothing else for it.

`up` finds out what to run with half the library in memory, and then becomes this (`execv`: the same
process, with its lock and its socket), which needs a fifth of that.
"""

import json
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from stagepass.cli.port import answers, reachable
from stagepass.embedded import parent
from stagepass.embedded.child import Child
from stagepass.embedded.console import Console
from stagepass.embedded.redis import EmbeddedRedis
from stagepass.embedded.supervisor import Supervisor

SECONDS = "00.0"
"""Placeholder in `Orders.banner` for the seconds since the start."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Plain values that `up` passes to the supervisor.

    Attributes:
        children: name, argv, env, grace and hold of each child; the last one is the API.
        redis: the data folder of the embedded server, if there is one to start.
        host, port: where the API will listen.
        wanted: queues that need a worker before all is ready.
        began: when `up` was started, on the monotonic clock, which continues across `execv`.
        banner: said when all is ready, on standard error.
        facts: said instead as JSON on standard output, if given.
        waiting_api, waiting_workers: what is said while it lasts.
        hold: descriptors that must stay open: the folder's lock, the API's socket.
    """

    children: list[dict[str, Any]]
    redis: str | None
    host: str
    port: int
    wanted: list[str]
    began: float
    banner: str
    facts: dict[str, Any] | None
    waiting_api: str
    waiting_workers: str
    hold: list[int]


def become(orders: Orders) -> NoReturn:
    """Turn this process into the supervisor."""
    # a file without a name: the orders hold secrets, and may be longer than a pipe
    with tempfile.TemporaryFile() as file:
        file.write(json.dumps({entry.name: getattr(orders, entry.name) for entry in fields(orders)}).encode())
        file.seek(0)
        for descriptor in (file.fileno(), *orders.hold):
            os.set_inheritable(descriptor, True)
        sys.stdout.flush()
        # the words after the number are for those who read `ps`
        argv = [sys.executable, "-m", __name__, str(file.fileno()), "stagepass", *sys.argv[1:]]
        os.execv(sys.executable, argv)  # noqa: S606  (no shell is what is wanted)


def main(descriptor: int) -> int:
    """Run what the orders say. Returns the exit code."""
    parent.watch()
    with os.fdopen(descriptor, "rb") as file:
        orders = Orders(**json.load(file))
    for held in orders.hold:
        os.set_inheritable(held, False)
    return Supervisor(_children(orders), console=Console(sys.stderr)).run()


def _children(orders: Orders) -> list[Child]:
    told = [
        Child(**{**child, "hold": tuple(child["hold"])}, ready=_Ready(orders) if last else None)
        for child, last in zip(orders.children, _only_last(orders.children), strict=True)
    ]
    if orders.redis is None:
        return told
    lock = orders.hold[:1]
    return [EmbeddedRedis(Path(orders.redis)).child(tuple(lock)), *told]


def _only_last(items: Sequence[Any]) -> list[bool]:
    return [*(False for _ in items[1:]), True]


class _Ready:
    """Polled until the API answers and every queue has a worker. Then it prints the banner."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def __call__(self) -> bool:
        orders = self._orders
        if not answers(orders.host, orders.port):
            raise RuntimeError(orders.waiting_api)
        told = self._ask()
        if told is None:
            raise RuntimeError(orders.waiting_api)
        words = {word for warning in told.get("warnings", ()) for word in str(warning).split()}
        if missing := words.intersection(orders.wanted):
            raise RuntimeError(f"{orders.waiting_workers} {', '.join(sorted(missing))}")
        self._announce(time.monotonic() - orders.began)
        return True

    def _ask(self) -> dict[str, Any] | None:
        host = reachable(self._orders.host)
        url = f"http://{f'[{host}]' if ':' in host else host}:{self._orders.port}/health/ready"
        try:
            with urllib.request.urlopen(url, timeout=1.0) as answer:
                told: dict[str, Any] = json.load(answer)
                return told
        except (OSError, ValueError, urllib.error.URLError):
            return None

    def _announce(self, seconds: float) -> None:
        if self._orders.facts is not None:
            print(json.dumps({**self._orders.facts, "seconds": round(seconds, 2)}, ensure_ascii=False), flush=True)
        else:
            sys.stderr.write(self._orders.banner.replace(SECONDS, f"{seconds:4.1f}"))
            sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
