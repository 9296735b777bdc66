"""Fixtures that all tests share: stores on real databases, and a guard against what a test leaves running."""

import signal
import socket
import threading
from collections.abc import Iterator

import pytest

from stagepass.engine.model import failpoints
from stagepass.store import SqlStore
from tests.support.databases import KINDS, empty, new_database
from tests.support.waiting import wait_until

OURS = (
    "stagepass-committer",
    "stagepass-slot",
    "stagepass-heartbeat",
    "stagepass-claim",
    "stagepass-watch",
    "stagepass-lock",
    "stagepass-note",
    "stagepass-loop",
    "stagepass-alert",
    "stagepass-waiting-list",
)


LONG_FIRST = {"acceptance", "chaos", "integration", "migration"}
"""Folders of long files, so that no process is left with one of them when the others have ended."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not LONG_FIRST.intersection(item.path.parts))


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> None:
    """A script's background job is started deaf to SIGINT, and so would be all that its tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of each kind, with our schema, for the whole session."""
    with new_database(request.param, tmp_path_factory.mktemp("databases")) as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    """An empty store, on each kind of database."""
    store = SqlStore(database_url)
    empty(store)
    yield store
    store.close()


@pytest.fixture(scope="module")
def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """A test ends what it starts: no thread of the engine goes on, and no failpoint stays armed."""
    before = set(threading.enumerate())
    yield
    failpoints.disarm()

    def left() -> list[str]:
        return [t.name for t in threading.enumerate() if t not in before and t.name.startswith(OURS)]

    try:
        wait_until(lambda: not left(), timeout=5)
    except AssertionError:
        pytest.fail(f"threads were left running: {left()}")
