"""Every pipeline that can be found brings examples, and each of them runs to its end with what works by itself."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stagepass.bootstrap import System
from stagepass.declare.registry import Registry
from stagepass.engine.execute.approvals import QUESTION, VERDICT
from stagepass.engine.model.states import OPEN, JobState
from stagepass.pipelines.discover import discover
from stagepass.pipelines.scan.pipeline import scan
from stagepass.providers.local.clip import LocalClipMaker
from stagepass.providers.ports import ClipMaker
from stagepass.providers.registry import Offer, provide
from tests.support.api import Installation, RedisServer, installation
from tests.support.scan import BOTTLE, hasty
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

FOLDER = Path(__file__).parents[2] / "examples"
SMALL = "small"


def found() -> Registry:
    """Those that are shipped, and those of the examples; batches are not waited for."""
    return Registry([hasty(pipeline) for pipeline in discover((str(FOLDER),), cwd=FOLDER)])


CASES = [(pipeline.name, number) for pipeline in found() for number in range(len(pipeline.examples))]


def _small_clip(offer: Offer) -> Any:
    return LocalClipMaker(offer.folder, short_side=90, fps=10)


@pytest.fixture
def world(tmp_path: Path, redis: RedisServer) -> Iterator[Installation]:
    """A worker, and nothing configured but a smaller clip."""
    provide(ClipMaker, SMALL, _small_clip)
    with installation(tmp_path, redis.url, found(), clip_maker=SMALL) as made:
        yield made.work(slots=8)


def given(system: System, name: str, number: int) -> dict[str, Any]:
    """An example as it is declared; a photo comes from here instead of from the internet."""
    example = dict(system.registry.latest(name).examples[number])
    if name == scan.name:
        del example["image_url"]
        example["image"] = system.files.put(BOTTLE, name="photo", type="image/jpeg", folder="uploads").model_dump()
    return example


def test_every_pipeline_brings_an_example() -> None:
    assert [pipeline.name for pipeline in found() if not pipeline.examples] == []
    assert {"promo", "resume", "scan"} <= {name for name, _ in CASES}
    assert len(list(FOLDER.glob("*/pipeline.py"))) >= 7
    assert {"approval", "postcard", "dinner", "morning"} <= {name for name, _ in CASES}, "those of examples/, too"


def test_each_example_runs_to_its_end(world: Installation) -> None:
    """All of them at once, since some wait for their makers."""
    system, engine = world.system, world.system.engine
    open_ = {case: engine.submit(case[0], given(system, *case), owner="ann").job.id for case in CASES}
    assert len(open_) > 15
    failed: dict[tuple[str, int], Any] = {}

    def all_ended() -> bool:
        for case, job_id in list(open_.items()):
            job = engine.job(job_id, None)
            if job.state in (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.HELD):
                del open_[case]
                if job.state is not JobState.COMPLETED or engine.result(job) is None:
                    failed[case] = (job.state, job.error)
                continue
            for run in engine.runs(job):
                if run.state in OPEN:
                    say_yes(system, run.id)
        return not open_

    with suppress(AssertionError):
        wait_until(all_ended, 100)
    assert failed == {}
    assert open_ == {}, "did not end"


def say_yes(system: System, run: str) -> None:
    """Where a person is asked, they agree."""
    memos = {memo.name: memo.value for memo in system.store.memos(run)}
    for memo, value in memos.items():
        name = memo.removeprefix(QUESTION)
        if name != memo and value and VERDICT + name not in memos:
            system.engine.answer(run, name=name, ask=json.loads(value)["ask"], approved=True)
