"""A stage run as JSON: its attempts, a dead letter, a run that waits for a person."""

import json
from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel, Field, JsonValue

from stagepass.bootstrap import System
from stagepass.engine.model.records import Attempt, Job, StageRun
from stagepass.reports.prices import Prices
from stagepass.views.errors import JobError, error_view
from stagepass.views.jobs import PREFIX
from stagepass.views.money import PriceView
from stagepass.views.times import at, maybe_at


class AttemptView(BaseModel):
    """One try at a stage, that is over."""

    stage: str
    item: int | None = None
    number: int = Field(ge=0)
    outcome: str = Field(examples=["completed", "retrying", "failed", "worker_lost"])
    began_at: datetime
    ended_at: datetime
    seconds: float = Field(ge=0)
    error: JobError | None = None


class DeadView(BaseModel):
    """A stage run out of attempts."""

    run_id: str
    job_id: str
    pipeline: str
    stage: str
    item: int | None = None
    attempts: int
    crashes: int = Field(description="attempts during which the worker died")
    failed_at: datetime | None = None
    error: JobError | None = None


class DeadDetail(DeadView):
    """A dead letter with everything about it."""

    input: JsonValue = Field(description="of the job")
    redacted: bool = Field(default=False, description="the inputs are left out, because of the caller's role")
    item_input: JsonValue = Field(default=None, description="of the item, of a stage that runs per item")
    error_type: str | None = Field(default=None, description="the exception's type")
    trace: str | None = Field(default=None, description="where it was raised: files, lines and functions")
    history: list[AttemptView] = Field(description="its attempts, the first first")
    cost: PriceView = Field(description="of the whole job, because it is redriven as a whole")


class HeldView(BaseModel):
    """A stage run that waits for a person."""

    run_id: str
    job_id: str
    pipeline: str
    stage: str
    item: int | None = None
    calls: list[str] = Field(description="calls that may have cost money, and whose answer was lost")
    error: JobError | None = None
    next: str = Field(description="what to do", examples=["POST /api/v1/runs/{run_id}/decide"])


def attempt_view(attempt: Attempt, run: StageRun) -> AttemptView:
    return AttemptView(
        stage=run.stage,
        item=run.item,
        number=attempt.number,
        outcome=attempt.outcome,
        began_at=at(attempt.began_at),
        ended_at=at(attempt.ended_at),
        seconds=max(0, attempt.ended_at - attempt.began_at) / 1000,
        error=error_view(attempt.error, run),
    )


def dead_view(run: StageRun) -> DeadView:
    """A dead letter in a list."""
    return DeadView(
        run_id=run.id,
        job_id=run.job_id,
        pipeline=run.pipeline,
        stage=run.stage,
        item=run.item,
        attempts=run.attempts,
        crashes=run.crashes,
        failed_at=maybe_at(run.finished_at),
        error=error_view(run.error, run),
    )


def dead_detail(system: System, run: StageRun, job: Job, *, payloads: bool = True) -> DeadDetail:
    """A dead letter with its input, error, attempts and trace, what its job has cost, and what a redrive will.

    Args:
        payloads: with the inputs of the job and of the item.
    """
    error = run.error or {}
    return DeadDetail(
        **dead_view(run).model_dump(),
        input=json.loads(job.input) if payloads else None,
        item_input=json.loads(run.item_input) if payloads and run.item_input else None,
        redacted=not payloads,
        error_type=error.get("type"),
        trace=error.get("trace"),
        history=[attempt_view(attempt, run) for attempt in system.store.attempts([run.id])],
        cost=PriceView(**asdict(Prices(system.store, system.registry).of(job))),
    )


def held_view(run: StageRun, calls: list[str]) -> HeldView:
    """A held run. `calls`: those of unknown outcome."""
    act = f"POST {PREFIX}/runs/{run.id}/decide" if calls else f"POST {PREFIX}/jobs/{run.job_id}/resume"
    return HeldView(
        run_id=run.id,
        job_id=run.job_id,
        pipeline=run.pipeline,
        stage=run.stage,
        item=run.item,
        calls=calls,
        error=error_view(run.error, run),
        next=act,
    )
