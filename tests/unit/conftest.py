"""A unit test needs no database, no connection and no process. One that takes any of them fails, and belongs elsewhere."""

import sys
from collections.abc import Iterator

import pytest

TAKES = {
    "sqlite3.connect": "a database",
    "socket.bind": "a socket",
    "socket.connect": "a socket",
    "subprocess.Popen": "a process",
    "os.fork": "a process",
    "os.forkpty": "a process",
    "os.posix_spawn": "a process",
    "os.system": "a process",
}
"""Events of Python's own audit, of any thread."""

_taken: set[str] | None = None
"""What the running unit test took; None outside of one."""


def _hear(event: str, _: object) -> None:
    if _taken is not None and event in TAKES:
        _taken.add(TAKES[event])


sys.addaudithook(_hear)


@pytest.fixture(autouse=True)
def takes_nothing() -> Iterator[None]:
    global _taken
    _taken = set()
    yield
    taken, _taken = _taken, None
    if taken:
        pytest.fail(
            f"a unit test took {' and '.join(sorted(taken))}: it belongs into tests/engine or tests/integration"
        )
