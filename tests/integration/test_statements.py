"""What a job costs its database: statements, trips and commits, which depend on no machine's speed.

The numbers are what a batch takes today. A change that raises one of them says why.
"""

import pytest

from stagepass.declare.registry import Registry
from stagepass.engine.commit.claims import Claim, Claimed
from stagepass.engine.commit.operations import Settle, Submit
from stagepass.engine.commit.submission import prepare
from stagepass.engine.engine import Engine
from stagepass.engine.model.outcomes import Completed
from stagepass.store import SqlStore
from stagepass.testing import Recorder
from tests.support.shapes import chain
from tests.support.statements import Count, Log, counted

JOBS = 32
"""Each with a settle and a claim is as much as one transaction takes."""

COSTS: dict[tuple[str, int], list[Count]] = {
    # submit, claim, settle and claim, settle and claim, settle
    ("postgresql", 1): [Count(6, 2, 1), Count(7, 3, 1), Count(10, 2, 1), Count(10, 2, 1), Count(9, 2, 1)],
    ("postgresql", JOBS): [Count(6, 2, 1), Count(7, 3, 1), Count(10, 2, 1), Count(10, 2, 1), Count(9, 2, 1)],
    # every statement is a trip
    ("mysql", 1): [Count(n, n, 1) for n in (6, 8, 10, 10, 9)],
    ("mysql", JOBS): [Count(n, n, 1) for n in (6, 8, 10, 10, 9)],
    # a row is a statement, and none leaves the process
    ("sqlite", 1): [Count(n, n, 1) for n in (6, 8, 11, 11, 10)],
    ("sqlite", JOBS): [Count(n, n, 1) for n in (99, 101, 197, 197, 165)],
}


@pytest.mark.parametrize("jobs", [1, JOBS])
def test_a_batch_takes_as_many_statements_trips_and_commits_as_before(
    database_url: str, store: SqlStore, jobs: int
) -> None:
    with counted(database_url) as (measured, log):
        engine = Engine(measured, Registry([chain()]), Recorder(), Recorder())
        try:
            _run(engine, log, 1)  # connections are made, and statements prepared
            found = _run(engine, log, jobs)
        finally:
            engine.committer.close()
    assert found == COSTS[measured.dialect, jobs]


def _run(engine: Engine, log: Log, jobs: int) -> list[Count]:
    """Run these jobs to their ends together; what each of their five transactions took."""
    (pipeline,) = engine.registry
    queues = tuple(engine.registry.queues())
    submits: list[Submit] = [
        prepare(engine.registry, pipeline.name, {"text": "a"}, owner="local", now=engine.clock.now())
        for _ in range(jobs)
    ]
    log.take()
    for future in engine.committer.put(*submits):
        future.result(10)
    costs = [log.take()]
    claimed: list[Claimed] = engine.committer.do(Claim(queues, jobs, "w")).claimed
    costs.append(log.take())
    for _ in range(3):
        assert len(claimed) == jobs
        asked = [(Settle(one, Completed('{"text":"b"}')), Claim(queues, 1, "w")) for one in claimed]
        futures = engine.committer.put(*(part for pair in asked for part in pair))
        claimed = [one for claim in futures[1::2] for one in claim.result(10).claimed]
        costs.append(log.take())
    assert not claimed
    return costs
