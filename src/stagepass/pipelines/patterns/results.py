"""State of a task in the format of the pattern routes: status, code, and result or error."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue

from stagepass.declare.pipeline import Pipeline
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import DONE, ENDED, OPEN, JobState, RunState

Status = Literal["pending", "running", "completed", "failed", "cancelled"]

CODES: dict[Status, int] = {"pending": 202, "running": 202, "completed": 200, "failed": 500, "cancelled": 500}


class Problem(BaseModel):
    """Why there is no result."""

    type: str = Field(description="the error's type")
    message: str


class TaskResult(BaseModel):
    """One task: a job, or one step of it."""

    task_id: str
    status: Status
    status_code: int
    result: JsonValue = None
    error: Problem | None = None


class GroupResult(BaseModel):
    """The tasks of a group."""

    group_id: str
    ready: bool = Field(description="whether all of them have ended")
    completed: int = Field(description="how many have ended well")
    total: int
    successful: bool = Field(description="whether all of them have ended well")
    status_code: int
    children: list[TaskResult]


class Step(TaskResult):
    """One step of a chain."""

    name: str
    progress: float = Field(ge=0, le=1)
    attempts: int


class ChainDetail(BaseModel):
    """Every step of a chain, with its state and what came out of it."""

    task_id: str
    status: Status
    status_code: int
    progress: int = Field(ge=0, le=100, description="percent")
    current_step: str | None
    steps: list[Step]
    result: JsonValue = None
    error: Problem | None = None


class StepProgress(BaseModel):
    """One step of a chain, in short."""

    name: str
    status: Status
    progress: int = Field(ge=0, le=100, description="percent")


class ChainProgress(BaseModel):
    """Progress of a chain."""

    task_id: str
    status: Status
    progress: int = Field(ge=0, le=100, description="percent")
    completed: int
    total: int
    steps: list[StepProgress]


def of_job(job: Job, failed: StageRun | None, result: Any) -> TaskResult:
    """A whole job as one task. `failed` is the stage run that ended it."""
    status = _job_status(job)
    return TaskResult(
        task_id=job.id,
        status=status,
        status_code=CODES[status],
        result=result if status == "completed" else None,
        error=_problem(status, failed.error if failed else job.error),
    )


def of_step(job: Job, stage: str, run: StageRun | None, output: Any) -> TaskResult:
    """One step of a job as a task. `run` is None while what comes before it is not done."""
    status = _step_status(job, run)
    return TaskResult(
        task_id=f"{job.id}.{stage}",
        status=status,
        status_code=CODES[status],
        result=output if status == "completed" else None,
        error=_problem(status, run.error if run else None),
    )


def of_group(job: Job, children: list[TaskResult]) -> GroupResult:
    ready = all(child.status_code != 202 for child in children)
    good = [child for child in children if child.status == "completed"]
    return GroupResult(
        group_id=job.id,
        ready=ready,
        completed=len(good),
        total=len(children),
        successful=len(good) == len(children),
        status_code=202 if not ready else 200 if len(good) == len(children) else 500,
        children=children,
    )


def of_chain(
    job: Job, pipeline: Pipeline, runs: Sequence[StageRun], outputs: dict[str, Any], result: Any
) -> ChainDetail:
    by_stage = {run.stage: run for run in runs}
    steps = [
        Step(
            **of_step(job, name, by_stage.get(name), outputs.get(name)).model_dump(),
            name=name,
            progress=by_stage[name].progress if name in by_stage else 0.0,
            attempts=by_stage[name].attempts if name in by_stage else 0,
        )
        for name in pipeline.stages
    ]
    whole = of_job(job, next((run for run in runs if run.state is RunState.FAILED), None), result)
    return ChainDetail(
        **whole.model_dump(),
        progress=round(100 * sum(1.0 if step.status == "completed" else step.progress for step in steps) / len(steps)),
        current_step=next((step.name for step in steps if step.status != "completed"), None),
        steps=steps,
    )


def in_short(detail: ChainDetail) -> ChainProgress:
    return ChainProgress(
        task_id=detail.task_id,
        status=detail.status,
        progress=detail.progress,
        completed=sum(step.status == "completed" for step in detail.steps),
        total=len(detail.steps),
        steps=[
            StepProgress(name=step.name, status=step.status, progress=round(100 * step.progress))
            for step in detail.steps
        ],
    )


def _job_status(job: Job) -> Status:
    if job.state not in ENDED:
        return "pending" if job.state is JobState.QUEUED else "running"
    return {JobState.COMPLETED: "completed", JobState.FAILED: "failed", JobState.CANCELLED: "cancelled"}[job.state]  # type: ignore[return-value]


def _step_status(job: Job, run: StageRun | None) -> Status:
    if run is None:  # it has not begun, and after a failure before it never will
        return "cancelled" if job.state in ENDED else "pending"
    if run.state in DONE:
        return "completed"
    if run.state in OPEN:
        return "running" if run.attempts else "pending"
    return "cancelled" if run.state is RunState.CANCELLED else "failed"


def _problem(status: Status, error: dict[str, Any] | None) -> Problem | None:
    if status == "cancelled":
        return Problem(type="Cancelled", message=(error or {}).get("message") or "the task was cancelled")
    if status != "failed":
        return None
    facts = error or {}
    return Problem(
        type=facts.get("type") or facts.get("code") or "StageError", message=facts.get("message") or "it failed"
    )
