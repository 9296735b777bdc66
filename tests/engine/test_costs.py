"""What a transaction reads and writes does not grow with what a job's stages have put out."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from stagepass import Pipeline
from stagepass.engine.commit.claims import Claim, Claimed
from stagepass.engine.commit.operations import OnRuns, Settle
from stagepass.engine.engine import OPERATOR
from stagepass.engine.model.ids import run_id
from stagepass.engine.model.outcomes import Completed, Failure
from stagepass.engine.model.records import Job, StageRun, Tally
from stagepass.engine.model.states import JobState, RunState
from stagepass.engine.model.transaction import Changes
from stagepass.engine.rules import attempt
from stagepass.errors import Permanent
from stagepass.testing import Lab

ITEMS, DONE, LARGE = 60, 50, 200_000
READ_AT_MOST = 2_000_000
"""Bytes that an act may take; the outputs of the job have six times as many."""


class Sheet(BaseModel):
    pages: list[str] = []
    text: str = ""


def sheets() -> Pipeline:
    pipeline = Pipeline("sheets", input=Sheet)

    @pipeline.stage()
    def split(request: Sheet) -> Sheet:
        return request

    @pipeline.stage(after=split, each="split.pages")
    def read(item: str) -> str:
        return item

    @pipeline.stage(after=read)
    def join(read: list[str]) -> int:
        return len(read)

    return pipeline


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(sheets()) as lab:
        yield lab


def a_large_job(lab: Lab, state: JobState = JobState.RUNNING) -> Job:
    """A job whose items are done with large outputs, but for the last ten."""
    output = json.dumps("x" * LARGE)
    job = lab.submit({"pages": [], "text": "y" * LARGE * 4})
    done = Tally(1, 1)
    tally = {"split": done, "read": Tally(ITEMS, DONE)}
    job = replace(job, id=f"{job.id[:-4]}beef", key="large", state=state, tally=tally)
    split = StageRun(run_id(job.id, "split"), job.id, "sheets", 1, "split", "sheets.split", job.owner, 1)
    runs = [replace(split, state=RunState.COMPLETED, output=job.input)]
    left = RunState.READY if state is JobState.RUNNING else RunState.CANCELLED
    for item in range(ITEMS):
        is_done = item < DONE
        runs.append(
            replace(
                split,
                id=run_id(job.id, "read", item),
                stage="read",
                queue="sheets.read",
                item=item,
                item_input=output,
                attempts=int(is_done),
                state=RunState.COMPLETED if is_done else left,
                output=output if is_done else None,
            )
        )
    with lab.store.begin() as tx:
        tx.save(Changes(new_jobs=[job], new_runs=runs))
    return job


def taken(act: Callable[[], Any]) -> int:
    """The most bytes that Python held at once during `act`."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def claimed(lab: Lab, *queues: str) -> Claimed:
    (one,) = lab.engine.committer.do(Claim(queues, 1, lab.worker)).claimed
    return one


def outputs(lab: Lab, job: Job) -> list[str | None]:
    return [run.output for run in lab.store.runs_of(job.id) if run.stage == "read"]


def test_a_cancel_reads_no_outputs_and_leaves_them(lab: Lab) -> None:
    job = a_large_job(lab)
    assert taken(lambda: lab.engine.cancel(job.id, OPERATOR)) < READ_AT_MOST
    assert lab.job(job).state is JobState.CANCELLED
    assert [text and len(text) for text in outputs(lab, job)] == [LARGE + 2] * DONE + [None] * (ITEMS - DONE)


def test_a_failure_beside_open_stages_reads_no_outputs(lab: Lab) -> None:
    job = a_large_job(lab)
    one = claimed(lab, "sheets.read")
    assert taken(lambda: lab.engine.committer.do(Settle(one, Failure(Permanent("no"))))) < READ_AT_MOST
    assert lab.job(job).state is JobState.FAILED
    assert sum(text is not None for text in outputs(lab, job)) == DONE


def test_a_resume_reads_no_outputs(lab: Lab) -> None:
    job = a_large_job(lab, JobState.CANCELLED)
    assert taken(lambda: lab.engine.resume(job.id, OPERATOR)) < READ_AT_MOST
    assert [run.state for run in lab.store.runs_of(job.id)].count(RunState.READY) == ITEMS - DONE
    assert sum(text is not None for text in outputs(lab, job)) == DONE


def test_a_retry_reads_no_outputs_and_drops_those_of_the_stage_itself(lab: Lab) -> None:
    job = a_large_job(lab, JobState.CANCELLED)
    assert taken(lambda: lab.engine.retry(job.id, "split", OPERATOR)) < READ_AT_MOST
    (split,) = lab.store.runs_of(job.id)
    assert (split.state, split.output) == (RunState.READY, None)


def test_a_settle_reads_no_input_again_and_passes_it_to_the_next_claim(lab: Lab) -> None:
    lab.submit({"pages": ["a"], "text": "y" * LARGE * 4})
    one = claimed(lab, "sheets.split")

    def settle() -> None:
        settled, claim = lab.engine.committer.put(
            Settle(one, Completed('{"pages":["a"],"text":""}')), Claim(("sheets.read",), 1, lab.worker)
        )
        assert settled.result().input == one.job.input
        assert claim.result().claimed[0].job.input is one.job.input

    assert taken(settle) < LARGE


def test_what_becomes_ready_and_is_claimed_in_one_transaction_has_its_inputs(lab: Lab) -> None:
    job = a_large_job(lab)
    (run,) = [run for run in lab.store.runs_of(job.id) if run.item == DONE]
    with lab.store.begin() as tx:
        tx.save(Changes(runs=[(replace(run, state=RunState.PARKED, due_at=1), RunState.READY, None)]))
    _, claim = lab.engine.committer.put(
        OnRuns([(run.id, job.id)], attempt.fetch), Claim((), 1, lab.worker, only=frozenset([run.id]))
    )
    (one,) = claim.result().claimed
    assert (one.run.item_input, one.job.input) == (run.item_input, job.input)
    lab.attempt(one)
    assert len(outputs(lab, job)[DONE] or "") == LARGE + 2
