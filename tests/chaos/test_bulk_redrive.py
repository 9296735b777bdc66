"""Five thousand dead letters redriven by a filter on real processes: a relay is killed in the middle, and others' work goes on.

Prints how long another owner's jobs took before and during it.
"""

import json
import os
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operations import Settle, Submit
from stagepass.engine.model.filters import AuditFilter
from stagepass.engine.model.ids import new_id
from stagepass.engine.model.outcomes import Failure
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import JobState
from stagepass.errors import Permanent
from stagepass.pipelines.discover import discover
from stagepass.store.tables import events, jobs
from tests.support.api import redis_server
from tests.support.databases import new_database
from tests.support.processes import Process
from tests.support.up import STAGEPASS
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

COUNT = 5_000
PAGE = 200

PIPELINE = """
from pydantic import BaseModel
from stagepass import Context, Pipeline, Retry

class Input(BaseModel):
    text: str = "a"

mass = Pipeline("mass", input=Input)

@mass.stage(retry=Retry(0))
def buy(ctx: Context, request: Input) -> str:
    ctx.spend(provider="shop", model="m", usd=0.01)
    return request.text
"""


@contextmanager
def process(folder: Path, env: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    log = (folder / f"{arguments[0]}.log").open("ab")
    made = subprocess.Popen([STAGEPASS, *arguments], cwd=folder, env=env, stdout=log, stderr=log)
    try:
        yield made
    finally:
        made.kill()
        made.wait(30)


def fail_many(here: Process, count: int) -> None:
    pipeline = here.registry.latest("mass")
    failure = Failure(Permanent("no credit"))
    for _ in range(0, count, PAGE):
        now = here.clock.now()
        made = [Submit(pipeline, Job(new_id(), "mass", 1, "many", '{"text":"a"}', now, now)) for _ in range(PAGE)]
        for future in here.engine.committer.put(*made):
            future.result()
        claimed = here.engine.committer.do(Claim(("mass.buy",), PAGE, here.worker)).claimed
        for future in here.engine.committer.put(*(Settle(one, failure) for one in claimed)):
            future.result()


def others_take(here: Process, seconds: float, until: Any = None) -> list[float]:
    """Seconds from the submit of another owner's job to its end, one after another."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end and not (until and until()):
        began = time.monotonic()
        job = here.engine.submit("mass", {"text": "other"}, owner="other").job

        def over(job_id: str = job.id) -> bool:
            return here.engine.job(job_id, None).state is JobState.COMPLETED

        wait_until(over, 60, "another owner's job ends")
        took.append(time.monotonic() - began)
    return took


def test_five_thousand_dead_letters_are_redriven_through_the_death_of_a_relay(tmp_path: Path) -> None:
    (tmp_path / "pipelines" / "mass").mkdir(parents=True)
    (tmp_path / "pipelines" / "mass" / "pipeline.py").write_text(PIPELINE)
    with new_database("postgresql", tmp_path) as url, redis_server() as redis:
        env = {**os.environ, "DATABASE_URL": url, "REDIS_URL": redis.url, "DATA_DIR": str(tmp_path / "data")}
        registry = discover((), cwd=tmp_path)
        here = Process(url, [registry.latest("mass")])
        here.clock = here.engine.clock  # type: ignore[assignment]
        try:
            redrive_many(tmp_path, env, here)
        finally:
            here.close()


def redrive_many(folder: Path, env: dict[str, str], here: Process) -> None:
    fail_many(here, COUNT)

    def run(*arguments: str) -> Any:
        done = subprocess.run([STAGEPASS, *arguments, "--json"], cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def done() -> int:
        found = here.store.bulk(bulk["id"])
        assert found is not None
        return found.done

    with (
        process(folder, env, "worker", "mass.buy", "-c", "4"),
        process(folder, env, "relay") as first,
        process(folder, env, "relay"),
    ):
        others_take(here, 1)  # until the worker is there
        before = others_take(here, 5)
        began = time.monotonic()
        seen = run("bulk", "redrive", "--pipeline", "mass", "--owner", "many")
        assert (seen["total"], seen["usd"] > 0) == (COUNT, True)
        print(
            f"count and price in {time.monotonic() - began:.1f} s: {seen['total']}, {seen['usd']} USD from {seen['priced']}"
        )
        bulk = run("bulk", "redrive", "--pipeline", "mass", "--owner", "many", "--yes")
        began = time.monotonic()
        during = others_take(here, 120, lambda: done() > 1000)
        first.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        at_death = done()
        wait_until(lambda: done() > at_death + 50, 60, "the other relay continues")
        print(f"the other relay continued after {time.monotonic() - killed:.1f} s, at {at_death}")
        during += others_take(here, 300, lambda: done() == COUNT)
        end = run("bulk", "show", bulk["id"], "--wait")
        print(f"{COUNT} in {time.monotonic() - began:.1f} s, with a death in between")
        assert (end["done"], end["refused"]) == (COUNT, 0)
        wait_until(
            lambda: count(here, jobs.c.owner == "many", jobs.c.state != "completed") == 0, 300, "all of them end"
        )
    resumed = sa.select(events.c.job_id).where(events.c.type == "job.resumed").group_by(events.c.job_id)
    assert len(here.store._all(resumed)) == COUNT
    assert here.store._all(resumed.having(sa.func.count() > 1)) == []
    assert len(here.store.audit(AuditFilter(bulk_id=bulk["id"], limit=2 * COUNT))) == COUNT + 1
    shown = [f"{1000 * statistics.median(times):.0f} ms of {len(times)}" for times in (before, during)]
    print(f"another owner's job took, in the median: {shown[0]} before, {shown[1]} during")


def count(here: Process, *conditions: Any) -> int:
    return int(here.store._all(sa.select(sa.func.count()).select_from(jobs).where(*conditions))[0][0])
