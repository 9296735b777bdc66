"""Lessons of earlier systems that belong to no other file: what a worker leaves on the broker, and what leaves a stage."""

import pickle
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stagepass.engine.model.states import JobState
from tests.support.backends import virtual_host
from tests.support.outage_pipelines.strange.pipeline import SdkError
from tests.support.site import ROOT, Site, site

PIPELINES = ROOT / "tests" / "support" / "outage_pipelines"
PREFORK = ("-P", "prefork", "-c", "1")


@pytest.fixture
def here() -> Iterator[Site]:
    with site(pipelines=str(PIPELINES)) as made:
        yield made


def order(here: Site, **more: object) -> str:
    return here.system.engine.submit("strange", {"diary": str(here.diary), **more}).job.id


def test_lesson_13_no_result_is_sent_back_over_the_broker() -> None:
    with virtual_host() as rabbitmq, site(pipelines=str(PIPELINES), broker_url=rabbitmq) as here:
        here.celery(*PREFORK, queues="strange.call")
        assert here.settled(order(here, fails=False)).state is JobState.COMPLETED
        assert here.settled(order(here)).state is JobState.FAILED
        name = rabbitmq.rpartition("/")[2]
        told = subprocess.run(
            ["rabbitmqctl", "-q", "list_queues", "-p", name, "name"], check=True, capture_output=True, text=True
        )
        queues = set(told.stdout.split()) - {"name"}
        ours = {queue for queue in queues if not queue.endswith(".celery.pidbox")}
        assert ours == {"strange.call"}, "no reply queue, and none for results"


def test_lesson_15_an_error_that_cannot_be_pickled_ends_its_stage_and_not_the_worker(here: Site) -> None:
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(SdkError(418, "no coffee")))
    worker = here.celery(*PREFORK, queues="strange.call")
    failed = here.settled(order(here))
    assert failed.state is JobState.FAILED
    (run,) = here.system.engine.runs(failed)
    assert run.error is not None
    assert (run.error["code"], run.error["type"]) == ("permanent", "Permanent")
    assert "SdkError" in run.error["message"]
    assert "outage_pipelines/strange/pipeline.py" in run.error["trace"]
    assert here.settled(order(here, fails=False)).state is JobState.COMPLETED
    assert worker.poll() is None
    log = Path(here.folder / "worker0.log").read_text()
    assert "WorkerLostError" not in log
