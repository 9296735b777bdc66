"""An upgrade from each older schema, while others work on the rows and hold locks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from stagepass.errors import StoreUnavailable
from stagepass.store import connect, migrate
from tests.migration.test_ledger_migration import JOB, OLD_ROW, OLD_RUN
from tests.support.databases import KINDS, new_database
from tests.support.waiting import wait_until

OLD_JOB = (
    "INSERT INTO jobs (id, pipeline, version, owner, body_hash, state, priority, input, seq, tally, stepwise, "
    "cancel_requested, created_at, updated_at) "
    f"VALUES ('{JOB}', 'promo', 1, 'kim', '', 'running', 0, '{{}}', 1, '{{}}', FALSE, FALSE, 1, 1)"
)
PAY = "UPDATE jobs SET seq = seq + 1 WHERE id = :job"


@pytest.fixture(params=KINDS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with new_database(request.param, tmp_path, schema=False) as url:
        yield url


def fill(url: str) -> None:
    """A job, a stage run and 700 payments of the first schema."""
    engine = connect.engine(url)
    with engine.begin() as db:
        db.execute(sa.text(OLD_JOB))
        db.execute(sa.text(OLD_RUN))
        for _ in range(700):
            db.execute(sa.text(OLD_ROW))
    engine.dispose()


@contextmanager
def working(url: str) -> Iterator[list[Any]]:
    """Others lock the job, pay and commit, over and over, as old code does. Gives what they met."""
    engine, end, met = connect.engine(url, patience=connect.Patience(lock=10, statement=20)), threading.Event(), []
    rounds = [0]

    def work() -> None:
        while not end.is_set():
            try:
                with connect.translated(), engine.begin() as db:
                    db.execute(sa.text(PAY), {"job": JOB})
                    db.execute(sa.text(OLD_ROW))
                rounds[0] += 1
            except Exception as problem:
                met.append(problem)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: rounds[0] > 5, 10, "others work")
        yield met
        after = rounds[0]
        wait_until(lambda: rounds[0] > after, 10, "and go on")
    finally:
        end.set()
        for thread in threads:
            thread.join(20)
        engine.dispose()


@pytest.mark.parametrize("revision", ["0001", "0002", "0004"])
def test_an_upgrade_under_load_disturbs_nobody(old: str, revision: str) -> None:
    migrate.upgrade(old, "0001")
    fill(old)
    migrate.upgrade(old, revision)
    with working(old) as met:
        migrate.upgrade(old)
    assert not met
    assert migrate.check(old) == []
    engine = connect.engine(old, reads=True)
    with engine.connect() as db:
        known = db.scalar(sa.text("SELECT count(*) FROM spends WHERE queue = 'promo.song'"))
    engine.dispose()
    if revision == "0001":
        assert known >= 700


def test_a_backup_that_reads_for_long_holds_up_the_upgrade_and_no_submit(
    old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if old.startswith("sqlite"):
        pytest.skip("SQLite's readers hold up nobody")
    migrate.upgrade(old, "0004")
    fill(old)
    monkeypatch.setattr(migrate, "_PATIENCE", 3)
    reading = connect.engine(old, patience=connect.Patience(idle=60))
    with reading.connect() as backup:
        backup.execute(sa.text("SELECT count(*) FROM stage_runs"))
        with working(old) as met, pytest.raises(StoreUnavailable, match="run it again later"):
            migrate.upgrade(old)
    reading.dispose()
    assert not met
    migrate.upgrade(old)
    assert migrate.check(old) == []


def test_an_upgrade_that_was_interrupted_goes_on_where_it_was(old: str) -> None:
    migrate.upgrade(old, "0001")
    fill(old)
    engine = connect.engine(old)
    if not old.startswith("sqlite"):  # which takes back what was interrupted
        with engine.begin() as db:
            db.execute(sa.text("ALTER TABLE spends ADD COLUMN queue VARCHAR(81)"))
            db.execute(sa.text("CREATE INDEX ix_spends_queue ON spends (queue, at)"))
    engine.dispose()
    migrate.upgrade(old)
    assert [line for line in migrate.check(old) if "spends" in line] == []
