"""Batch collection by real workers, on every pair of database and broker; one of them dies with a batch in its hands."""

from collections import Counter
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pydantic import BaseModel

from stagepass import Pipeline, Retry
from stagepass.engine.model.states import JobState
from tests.support.backends import BACKENDS, backend
from tests.support.crew import crew
from tests.support.site import ROOT, Site, site
from tests.support.waiting import wait_until

SHAPING = str(ROOT / "tests" / "support" / "shaping")
MOST = 50


def worker(place: Site) -> None:
    place.celery("-P", "threads", "-c", "4", queues="shelf.put")


def submit(place: Site, titles: range) -> list[str]:
    submits = (place.system.engine.submit("shelf", {"title": n, "diary": str(place.diary)}) for n in titles)
    return [accepted.job.id for accepted in submits]


def calls(place: Site) -> list[list[int]]:
    return [[int(title) for title in line.split()[1:]] for line in place.lines("call")]


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKENDS)
def test_batches_are_full_or_late_and_outlive_their_worker(name: str, tmp_path: Path) -> None:
    with (
        backend(name, tmp_path) as servers,
        site(pipelines=SHAPING, broker_url=servers.broker_url, database_url=servers.database_url) as place,
    ):
        place.relay()
        jobs = submit(place, range(120))
        place.doomed_celery("-P", "threads", "-c", "1", queues="shelf.put", failpoint="body.after")
        (lost,) = calls(place)
        assert len(lost) == MOST
        worker(place)
        worker(place)
        assert {place.settled(job, 60).state for job in jobs} == {JobState.COMPLETED}
        times = Counter(title for call in calls(place) for title in call)
        assert set(times) == set(range(120))
        assert {title for title, count in times.items() if count > 1} == set(lost)  # nothing else was called again
        assert max(times.values()) == 2
        late = submit(place, range(1000, 1002))
        assert {place.settled(job, 20).state for job in late} == {JobState.COMPLETED}
        assert sorted(calls(place)[-1]) == [1000, 1001]


@pytest.mark.slow
def test_a_batch_that_is_not_full_goes_without_a_relay(tmp_path: Path) -> None:
    with site(pipelines=SHAPING) as place:
        worker(place)
        (job,) = submit(place, range(1))
        assert place.settled(job, 20).state is JobState.COMPLETED
        assert calls(place) == [[0]]
        run = wait_until(lambda: place.system.engine.runs(place.job(job))[0])
        assert run is not None
        waited = (run.started_at or 0) - run.created_at
        assert 2000 <= waited < 3000  # its own alarm, not the heart's look every three seconds


# ── inside one process ──


class Word(BaseModel):
    text: str = "a"


def gated(inside: Event, leave: Event, **options: Any) -> Pipeline:
    made = Pipeline("gated", input=Word)

    @made.stage(batch=3, **options)
    def put(request: list[Word]) -> list[str]:
        inside.set()
        assert leave.wait(30)
        return [word.text for word in request]

    return made


def test_the_heart_keeps_every_run_of_a_batch(tmp_path: Path) -> None:
    inside, leave = Event(), Event()
    with crew(tmp_path, 1, gated(inside, leave)) as worker:
        worker.heartbeat.start()
        jobs = [worker.submit() for _ in range(3)]
        worker.dispatcher.start()
        assert inside.wait(20)
        for _ in range(4):  # what no slot has is given back at the second beat that finds it so
            worker.heartbeat.beat()
        runs = [worker.store.run(f"{job}.put") for job in jobs]
        assert [run.state.value for run in runs if run] == ["running"] * 3
        leave.set()
        assert [worker.ended(job).state.value for job in jobs] == ["completed"] * 3
        worker.heartbeat.stop()


def test_past_its_limit_every_run_of_a_batch_is_over(tmp_path: Path) -> None:
    inside, leave = Event(), Event()
    with crew(tmp_path, 1, gated(inside, leave, time_limit="300ms", retry=Retry(0))) as worker:
        jobs = [worker.submit() for _ in range(3)]
        worker.dispatcher.start()
        ended = [worker.ended(job) for job in jobs]
        leave.set()
        assert [(job.error or {})["code"] for job in ended] == ["timed_out"] * 3
        wait_until(lambda: worker.dispatcher.free == 1, saying="the slot is free again, once")
