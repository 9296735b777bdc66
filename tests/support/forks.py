"""A host that forks, in a process of its own: other tests' threads are no part of it.

python -m tests.support.forks children|busy  <  {"settings": …, "order": …}
"""

import json
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from stagepass.bootstrap import System
from stagepass.pipelines.discover import discover
from stagepass.settings import Settings
from tests.support.waiting import wait_until

forks = multiprocessing.get_context("fork")


def in_a_child(act: Callable[[], Any]) -> Any:
    """The result of `act` in a forked child; fails where that hangs."""
    ours, theirs = forks.Pipe(duplex=False)

    def run() -> None:
        theirs.send(act())
        os._exit(0)

    child = forks.Process(target=run)
    child.start()
    try:
        assert ours.poll(25), "the child hangs"
        return ours.recv()
    finally:
        child.kill()
        child.join(10)


def children(system: System, submit: Callable[[], str]) -> list[str]:
    """A parent, its children, a grandchild, and the parent again."""
    return [
        submit(),
        *(in_a_child(submit) for _ in range(3)),
        in_a_child(lambda: in_a_child(submit)),
        submit(),
    ]


def busy(system: System, submit: Callable[[], str]) -> list[str]:
    """Forks while other threads are in the middle of transactions."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            submit()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        return [in_a_child(submit) for _ in range(8)]
    finally:
        over.set()
        for thread in threads:
            thread.join(25)
        assert not any(thread.is_alive() for thread in threads)


def main(scenario: str) -> None:
    given = json.load(sys.stdin)
    settings = Settings.load(**given["settings"])
    system = System(settings, discover(settings.pipelines))

    def submit() -> str:
        return system.engine.submit("steps", given["order"]).job.id

    submit()  # what is imported at the first use is imported now: Python's import locks survive a fork
    wait_until(lambda: system.bell.depth("steps.one"), 30, "the bell is sent")
    jobs = {"children": children, "busy": busy}[scenario](system, submit)
    jobs.append(submit())
    system.close()
    print(json.dumps(jobs))


if __name__ == "__main__":
    main(sys.argv[1])
