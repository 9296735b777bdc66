"""The crash-point matrix: a real `SIGKILL` at every commit boundary, on every pair of database and broker.

The workers are Celery's own, the vendor is the oracle without idempotency keys: what a crash hides can
only be found by asking it. The whole matrix is `make chaos`; six decisive points on PostgreSQL and
RabbitMQ are always run.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from stagepass.engine.model.failpoints import NAMES
from stagepass.engine.model.states import JobState
from tests.chaos.dying import DIES, QUEUES, THREADS
from tests.chaos.promises import expected
from tests.chaos.shapes import Order
from tests.support.backends import BACKENDS, Backend
from tests.support.databases import empty
from tests.support.oracle_client import OracleProcess
from tests.support.site import Site, site

STAGES = ("claim.before_commit", "claim.after_commit", "settle.before_commit", "settle.after_commit")
"""Come by once for each of the three stages."""

PURCHASES = tuple(name for name in NAMES if name.startswith("once."))
"""Come by once for each of the two purchases."""

DECISIVE = {
    "worker settle.after_commit 1",
    "worker once.after_call 1",
    "worker claim.after_commit 2",
    "ringer bell.before_send 1",
    "submitter submit.after_commit 1",
    "relay relay.before_commit 1",
}


def points() -> Iterator[str]:
    """Who dies, where, and the how manyth time that it comes by."""
    for name in NAMES:
        kind = name.split(".")[0]
        if kind in ("submit", "bell"):
            yield f"submitter {name} 1"
        if kind == "bell":
            yield f"ringer {name} 1"
        if kind == "relay":
            yield f"relay {name} 1"
        if kind in ("claim", "body", "once", "settle"):
            times = 3 if name in STAGES else 2 if name in PURCHASES else 1
            yield from (f"worker {name} {at}" for at in range(1, times + 1))


def cases() -> Iterator[Any]:
    for backend in BACKENDS:
        for point in points():
            short = backend == "postgresql+rabbitmq" and point in DECISIVE
            yield pytest.param(backend, point, id=f"{backend}-{point}", marks=() if short else pytest.mark.chaos)


@pytest.fixture
def here(place: Backend) -> Iterator[Site]:
    options = {"pipelines": "tests.chaos.shapes", "database_url": place.database_url, "broker_url": place.broker_url}
    with site(**options) as made:
        empty(made.system.store)
        yield made


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OracleProcess]:
    made = OracleProcess(tmp_path_factory.mktemp("oracle"), "--no-keys")
    yield made
    made.kill()


@pytest.mark.parametrize(("place", "point"), list(cases()), indirect=["place"])
def test_killed_anywhere_a_job_ends_once_and_is_charged_once(
    here: Site, oracle: OracleProcess, place: Backend, point: str
) -> None:
    order = Order(number=1, text="a", diary=str(here.diary), shop=oracle.port)
    who, name, at = point.split(" ")
    DIES[who](here, order, f"{name}=kill@{at}")
    here.celery(*THREADS, queues=QUEUES)
    here.relay()
    job = here.settled(here.system.engine.job_by_key("key", "local").id)
    twin = here.settled(here.system.engine.submit("line", order).job.id)

    assert (job.state, twin.state) == (JobState.COMPLETED, JobState.COMPLETED), "no run is held: the vendor was asked"
    assert here.system.engine.result(job) == here.system.engine.result(twin) == expected("line", order).output
    for one in (job, twin):
        charged = [charge["stage"] for charge in oracle.invoice() if charge["job"] == one.id]
        assert sorted(charged) == ["clip", "song"], "each purchase is charged once"
    events = here.system.engine.events(job.id)
    assert [event.seq for event in events] == list(range(1, job.seq + 1))
    assert [event.type for event in events].count("job.completed") == 1
    done = [event.stage for event in events if event.type == "stage.completed"]
    assert done == ["draft", "song", "clip"], "a finished stage is never run again"
    calls = [line for line in here.diary.read_text().splitlines() if line.startswith(job.id)]
    assert len(calls) <= 3 + 1, "only the stage that was cut off is called again"
