"""Turns the engine's records into what the API answers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from stagepass.api.deps import PREFIX
from stagepass.api.views import AttemptView, DeadView, HeldView, JobError, JobSummary, JobView, Links, StageView
from stagepass.bootstrap import System
from stagepass.declare.pipeline import Pipeline
from stagepass.declare.stage import Stage
from stagepass.declare.values import File
from stagepass.engine.model.records import Attempt, Job, StageRun, WorkerRow
from stagepass.engine.model.states import DONE, OPEN, JobState, RunState

UNSERVED_AFTER = 5000
"""Milliseconds that work may lie ready before it is asked whether anybody serves its queue."""

LINK_LIFE = 3600.0
"""Seconds for which a link to a result's file is good."""

_FILE_KEYS = frozenset(File.model_fields)

_SHOWN_FIRST = (
    RunState.FAILED,
    RunState.RUNNING,
    RunState.RETRYING,
    RunState.READY,
    RunState.WAITING,
    RunState.PARKED,
    RunState.HELD,
    RunState.CANCELLED,
    RunState.DISCARDED,
    RunState.COMPLETED,
    RunState.SKIPPED,
)
"""Of the items of one stage: the state that tells most about all of them."""


def at(milliseconds: int) -> datetime:
    """A stored time."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def maybe_at(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else at(milliseconds)


def location(job: Job) -> str:
    """A job's address."""
    return f"{PREFIX}/jobs/{job.id}"


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────


def summary(system: System, job: Job) -> JobSummary:
    """From the job's row alone."""
    return JobSummary(**_common(system.registry.find(job.pipeline, job.version), job, None))


def job_view(system: System, job: Job, runs: Sequence[StageRun] | None) -> JobView:
    """A whole job.

    Args:
        runs: its stage runs; None for a job that was accepted just now, of which they are known.
    """
    pipeline = system.registry.find(job.pipeline, job.version)
    by_stage: dict[str, list[StageRun]] = {}
    for run in runs or ():
        by_stage.setdefault(run.stage, []).append(run)
    declared = pipeline.stages if pipeline else {}
    stages = [_stage_view(name, declared.get(name), by_stage.get(name, []), job) for name in {**declared, **by_stage}]
    return JobView(
        **_common(pipeline, job, by_stage),
        stages=stages,
        result=with_links(system, job, system.engine.result(job)),
        warnings=_warnings(system, runs or ()),
    )


def _common(pipeline: Pipeline | None, job: Job, by_stage: dict[str, list[StageRun]] | None) -> dict[str, Any]:
    return {
        "id": job.id,
        "pipeline": job.pipeline,
        "version": job.version,
        "state": job.state,
        "progress": _progress(pipeline, job, by_stage or {}),
        "current_stage": _current(pipeline, job),
        "created_at": at(job.created_at),
        "updated_at": at(job.updated_at),
        "finished_at": maybe_at(job.finished_at),
        "parent": job.parent,
        "error": error_view(job.error),
        "links": Links(self=location(job), events=f"{location(job)}/events", result=f"{location(job)}/result"),
    }


def _progress(pipeline: Pipeline | None, job: Job, by_stage: dict[str, list[StageRun]]) -> float:
    if job.state is JobState.COMPLETED:
        return 1.0
    if pipeline is None:
        return 0.0
    total = sum(stage.weight for stage in pipeline.stages.values())
    begun = 0.0  # what stages that are under way say of themselves
    for name, runs in by_stage.items():
        if name in pipeline.stages and runs:
            share = sum(run.progress for run in runs if run.state not in DONE) / len(runs)
            begun += pipeline.stages[name].weight * share
    return round(min(1.0, pipeline.progress(job.tally) + begun / total), 4)


def _current(pipeline: Pipeline | None, job: Job) -> str | None:
    if job.state is JobState.COMPLETED:
        return None
    if job.error and job.error.get("stage"):
        return str(job.error["stage"])
    names = pipeline.stages if pipeline else job.tally
    return next((name for name in names if name in job.tally and not job.done(name)), None)


def _stage_view(name: str, declared: Stage | None, runs: list[StageRun], job: Job) -> StageView:
    if not runs:
        state = "pending"
        if name in job.tally:  # accepted just now; or a list without items
            state = RunState.COMPLETED.value if job.done(name) else RunState.READY.value
        return StageView(name=name, state=state, attempts=0, progress=float(job.done(name)))
    told = min(runs, key=lambda run: _SHOWN_FIRST.index(run.state))
    mapped = declared.mapped if declared else told.item is not None
    over = all(run.state not in OPEN for run in runs)
    return StageView(
        name=name,
        state=told.state.value,
        attempts=sum(run.attempts for run in runs),
        progress=round(sum(run.progress for run in runs) / len(runs), 4),
        message=told.message,
        started_at=maybe_at(min((run.started_at for run in runs if run.started_at is not None), default=None)),
        finished_at=maybe_at(max((run.finished_at or 0 for run in runs), default=0) or None) if over else None,
        error=error_view(told.error, told),
        total=len(runs) if mapped else None,
        done=sum(run.state in DONE for run in runs) if mapped else None,
        children=[child for run in runs for child in run.notes.children],
        run_id=told.id,
    )


def error_view(error: dict[str, Any] | None, run: StageRun | None = None) -> JobError | None:
    """A stored error, without its trace."""
    if not error:
        return None
    return JobError(
        code=error.get("code", "error"),
        message=error.get("message", ""),
        stage=error.get("stage") or (run.stage if run else None),
        item=error.get("item") if run is None else run.item,
        provider=error.get("provider"),
        advice=error.get("advice"),
    )


def dead_view(run: StageRun) -> DeadView:
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


def held_view(run: StageRun, calls: list[str]) -> HeldView:
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


# ── results ──────────────────────────────────────────────────────────────────────────────────────


def with_links(system: System, job: Job, value: Any) -> Any:
    """The value with a signed link in each file's place. Only files that the job owns are handed out."""
    if not _any_file(value):
        return value
    owned = set(system.store.files_of([job.id]))
    return _linked(system, value, owned)


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= _FILE_KEYS


def _any_file(value: Any) -> bool:
    if isinstance(value, dict):
        return _is_file(value) or any(map(_any_file, value.values()))
    return isinstance(value, list) and any(map(_any_file, value))


def _linked(system: System, value: Any, owned: set[str]) -> Any:
    if isinstance(value, list):
        return [_linked(system, inner, owned) for inner in value]
    if not isinstance(value, dict):
        return value
    if not _is_file(value):
        return {name: _linked(system, inner, owned) for name, inner in value.items()}
    shown = {name: inner for name, inner in value.items() if name != "uri"}
    if value["uri"] in owned:
        file = File.model_validate({name: value[name] for name in _FILE_KEYS})
        shown["url"] = system.links.make(file, LINK_LIFE)
    return shown


# ── warnings ─────────────────────────────────────────────────────────────────────────────────────


def _warnings(system: System, runs: Sequence[StageRun]) -> list[str]:
    now = system.engine.clock.now()
    late = {run.queue for run in runs if run.state is RunState.READY and now - run.due_at > UNSERVED_AFTER}
    unknown = {run.message or f"{run.queue}: no worker knows it" for run in runs if run.state is RunState.PARKED}
    unserved = late - served_queues(system, system.store.workers()) if late else set()
    return [f"queue {queue} has no worker" for queue in sorted(unserved)] + sorted(unknown)


def alive(system: System, workers: Sequence[WorkerRow]) -> list[WorkerRow]:
    """Those whose heart beats; clocks may differ by some seconds."""
    since = system.engine.clock.now() - int(max(15.0, 3 * system.settings.dead_after_seconds) * 1000)
    return [worker for worker in workers if worker.beat_at >= since]


def served_queues(system: System, workers: Sequence[WorkerRow]) -> set[str]:
    """Queues that some live worker serves."""
    return {queue for worker in alive(system, workers) for queue in worker.queues}
