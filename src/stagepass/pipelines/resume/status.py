"""A job of `resume` in the words of its routes: status, progress and a message, from the engine's records."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import JobState, RunState
from stagepass.pipelines.resume.models import ResumeReport
from stagepass.pipelines.resume.texts import texts, translated

Status = Literal["PENDING", "PROCESSING", "COMPLETED", "FAILED"]

UNSERVED_AFTER = 2000
"""Milliseconds after which a job that has not started checks whether its queue has a worker."""


class Started(BaseModel):
    """The analysis was accepted or is running."""

    job_id: str
    status: Status
    message: str
    estimated_completion_time: datetime = Field(description="after the time that the last ones took")


class JobStatus(BaseModel):
    """How an analysis is."""

    job_id: str
    status: Status
    progress: int = Field(description="10, 20, 40, 60, 80 or 100")
    message: str
    result: ResumeReport | None = None
    error_message: str | None = None
    error_type: str | None = Field(default=None, description="a stable code, such as blocked or rate_limited")
    created_at: datetime
    updated_at: datetime


def at(milliseconds: int) -> datetime:
    """A stored time."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def status_of(job: Job, runs: Sequence[StageRun]) -> Status:
    """PENDING until a worker has begun it."""
    match job.state:
        case JobState.COMPLETED:
            return "COMPLETED"
        case JobState.FAILED | JobState.CANCELLED:
            return "FAILED"
    begun = any(run.started_at is not None or run.state is RunState.RUNNING for run in runs)
    return "PROCESSING" if begun else "PENDING"


def progress_of(job: Job, status: Status) -> int:
    """10 accepted, 20 begun, 40 read, 60 one of the two, 80 both, 100 done."""
    if status == "COMPLETED":
        return 100
    if job.done("parse"):
        return 40 + 20 * job.done("questions") + 20 * job.done("learning_path")
    return 10 if status == "PENDING" else 20


def view(
    job: Job, runs: Sequence[StageRun], result: Any, language: str, now: int, served: Callable[[], set[str]]
) -> JobStatus:
    """The whole answer.

    Args:
        served: the queues that some live worker serves; asked only for a job that has waited for a while.
    """
    status = status_of(job, runs)
    kind, error = error_of(job, runs, language) or (None, None)
    return JobStatus(
        job_id=job.id,
        status=status,
        progress=progress_of(job, status),
        message=_message(job, runs, status, error, language, now, served),
        result=result if status == "COMPLETED" else None,
        error_message=error,
        error_type=kind,
        created_at=at(job.created_at),
        updated_at=at(max([job.updated_at, *(run.attempt_at or 0 for run in runs)])),
    )


def error_of(job: Job, runs: Sequence[StageRun], language: str) -> tuple[str, str] | None:
    """The kind of the failure, and why and what to do for the person; None while a retry is pending."""
    if job.state is not JobState.FAILED:
        return None
    error = job.error or next((run.error for run in runs if run.error), None) or {}
    code = str(error.get("code", "other"))
    known = translated(str(error.get("message", "")), language)
    return code, known or texts().text(f"error.{code if f'error.{code}' in texts().codes('en') else 'other'}", language)


def _message(
    job: Job,
    runs: Sequence[StageRun],
    status: Status,
    error: str | None,
    language: str,
    now: int,
    served: Callable[[], set[str]],
) -> str:
    say = texts().text
    if job.state is JobState.CANCELLED:
        return say("resume.cancelled", language)
    if status in ("COMPLETED", "FAILED"):
        return say(f"resume.{status.lower()}", language, reason=error)
    waiting = [run for run in runs if run.state is RunState.READY and now - run.due_at > UNSERVED_AFTER]
    if waiting and {run.queue for run in waiting} - served():
        return say("resume.no_worker", language)
    if status == "PENDING":
        return say("resume.pending", language)
    if any(run.state is RunState.RETRYING for run in runs):
        return say("resume.retrying", language)
    if not job.done("parse"):
        return say("resume.parse", language)
    left = [name for name in ("questions", "learning_path") if not job.done(name)]
    return say(f"resume.{'both' if len(left) == 2 else left[0] if left else 'report'}", language)
