"""A worker's death is seen by its lock, on each database; one that lives is never taken for dead."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stagepass.engine.maintain.lock_watch import FREE_FOR, DeathWatch
from stagepass.engine.model.clock import SystemClock
from stagepass.engine.model.process_locks import LockLook, Watched
from stagepass.errors import StoreUnavailable
from stagepass.store import SqlStore
from stagepass.testing import HandClock
from tests.support.proxy import through
from tests.support.waiting import wait_until

PORTS = {"postgresql": 5432, "mysql": 3306}
STEP = 0.05


@contextmanager
def holder(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds a lock as the worker "w"."""
    process = subprocess.Popen([sys.executable, "-m", "tests.support.lock_holder", url, "w"])
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def key_of(store: SqlStore) -> int | None:
    return next((worker.lock_key for worker in store.workers()), None)


def beat_of(store: SqlStore) -> int:
    return next(worker.beat for worker in store.workers())


def beats(store: SqlStore, times: int = 2) -> None:
    """Wait until the worker has beaten."""
    before = beat_of(store)
    wait_until(lambda: beat_of(store) >= before + times, 10)


def watch(store: SqlStore) -> DeathWatch:
    """A relay's, which has seen the worker beat."""
    made = DeathWatch(store, SystemClock())
    assert made.dead() == []  # its first look, over a new connection
    assert made.dead() == []
    beats(store)
    assert made.dead() == []
    return made


def looked(made: DeathWatch, seconds: float) -> list[str]:
    """Look as a relay does for so long; the dead."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if dead := made.dead():
            return dead
        time.sleep(STEP)
    return []


def test_a_killed_process_is_seen_dead_and_a_suspended_one_is_not(database_url: str, store: SqlStore) -> None:
    with holder(database_url) as process:
        wait_until(lambda: key_of(store), 20)
        made = watch(store)
        process.send_signal(signal.SIGSTOP)
        assert looked(made, FREE_FOR * 2) == []
        process.send_signal(signal.SIGCONT)
        beats(store)
        made.dead()
        process.kill()
        killed = time.monotonic()
        assert looked(made, 5) == ["w"]
        assert time.monotonic() - killed >= FREE_FOR


def test_a_worker_whose_connections_break_says_so_and_takes_another_lock(database_url: str, store: SqlStore) -> None:
    if store.dialect == "sqlite":
        pytest.skip("SQLite is a file: there is no connection to break")
    with through(PORTS[store.dialect], database_url) as (proxy, led), holder(led):
        first = wait_until(lambda: key_of(store), 20)
        made = watch(store)
        assert proxy.cut() >= 2
        assert looked(made, FREE_FOR * 2) == []
        second = wait_until(lambda: key_of(store), 10)
        assert second != first
        assert looked(made, FREE_FOR) == []


def test_after_a_relays_own_connection_broke_a_free_lock_proves_nothing_until_its_worker_beats(
    database_url: str, store: SqlStore
) -> None:
    if store.dialect == "sqlite":
        pytest.skip("SQLite is a file: there is no connection to break")
    with through(PORTS[store.dialect], database_url) as (proxy, led), holder(database_url) as process:
        wait_until(lambda: key_of(store), 20)
        relay = SqlStore(led)
        try:
            made = watch(relay)
            proxy.cut()
            process.kill()
            process.wait(10)
            try:
                found = looked(made, FREE_FOR * 2)
            except StoreUnavailable:
                found = looked(made, FREE_FOR * 2)
            assert found == []
        finally:
            relay.close()


class Looks:
    """A store that is asked for its locks only."""

    def __init__(self) -> None:
        self.next = LockLook([], same_session=True)

    def locks(self) -> LockLook:
        return self.next


def test_a_free_lock_is_a_death_when_it_stays_free_without_a_beat() -> None:
    clock, store = HandClock(), Looks()
    made = DeathWatch(store, clock)  # type: ignore[arg-type]

    def look(beat: int, *, free: bool, after: float = 0.25, same: bool = True) -> list[str]:
        clock.advance(after)
        store.next = LockLook([Watched("w", beat, free)], same_session=same)
        return made.dead()

    assert look(1, free=True, same=False) == look(1, free=True, after=9) == []  # a restart frees every lock
    assert look(2, free=True) == look(2, free=True) == []
    assert look(3, free=True) == look(3, free=True) == []  # a beat: it lives, and has only lost its connection
    assert look(3, free=True) == ["w"]
    assert look(3, free=False) == look(3, free=True) == look(3, free=True) == []
    assert look(3, free=True, same=False) == look(3, free=True, after=9) == []
    assert look(4, free=True) == look(4, free=True) == []
    assert look(4, free=True) == ["w"]
    store.next = LockLook([], same_session=True)
    assert made.dead() == []
    assert look(0, free=True) == look(0, free=True) == []  # one that is new has taken its lock just now
    assert look(0, free=True) == ["w"]
