"""Retention beside people, and files whose process dies at any moment."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from stagepass import Context, Pipeline
from stagepass.engine.maintain.pruner import DOWNLOADS, Pruner
from stagepass.engine.model.states import JobState
from stagepass.errors import Permanent, StoreUnavailable, Unavailable
from stagepass.store import SqlStore
from stagepass.testing import Lab
from tests.support.databases import empty

DAY = 86_400.0


class Word(BaseModel):
    text: str
    fails: bool = False


def shop() -> Pipeline:
    """Keeps a file, then fails if it is asked to."""
    made = Pipeline("shop", input=Word)

    @made.stage()
    def draw(ctx: Context, request: Word) -> str:
        return ctx.files.put(b"picture", name="a.png", type="image/png").uri

    @made.stage(after=draw)
    def sell(request: Word, draw: str) -> str:
        if request.fails:
            raise Permanent("nobody buys")
        return draw

    return made


@pytest.fixture
def lab(database_url: str, tmp_path: Path) -> Iterator[Lab]:
    with Lab([shop()], folder=tmp_path, database_url=database_url) as made:
        empty(made.store)
        yield made


def pruner(lab: Lab) -> Pruner:
    return Pruner(lab.store, lab.registry, lab.files, lab.clock, keep_events_days=1, keep_jobs_days=2)


def files(lab: Lab) -> int:
    return sum(path.is_file() for path in lab.files.root.rglob("*"))


def test_a_job_that_is_resumed_after_it_was_picked_stays(lab: Lab) -> None:
    gone, resumed = (lab.run({"text": "a", "fails": True}) for _ in range(2))
    lab.clock.advance(3 * DAY)
    before = lab.clock.now() - int(2 * DAY * 1000)
    picked = lab.store.ended_jobs("shop", before, 10)
    assert set(picked) == {gone.id, resumed.id}
    lab.engine.resume(resumed.id, None)
    assert lab.store.delete_jobs(picked, lab.clock.now(), ended_before=before) == [gone.id]
    job = lab.store.job(resumed.id)
    assert job is not None
    assert job.state is not JobState.FAILED
    assert lab.store.files_of([resumed.id]), "its files are its own still"
    pruner(lab).run()
    assert [event.type for event in lab.store.events(resumed.id)][-1] != "job.failed", "and its events go on"
    assert files(lab) == 1


def test_a_job_that_somebody_holds_is_left_for_the_next_time(lab: Lab, database_url: str) -> None:
    if lab.store.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    job = lab.run({"text": "a"})
    lab.clock.advance(3 * DAY)
    other = SqlStore(database_url)
    with other.begin() as tx:
        tx.lock_jobs([job.id])
        pruner(lab).run()
    other.close()
    assert lab.store.job(job.id) is not None
    pruner(lab).run()
    assert lab.store.job(job.id) is None


def test_rows_go_first_and_files_when_downloads_are_over_whoever_dies_in_between(lab: Lab) -> None:
    lab.run({"text": "a"})
    lab.clock.advance(3 * DAY)
    pruner(lab).run()
    assert lab.store.ended_jobs("shop", lab.clock.now(), 10) == []
    assert files(lab) == 1, "a download under way ends in peace"
    lab.clock.advance(DOWNLOADS / 1000 + 1)
    assert lab.store.condemned(lab.clock.now(), 10), "the process that looked dies before it deletes"
    pruner(lab).run()
    assert files(lab) == 0
    assert lab.store.condemned(lab.clock.now(), 10) == []


def test_an_upload_that_no_job_claims_is_deleted(lab: Lab) -> None:
    uri = lab.files.reserve("cat.png", "uploads")
    lab.store.doom([uri], "ann", lab.clock.now() + 60_000)
    file = lab.files.put(b"cat", name="cat.png", type="image/png", uri=uri)
    pruner(lab).run()
    assert lab.files.exists(file)
    lab.clock.advance(61)
    pruner(lab).run()
    assert files(lab) == 0
    with pytest.raises(Unavailable, match="too long"):
        lab.engine.submit("shop", {"text": "late"}, files=[file])


def test_an_upload_becomes_the_jobs_in_the_transaction_that_accepts_it(lab: Lab) -> None:
    uri = lab.files.reserve("cat.png", "uploads")
    lab.store.doom([uri], "local", lab.clock.now() + 60_000)
    file = lab.files.put(b"cat", name="cat.png", type="image/png", uri=uri)
    job = lab.engine.submit("shop", {"text": "x"}, files=[file]).job
    lab.clock.advance(3600)
    pruner(lab).run()
    assert lab.files.exists(file)
    assert lab.store.files_of([job.id]) == [uri]


def test_a_database_that_says_no_lets_no_file_be_written(tmp_path: Path) -> None:
    from tests.support.api import installation, picture, redis_server

    with redis_server() as redis, installation(tmp_path, redis.url) as place, place.client("ann") as client:
        store = place.system.store
        assert store._writer is not None
        store._writer._patience = 0.2
        with SqlStore(place.system.settings.database).begin():
            answer = client.post(
                "/api/v1/pipelines/demo/jobs",
                data={"text": "a"},
                files=[("photos", ("a.jpg", picture(), "image/jpeg"))],
            )
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert not any(path.is_file() for path in place.system.settings.files_folder.rglob("*"))
        with pytest.raises(StoreUnavailable), SqlStore(place.system.settings.database).begin(), store.begin():
            raise AssertionError
