"""A job of `promo` in the words of its routes, in the reader's language: from the engine's records and the catalogue."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue

from stagepass.content.translate import stored_text
from stagepass.declare.pipeline import Pipeline
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.run_notes import EVERY
from stagepass.engine.model.states import OPEN, JobState, RunState
from stagepass.pipelines.promo.texts import say, texts
from stagepass.reports.progress import progress, shares_of
from stagepass.sentences import Sentence

STAGES = ("lyric", "song", "video")

Status = Literal["pending", "processing", "uploading", "rendering", "retrying", "completed", "failed"]
Overall = Literal["processing", "completed", "failed", "cancelled", "held"]

_UNDER_WAY = ("song.generating", "video.rendering")
_STORING = ("song.storing", "video.storing")


class StageStatus(BaseModel):
    """One stage of a task."""

    status: Status = Field(description="failed only when no retry is left")
    progress: float = Field(ge=0, le=1)
    message: str | None = None
    error: str | None = Field(default=None, description="the failure's code")
    result: JsonValue = Field(default=None, description="once completed; files as signed links")


class TaskStatus(BaseModel):
    """A whole task."""

    task_id: str
    job_id: str
    current_stage: str = Field(description="the stage that is being made or is next; the last one once completed")
    overall_status: Overall = Field(description="the finer word is the stage's; held waits for a person")
    stages: dict[str, StageStatus]
    progress: float = Field(ge=0, le=1)
    message: str = Field(examples=["song: generating, 30 s"])
    lyric_result: str | None = Field(default=None, description="the lyric, once it is written")
    song_result_url: str | None = Field(default=None, description="a link that is good for as long as the job is kept")
    result_movie_url: str | None = Field(default=None, description="the same for the clip")
    resumed_from: str | None = Field(default=None, description="the stage from which the task was resumed last")
    retry_reason: str | None = Field(default=None, description="why a stage is being tried again, while it is retrying")


@dataclass(frozen=True, slots=True)
class Results:
    """What is there so far: outputs by stage, with links in the places of files, and the lasting links."""

    outputs: Mapping[str, Any]
    song: str | None = None
    movie: str | None = None


def current_stage(job: Job) -> str:
    """The stage that is being made, or is next; the last one when all are done."""
    return next((name for name in STAGES if not job.done(name)), STAGES[-1])


def task_status(
    job: Job,
    pipeline: Pipeline | None,
    runs: Mapping[str, StageRun],
    results: Results,
    language: str,
    now: int,
) -> TaskStatus:
    """The whole answer.

    Args:
        runs: by stage.
        now: milliseconds since the epoch.
    """
    outputs = results.outputs
    stages = {name: _stage(name, runs.get(name), outputs.get(name), language, now) for name in STAGES}
    current = current_stage(job)
    run = runs.get(current)
    return TaskStatus(
        task_id=job.key or job.id,
        job_id=job.id,
        current_stage=current,
        overall_status=_overall(job),
        stages=stages,
        progress=progress(pipeline, job, shares_of(runs.values())),
        message=_told(job, current, run, language, now),
        lyric_result=(outputs.get("lyric") or {}).get("text"),
        song_result_url=results.song,
        result_movie_url=results.movie,
        resumed_from=next((name for name in STAGES if name in runs and EVERY in runs[name].notes.again), None),
        retry_reason=_reason(run.error, language) if run and run.error and run.state is RunState.RETRYING else None,
    )


def _stage(name: str, run: StageRun | None, output: Any, language: str, now: int) -> StageStatus:
    if run is None:
        return StageStatus(status="pending", progress=0)
    failed = run.state not in OPEN and run.error is not None
    return StageStatus(
        status=stage_status(name, run),
        progress=run.progress,
        message=_failure(run.error, language) if failed and run.error else _busy_with(run, language, now),
        error=run.error.get("code") if failed and run.error else None,
        result=_shown(output) if run.state in (RunState.COMPLETED, RunState.SKIPPED) else None,
    )


def _shown(output: Any) -> Any:
    """The output without the prompt, which is not for customers; `GET /jobs/{id}/outputs` has it."""
    return {name: value for name, value in output.items() if name != "prompt"} if isinstance(output, dict) else output


def stage_status(stage: str, run: StageRun) -> Status:
    """A stage run's state in the words that people see."""
    begun: Status = "rendering" if stage == "video" else "processing"
    match run.state:
        case RunState.COMPLETED | RunState.SKIPPED:
            return "completed"
        case RunState.FAILED | RunState.DISCARDED | RunState.CANCELLED:
            return "failed"
        case RunState.RETRYING:
            return "retrying"
        case RunState.WAITING:
            return begun if run.attempts else "pending"
        case RunState.RUNNING:
            if _code(run) in _STORING:
                return "uploading"
            return begun if run.notes.waits or _code(run) in _UNDER_WAY else "processing"
        case RunState.READY:  # between two looks at what is being made elsewhere, or not begun
            return begun if run.attempts and run.started_at is not None else "pending"
        case _:  # held or parked: a person or another worker is waited for
            return "pending"


_OVERALL: dict[JobState, Overall] = {
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
    JobState.HELD: "held",
}


def _overall(job: Job) -> Overall:
    return _OVERALL.get(job.state, "processing")


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def _told(job: Job, current: str, run: StageRun | None, language: str, now: int) -> str:
    match job.state:
        case JobState.COMPLETED | JobState.CANCELLED:
            return say(f"job.{job.state.value}", language)
        case JobState.FAILED:
            return _why(job, current, language)
    if run is None:
        return say("job.pending", language)
    if run.state is RunState.HELD:
        return _held(current, run, language)
    if (message := _busy_with(run, language, now)) is not None:
        return message
    begun = stage_status(current, run) != "pending"
    return say("job.processing" if begun else "job.pending", language, stage=current)


def _why(job: Job, current: str, language: str) -> str:
    """The failed stage, the kept results, and the next step; the stage's own message has the cause."""
    code = f"error.{(job.error or {}).get('code', '')}"
    kept = [say("job.kept", language)] if any(job.done(name) for name in STAGES) else []
    advice = [say(code, language)] if code in texts().codes("en") else []
    return " ".join([say("job.failed", language, stage=current), *kept, *advice])


def _held(current: str, run: StageRun, language: str) -> str:
    if run.error is not None or current == STAGES[0]:
        return say("job.attention", language, stage=current)
    return say("job.held", language, stage=STAGES[STAGES.index(current) - 1])


def _retrying(run: StageRun, language: str, now: int) -> str:
    """That it is tried again, why, and when."""
    told = say("job.retrying", language, stage=run.stage, attempt=run.attempts + 1)
    if run.error is None:
        return told
    seconds = max(0, -(-(run.due_at - now) // 1000))
    when = say("job.retry_in", language, seconds=seconds) if seconds else say("job.retry_now", language)
    return f"{told}. {_reason(run.error, language)} {when}"


def _reason(error: Mapping[str, Any], language: str) -> str:
    """Why an attempt failed, for a customer."""
    code = f"why.{error.get('code', '')}"
    return say(code if code in texts().codes("en") else "why.other", language)


def _failure(error: dict[str, Any], language: str) -> str:
    """What the stage's error says, in the reader's language: where it has no such text, why it failed."""
    text = str(stored_text(error, "message", language))
    return text if language != "ko" or re.search("[가-힣]", text) else _reason(error, language)


def _busy_with(run: StageRun, language: str, now: int) -> str | None:
    """The stage's last progress message, in the reader's language if it has a code, and its duration."""
    if run.state is RunState.RETRYING:  # what it reported before is over, and counts no further
        return _retrying(run, language, now)
    if run.message is None or run.state not in OPEN:
        return None
    if not isinstance(run.message, Sentence):
        return run.message
    code, parameters = run.message.template, run.message.parameters
    if code not in _UNDER_WAY:
        return say(code, language, **parameters)
    began = min(run.notes.waits.values(), default=run.attempt_at or run.started_at or now)
    return say(f"{run.stage}.waiting", language, seconds=max(0, now - began) // 1000)


def _code(run: StageRun) -> str | None:
    return run.message.template if isinstance(run.message, Sentence) else None
