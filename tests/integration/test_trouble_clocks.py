"""A machine whose clock is wrong writes the same times as everybody else: those of the database."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stagepass.engine.model.clock import StoreClock
from stagepass.errors import StoreUnavailable
from stagepass.store import SqlStore
from tests.support.hardship import faked_clock, set_clock
from tests.support.processes import Process
from tests.support.shapes import chain

LOOK = """
import sys, time
from stagepass.engine.model.clock import StoreClock
from stagepass.store import SqlStore
store = SqlStore(sys.argv[1])
clock = StoreClock(store.now)
clock.refresh()
print(clock.now(), round(clock.off))
store.close()
"""


def test_a_machine_a_day_ahead_tells_the_databases_time(store: SqlStore, database_url: str, tmp_path: Path) -> None:
    if store.dialect == "sqlite":
        pytest.skip("SQLite has no clock but this machine's")
    environment = faked_clock(tmp_path / "clock")
    set_clock(tmp_path / "clock", 86_400)
    before = store.now()
    looked = subprocess.run(
        [sys.executable, "-c", LOOK, database_url], env={**os.environ, **environment}, check=True, capture_output=True
    )
    after = store.now()
    now, off = map(int, looked.stdout.split())
    assert before is not None
    assert after is not None
    assert before <= now <= after
    assert off == 86_400


def test_what_is_stored_has_the_databases_time(database_url: str, store: SqlStore) -> None:
    hour = 3_600_000
    wrong = Process(database_url, [chain()], clock=StoreClock(lambda: time.time_ns() // 1_000_000 - hour))
    try:
        job = wrong.engine.submit("chain", {"text": "x"}).job
        (run,) = wrong.store.runs_of(job.id)
        early = time.time_ns() // 1_000_000 - hour // 2
        assert job.created_at < early
        assert run.due_at < early
        assert wrong.store.events(job.id)[0].at < early
        assert round(wrong.engine.clock.off) == 3600
    finally:
        wrong.close()


def test_a_database_that_never_answered_gives_no_time_to_write() -> None:
    def away() -> int:
        raise StoreUnavailable("away")

    clock = StoreClock(away)
    with pytest.raises(StoreUnavailable):
        clock.refresh()


def test_a_store_that_is_away_for_a_while_leaves_the_steady_clock(database_url: str) -> None:
    answers = [1_000_000]

    def ask() -> int:
        if not answers:
            raise StoreUnavailable("away")
        return answers.pop()

    clock = StoreClock(ask)
    clock.refresh()
    clock._measured = float("-inf")
    clock.refresh()
    assert 1_000_000 <= clock.now() < 1_060_000
