"""Shapes of work: fan-out and fan-in, a diamond, a conditional stage, a delay, priorities; and a kill in the middle."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from stagepass import Blocked, Pipeline, Settled
from stagepass.engine.model.states import JobState, RunState
from stagepass.testing import Lab
from tests.support.backends import BACKENDS, backend
from tests.support.site import ROOT, Site, site
from tests.support.waiting import wait_until


class Wish(BaseModel):
    items: int = 0
    bad: list[int] = []
    polite: bool = True


def fanned(collect: str) -> Pipeline:
    """A fan-out in which the items of `bad` fail."""
    made = Pipeline("fanned", input=Wish)

    @made.stage()
    def split(request: Wish) -> list[int]:
        return list(range(request.items))

    def work(request: Wish, number: int) -> int:
        if number in request.bad:
            raise Blocked(f"{number} is refused")
        return number * 2

    stage = made.stage(after=split, each="split", collect=collect)(work)  # type: ignore[arg-type]

    def gather(work: list[int]) -> list[str]:
        return [str(value) for value in work]

    def gather_settled(work: list[Settled[int]]) -> list[str]:
        return [str(part.output) if part.error is None else part.error["code"] for part in work]

    made.stage(after=stage)(gather_settled if collect == "settled" else gather)
    return made


@pytest.mark.parametrize("collect", ["all", "any", "settled"])
@pytest.mark.parametrize("items", [0, 1, 30])
def test_a_fan_in_runs_once_whatever_the_number_of_items(collect: str, items: int) -> None:
    with Lab(fanned(collect)) as lab:
        job = lab.run({"items": items})
        assert lab.result(job) == [str(number * 2) for number in range(items)]
        assert sum(name.startswith("gather") for name in lab.ran) == 1
        assert sum(name.startswith("work[") for name in lab.ran) == items


@pytest.mark.parametrize(
    ("collect", "bad", "expected"),
    [
        ("all", [1], None),
        ("any", [1], ["0", "4"]),
        ("any", [0, 1, 2], None),
        ("settled", [1], ["0", "blocked", "4"]),
        ("settled", [0, 1, 2], ["blocked"] * 3),
    ],
)
def test_what_becomes_of_items_that_fail(collect: str, bad: list[int], expected: list[str] | None) -> None:
    with Lab(fanned(collect)) as lab:
        job = lab.run({"items": 3, "bad": bad})
        assert job.state is (JobState.FAILED if expected is None else JobState.COMPLETED)
        assert lab.result(job) == expected
        assert sum(name.startswith("gather") for name in lab.ran) == (expected is not None)


diamond = Pipeline("diamond", input=Wish)


@diamond.stage()
def top(request: Wish) -> int:
    return request.items


@diamond.stage(after=top)
def left(top: int) -> int:
    return top + 1


def _polite(request: Wish) -> bool:
    return request.polite


@diamond.stage(after=top, when=_polite)
def right(top: int) -> int:
    return top * 10


@diamond.stage(after=(left, right))
def bottom(left: int, right: int | None) -> str:
    return f"{left} {right}"


def test_a_diamond_meets_once_when_both_of_its_sides_are_done() -> None:
    with Lab(diamond) as lab:
        assert lab.result(lab.run({"items": 2})) == "3 20"
        assert (lab.ran[0], sorted(lab.ran[1:3]), lab.ran[3:]) == ("top", ["left", "right"], ["bottom"])


def test_a_conditional_stage_is_skipped_and_what_follows_gets_none() -> None:
    with Lab(diamond) as lab:
        job = lab.run({"items": 2, "polite": False})
        assert lab.result(job) == "3 None"
        assert lab.store.run(f"{job.id}.right").state is RunState.SKIPPED  # type: ignore[union-attr]


def test_a_delayed_job_begins_when_its_time_has_come() -> None:
    with Lab(diamond) as lab:
        job = lab.submit({"items": 1}, delay=3600)
        assert not lab.step()
        lab.clock.advance(3599)
        assert lab.relay.promote() == 0
        lab.clock.advance(1)
        assert lab.relay.promote() == 1
        assert lab.finish(job).state is JobState.COMPLETED


def test_a_higher_priority_goes_first_within_a_stage() -> None:
    with Lab(diamond) as lab:
        low = lab.submit({"items": 1})
        high = lab.submit({"items": 2}, priority=5)
        assert lab.step()
        assert [lab.job(job).tally["top"].done for job in (low, high)] == [0, 1]


# ── a thousand items, and a worker that is killed ──

ITEMS = 1000


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKENDS)
def test_a_fan_out_of_a_thousand_items_outlives_its_worker(name: str, tmp_path: Path) -> None:
    shaping = str(ROOT / "tests" / "support" / "shaping")
    with (
        backend(name, tmp_path) as servers,
        site(pipelines=shaping, broker_url=servers.broker_url, database_url=servers.database_url) as place,
    ):
        job = place.system.engine.submit("fan", {"items": ITEMS, "diary": str(place.diary)}).job.id
        place.relay()
        first = _worker(place)
        wait_until(lambda: len(place.lines("item")) > ITEMS // 10, 60, "the fan-out is under way")
        os.killpg(first.pid, signal.SIGKILL)
        first.wait(10)
        before = len(place.lines("item"))
        assert before < ITEMS, "it was killed too late to prove anything"
        _worker(place)
        assert place.settled(job, 100).state is JobState.COMPLETED
        assert place.system.engine.result(place.job(job)) == sum(range(ITEMS))
        assert len(place.lines("gather")) == 1
        done = [line.split()[1] for line in place.lines("item")]
        assert len(set(done)) == ITEMS
        assert len(done) - ITEMS <= 4  # no more than what the killed worker's slots held
        runs = place.system.engine.runs(place.job(job))
        assert all(run.state is RunState.COMPLETED for run in runs)


def _worker(place: Site) -> Any:
    queues = [queue for queue in place.system.registry.queues() if queue.startswith("fan.")]
    return place.celery("-P", "threads", "-c", "4", queues=",".join(queues))
