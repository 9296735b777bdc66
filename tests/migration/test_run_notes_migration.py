"""From the schema before to the one in which queries about stage runs have columns: old rows are found by them."""

import json
from contextlib import closing
from typing import Any

import sqlalchemy as sa

from stagepass.engine.model.filters import RunFilter
from stagepass.engine.model.states import RunState
from stagepass.store import SqlStore, connect, migrate
from tests.migration.test_schema import two  # noqa: F401  (a fixture)

OLD_RUN = sa.text(
    "INSERT INTO stage_runs (id, job_id, pipeline, version, stage, queue, owner, state, priority, turn, due_at, "
    "attempts, crashes, created_at, error, scratch, progress) "
    "VALUES (:id, 'j', 'promo', 1, 'song', 'promo.song', 'kim', :state, 0, 0, :due_at, 1, 0, 1, :error, :scratch, 0)"
)


def old(number: int, state: str, *, error: dict[str, Any] | None = None, **scratch: Any) -> dict[str, Any]:
    """A row as the release before wrote it."""
    text = error and json.dumps(error, separators=(",", ":"))
    notes = json.dumps(scratch, separators=(",", ":"))
    return {"id": f"j.song.{number:04}", "state": state, "due_at": number, "error": text, "scratch": notes}


def test_rows_of_before_are_found_by_their_new_columns(two: tuple[str, str]) -> None:  # noqa: F811
    url, _ = two
    migrate.upgrade(url, "0004")
    engine = connect.engines(url)[0]
    many = [old(number, "waiting", busy="a: b: down", resumes=True) for number in range(1100)]  # more than two pages
    others = [
        old(2000, "waiting", busy="suno: quota_exhausted"),
        old(2001, "waiting", busy="suno: concurrency"),
        old(2002, "ready", busy="suno: down"),
        old(2003, "failed", error={"code": "quota_exhausted", "message": 'said "code":"blocked"'}, counted=True),
        old(2004, "failed", error={"code": "blocked"}, counted=False),
        old(2005, "completed"),
    ]
    with engine.begin() as db:
        db.execute(OLD_RUN, [*many, *others])
    migrate.upgrade(url)
    with closing(SqlStore(url)) as store:
        assert store.parking_providers() == {"a: b", "suno"}
        assert store.count_parked("a: b") == [("promo.song", 1100)]
        assert store.parked_at("suno", 9) == [("j.song.2000", "j")]
        assert [run for run, _ in store.parked_at("a: b", 2)] == ["j.song.0000", "j.song.0001"]
        which = RunFilter("kim", (RunState.FAILED,), code="blocked")
        assert [run.id for run in store.find_runs(which)] == ["j.song.2004"]
        counted = store.run("j.song.2003")
        assert counted is not None
        assert counted.notes.counted
    with engine.begin() as db:
        db.execute(OLD_RUN, [old(3000, "waiting", busy="suno: down")])  # the release before goes on beside it
    migrate.downgrade(url, "0004")
    with engine.begin() as db:
        assert db.scalar(sa.text("SELECT count(*) FROM stage_runs")) == 1107
    engine.dispose()
