"""A job as JSON: in a list, and whole with its stages and its result."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from stagepass.bootstrap import System
from stagepass.content.reader import reader
from stagepass.content.translate import translated
from stagepass.declare.pipeline import Pipeline
from stagepass.declare.stage import Role, Stage
from stagepass.engine.model.records import Job, OpenStage, StageRun
from stagepass.engine.model.states import DONE, OPEN, JobState, RunState
from stagepass.reports.progress import progress, shares_of
from stagepass.sentences import sentence
from stagepass.views.controls import PauseNote, pause_note
from stagepass.views.errors import JobError, error_view
from stagepass.views.files import with_links
from stagepass.views.times import at, maybe_at

PREFIX = "/api/v1"
"""Prefix of the API's routes."""

CHILDREN_SHOWN = 100
"""Children of a stage that its view names; a stage may have thousands."""

UNSERVED_AFTER = 5000
"""Milliseconds that work may be ready before its queue is checked for workers."""

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


class StageView(BaseModel):
    """One stage of a job. Of a stage that runs per item, all items together."""

    name: str
    role: Role = Field(
        default="stage", description="`undo` and `on_failure` run when the job has failed or was cancelled"
    )
    undoes: str | None = Field(default=None, description="the stage of which it undoes the runs")
    state: str = Field(
        description="pending, ready, running, waiting, retrying, parked, held, completed, skipped, failed, discarded "
        "or cancelled",
        examples=["running"],
    )
    attempts: int = Field(ge=0, description="of all items together")
    progress: float = Field(ge=0, le=1)
    message: str | None = Field(default=None, description="current activity", examples=["song: generating, 30 s"])
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: JobError | None = None
    total: int | None = Field(default=None, description="items, of a stage that runs per item")
    done: int | None = Field(default=None, description="items that are done")
    children: list[str] = Field(
        default_factory=list, description=f"jobs that it has started and waits for; the first {CHILDREN_SHOWN}"
    )
    children_total: int = Field(default=0, ge=0, description="number of those jobs")
    run_id: str | None = Field(default=None, description="its id, for redrive and decide; by item for a stage of items")


class Links(BaseModel):
    """The next page."""

    self: str
    events: str
    result: str


class JobSummary(BaseModel):
    """A job in a list."""

    id: str
    pipeline: str
    version: int
    owner: str
    state: JobState
    progress: float = Field(ge=0, le=1)
    current_stage: str | None = Field(default=None, description="the first stage that has begun and is not done")
    stage_state: str | None = Field(default=None, description="the state of that stage", examples=["waiting"])
    reason: str | None = Field(
        default=None,
        description="why it is where it is: the error, what its stage waits for, or a queue without a worker",
        examples=["queue promo.song has no worker"],
    )
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    priority: int = Field(ge=-100, le=100)
    key: str | None = Field(default=None, description="the idempotency key it was submitted with")
    stepwise: bool = Field(description="whether it holds after each stage until it is resumed")
    cancel_requested: bool = Field(description="whether it is being cancelled")
    tags: dict[str, str] = Field(default_factory=dict, examples=[{"customer": "acme", "order": "4711"}])
    paused: PauseNote | None = Field(default=None, description="an operator's pause that keeps it from continuing")
    ending: JobState | None = Field(
        default=None, description="how it ends once it has cleaned up: failed or cancelled; null while it is not ending"
    )
    parent: str | None = Field(default=None, description="the stage run that started it and waits for it")
    error: JobError | None = None
    links: Links


class JobView(JobSummary):
    """A job."""

    model_config = ConfigDict(title="Job")

    stages: list[StageView]
    result: JsonValue = Field(default=None, description="once completed; files come as signed links")
    redacted: bool = Field(default=False, description="payloads are left out, because of the caller's role")
    warnings: list[str] = Field(default_factory=list, examples=[["queue promo.song has no worker"]])


def location(job: Job) -> str:
    """A job's address."""
    return f"{PREFIX}/jobs/{job.id}"


def summaries(system: System, jobs: Sequence[Job]) -> list[JobSummary]:
    """Jobs as a list shows them."""
    unfinished = [job.id for job in jobs if job.state is not JobState.COMPLETED]
    shares, stages = system.store.open_progress(unfinished), system.store.open_stages(unfinished)
    served = _served(system, [one for found in stages.values() for one in found])
    pauses = system.store.pauses() if unfinished else []
    tags = system.store.tags_of([job.id for job in jobs])
    found = []
    for job in jobs:
        common = _common(_pipeline(system, job), job, shares.get(job.id, {}), stages.get(job.id, []), served)
        paused = pause_note(pauses, job, [f"{job.pipeline}.{common['current_stage']}"])
        found.append(JobSummary(**common, paused=paused, tags=tags.get(job.id, {})))
    return found


def job_view(
    system: System,
    job: Job,
    runs: Sequence[StageRun] | None,
    *,
    payloads: bool = True,
    tags: Mapping[str, str] | None = None,
) -> JobView:
    """A whole job.

    Args:
        runs: its stage runs; None for a job that was accepted just now, of which they are known.
        payloads: with its result.
        tags: None: they are read.
    """
    pipeline = _pipeline(system, job)
    by_stage: dict[str, list[StageRun]] = {}
    for run in runs or ():
        by_stage.setdefault(run.stage, []).append(run)
    declared = {stage.name: stage for stage in pipeline.every} if pipeline else {}
    open_stages = [OpenStage(run.queue, run.stage, run.state, run.message) for run in runs or () if run.state in OPEN]
    names = {**(pipeline.stages if pipeline else {}), **by_stage}
    started = _children(system, runs or ())
    stages = [_stage_view(name, declared.get(name), by_stage.get(name, []), job, started) for name in names]
    return JobView(
        **_common(pipeline, job, shares_of(runs or ()), open_stages, _served(system, open_stages)),
        stages=stages,
        result=with_links(system, job, system.engine.result(job)) if payloads else None,
        redacted=not payloads,
        tags=system.store.tags_of([job.id]).get(job.id, {}) if tags is None else dict(tags),
        paused=_paused(system, job, runs or ()),
        warnings=_warnings(system, runs or ()),
    )


def _paused(system: System, job: Job, runs: Sequence[StageRun]) -> PauseNote | None:
    """The pause that holds it; not asked for a job that was accepted just now."""
    queues = [run.queue for run in runs if run.state in OPEN]
    return pause_note(system.store.pauses(), job, queues) if queues else None


def _pipeline(system: System, job: Job) -> Pipeline | None:
    return system.registry.find(job.pipeline, job.version)


def _served(system: System, stages: Sequence[OpenStage]) -> set[str] | None:
    """Queues with a worker; None where none of these stages needs to know."""
    if all(one.state is not RunState.READY for one in stages):
        return None
    return system.liveness.served(system.store.workers(), system.engine.clock.now())


def _standing(job: Job, current: str | None, stages: Sequence[OpenStage], served: set[str] | None) -> dict[str, Any]:
    """The state of the current stage, and why the job is where it is."""
    here = [one for one in stages if one.stage == current] or list(stages)
    if job.error or not here:
        error = error_view(job.error)
        return {"reason": error.message if error else None}
    shown = min(here, key=lambda one: _SHOWN_FIRST.index(one.state))
    reason = shown.message
    if shown.state is RunState.READY:
        reason = (
            sentence("queue {queue} has no worker", queue=shown.queue) if shown.queue not in (served or ()) else None
        )
    return {"stage_state": shown.state.value, "reason": reason and translated(reason, reader())}


def _common(
    pipeline: Pipeline | None,
    job: Job,
    shares: Mapping[str, float],
    stages: Sequence[OpenStage],
    served: set[str] | None,
) -> dict[str, Any]:
    current = _current(pipeline, job)
    return {
        **_standing(job, current, stages, served),
        "id": job.id,
        "pipeline": job.pipeline,
        "version": job.version,
        "owner": job.owner,
        "state": job.state,
        "progress": progress(pipeline, job, shares),
        "current_stage": current,
        "created_at": at(job.created_at),
        "updated_at": at(job.updated_at),
        "finished_at": maybe_at(job.finished_at),
        "priority": job.priority,
        "key": job.key,
        "stepwise": job.stepwise,
        "cancel_requested": job.cancel_requested,
        "ending": job.ending,
        "parent": job.parent,
        "error": error_view(job.error),
        "links": Links(self=location(job), events=f"{location(job)}/events", result=f"{location(job)}/result"),
    }


def _current(pipeline: Pipeline | None, job: Job) -> str | None:
    if job.state is JobState.COMPLETED:
        return None
    if job.ending:
        return next(
            (name for name, tally in job.tally.items() if name in _handlers(pipeline) and not tally.all_done), None
        )
    if job.error and job.error.get("stage"):
        return str(job.error["stage"])
    names = pipeline.stages if pipeline else job.tally
    return next((name for name in names if name in job.tally and not job.done(name)), None)


def _handlers(pipeline: Pipeline | None) -> Mapping[str, Stage]:
    return pipeline.handlers if pipeline is not None else {}


def _children(system: System, runs: Sequence[StageRun]) -> dict[str, list[str]]:
    """By stage run: the jobs that it has started and waits for, those begun side by side too."""
    beginners = [run.id for run in runs if run.notes.begun]
    begun = system.store.started(beginners) if beginners else {}
    return {run.id: list(dict.fromkeys([*run.notes.children, *begun.get(run.id, ())])) for run in runs}


def _stage_view(
    name: str, declared: Stage | None, runs: list[StageRun], job: Job, started: Mapping[str, list[str]]
) -> StageView:
    if not runs:
        state = "pending"
        if name in job.tally:  # accepted just now; or a list without items
            state = RunState.COMPLETED.value if job.done(name) else RunState.READY.value
        return StageView(name=name, state=state, attempts=0, progress=float(job.done(name)))
    shown = min(runs, key=lambda run: _SHOWN_FIRST.index(run.state))
    mapped = declared.mapped if declared else shown.item is not None
    children = [child for run in runs for child in started.get(run.id, ())]
    over = all(run.state not in OPEN for run in runs)
    return StageView(
        name=name,
        role=declared.role if declared else "stage",
        undoes=declared.undoes.name if declared and declared.undoes else None,
        state=shown.state.value,
        attempts=sum(run.attempts for run in runs),
        progress=round(sum(run.progress for run in runs) / len(runs), 4),
        message=shown.message,
        started_at=maybe_at(min((run.started_at for run in runs if run.started_at is not None), default=None)),
        finished_at=maybe_at(max((run.finished_at or 0 for run in runs), default=0) or None) if over else None,
        error=error_view(shown.error, shown),
        total=len(runs) if mapped else None,
        done=sum(run.state in DONE for run in runs) if mapped else None,
        children=children[:CHILDREN_SHOWN],
        children_total=len(children),
        run_id=shown.id,
    )


def _warnings(system: System, runs: Sequence[StageRun]) -> list[str]:
    now = system.engine.clock.now()
    late = {run.queue for run in runs if run.state is RunState.READY and now - run.due_at > UNSERVED_AFTER}
    unknown = {
        run.message or f"{run.queue}: no worker has this stage or version"
        for run in runs
        if run.state is RunState.PARKED
    }
    unserved = late - system.liveness.served(system.store.workers(), now) if late else set()
    told = [sentence("queue {queue} has no worker", queue=queue) for queue in sorted(unserved)]
    return [translated(one, reader()) for one in told] + sorted(unknown)
