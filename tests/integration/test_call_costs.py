"""What a stage's calls cost its database, on every database: statements and rows, which depend on no machine's speed."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from stagepass import Context, Pipeline
from stagepass.engine.model.filters import JobFilter
from stagepass.store import SqlStore
from stagepass.testing import Lab
from tests.support.statements import Count, Log, counted_lab

TIMES = 100
LONG: dict[str, Any] = {"time_limit": "30d", "run_limit": "30d"}
ALONE = {
    # claim, and settle: of a stage that makes no call
    "sqlite": [Count(8, 8, 1), Count(9, 9, 1)],
    "postgresql": [Count(7, 3, 1), Count(8, 2, 1)],
    "mysql": [Count(8, 8, 1), Count(8, 8, 1)],
}


class Note(BaseModel):
    text: str = "a"


def passes(lab: Lab, log: Log) -> list[tuple[Count, int]]:
    """Run a job to its end: what each pass took, and how many of its statements read memos."""
    job, found = lab.submit({}), []
    log.take()
    while True:
        while lab.step():
            memos = log.naming("memos")
            found.append((log.take(), memos))
        if lab.job(job).state == "completed":
            return found
        lab.clock.advance(max(0.001, lab._next_due()))
        lab.relay.promote()
        log.take()


def stage(body: Callable[..., Any], *handlers: bool) -> Pipeline:
    pipeline = Pipeline("cost", input=Note)
    made = pipeline.stage(**LONG)(body)
    if handlers:
        pipeline = Pipeline("cost", input=Note, undo_on="failed")
        made = pipeline.stage(**LONG)(body)

        @made.undo
        def undo(ctx: Context) -> None: ...

        @pipeline.on_failure
        def failed(ctx: Context) -> None: ...

    return pipeline


def without_ctx(request: Note) -> str:
    return request.text


def with_ctx(ctx: Context, request: Note) -> str:
    return request.text


@pytest.mark.parametrize(
    "pipeline", [stage(without_ctx), stage(with_ctx), stage(with_ctx, True)], ids=["plain", "ctx", "handlers"]
)
def test_a_stage_without_calls_costs_a_claim_and_a_settle(
    database_url: str, store: SqlStore, pipeline: Pipeline
) -> None:
    with counted_lab(database_url, pipeline) as (lab, log):
        passes(lab, log)  # connections are made, and statements prepared
        ((count, memos),) = passes(lab, log)
    claim, settle = ALONE[store.dialect]
    assert memos == 0
    assert count == Count(*(getattr(claim, name) + getattr(settle, name) for name in Count.__slots__))


def test_a_wait_of_a_hundred_looks_reads_no_record(database_url: str, store: SqlStore) -> None:
    looks = []

    def poll(ctx: Context) -> int:
        return int(
            ctx.wait(
                lambda: looks.append(1) or (len(looks) if len(looks) % TIMES == 0 else None), every="1m", at_most="5h"
            )
        )

    with counted_lab(database_url, stage(poll)) as (lab, log):
        passes(lab, log)
        found = passes(lab, log)
    assert len(found) == TIMES
    assert {memos for _, memos in found} <= {0, 1}
    assert sum(memos for _, memos in found[:-1]) == 0, "a poll that goes on has nothing to read"
    assert len({count for count, _ in found[1:-1]}) == 1, "the last look costs what the second did"


def test_a_hundred_waits_read_each_record_once_in_a_pass(database_url: str, store: SqlStore) -> None:
    def sleeps(ctx: Context) -> int:
        for _ in range(TIMES):
            ctx.sleep("1m")
        return TIMES

    with counted_lab(database_url, stage(sleeps)) as (lab, log):
        passes(lab, log)
        found = passes(lab, log)
        (run_id,) = {run.id for run in lab.store.runs_of(lab.engine.jobs(JobFilter(None, limit=1))[0].id)}
        records = lab.store.memos(run_id)
    assert len(found) == TIMES + 1
    assert [memos for _, memos in found] == [0] + [1] * TIMES, "one look at the records in each pass"
    assert len({count for count, _ in found[2:-1]}) == 1, "the last wait costs what the second did"
    assert len(records) == TIMES
    assert sum(len(one.name) + len(one.value or "") for one in records) < 100 * TIMES, (
        "a record has no more than it needs"
    )
