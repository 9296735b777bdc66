"""SQLite's log is written into its database by a thread of its own, and does not grow for ever."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stagepass.engine.model.records import WorkerRow
from stagepass.store import SqlStore, checkpoint
from tests.support.waiting import wait_until

PAGE = 4096


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[SqlStore, Path]]:
    """A store on a file of its own, and the file."""
    file = tmp_path / "of.db"
    store = SqlStore(f"sqlite:///{file}")
    store.create_all()
    yield store, file
    store.close()


def fill(store: SqlStore, file: Path, pages: int) -> None:
    """Write so much that the log has this many pages more."""
    assert store._writer is not None
    with store._writer.held(), closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_autocheckpoint=0")  # as a process that leaves its log to others
        db.execute("CREATE TABLE IF NOT EXISTS ballast (data BLOB)")
        db.executemany("INSERT INTO ballast VALUES (?)", [(b"x" * PAGE,)] * pages)
        db.commit()
    with store._writing() as connection:  # and the rows that make this process look at the log
        for number in range(checkpoint.ROWS):
            connection.exec_driver_sql("INSERT INTO ballast VALUES (?)", (str(number),))


def test_what_was_committed_is_written_into_the_database_beside_the_commits(place: tuple[SqlStore, Path]) -> None:
    store, file = place
    fill(store, file, 500)
    wait_until(lambda: file.stat().st_size > 500 * PAGE, saying="the log is written back")


def test_a_log_that_was_outrun_begins_anew_and_does_not_grow_for_ever(place: tuple[SqlStore, Path]) -> None:
    store, file = place
    log = file.with_name(f"{file.name}-wal")
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM jobs").fetchone()  # as long as it reads, the log cannot begin anew
        fill(store, file, 2 * checkpoint.LONG)
        reader.execute("COMMIT")
    fill(store, file, 1)
    wait_until(lambda: file.stat().st_size > 2 * checkpoint.LONG * PAGE, saying="everything is written back")
    longest = log.stat().st_size
    for _ in range(20):
        before = file.stat().st_size
        fill(store, file, 500)
        wait_until(lambda before=before: file.stat().st_size > before, saying="the log is written back")
    assert log.stat().st_size < longest + 20 * 500 * PAGE / 2


def test_an_idle_worker_s_heartbeats_begin_no_checkpoint(place: tuple[SqlStore, Path]) -> None:
    store, _ = place
    store.add_worker(WorkerRow("w", "host", 1, ("queue",), slots=1, beat=1, started_at=1, beat_at=1))
    for now in range(200):
        store.beat("w", now, ())
    assert store._log is not None
    assert store._log._thread is None
