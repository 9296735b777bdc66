"""The routes that `promo` had before there was an engine, for clients that know them (spec "HTTP").

A task's id is the client's own where it gave one (`task_id`, or the Idempotency-Key), else the job's.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, JsonValue

from stagepass.engine.records import Job, StageRun
from stagepass.engine.states import ENDED, OPEN, JobState, RunState
from stagepass.errors import BadRequest, Conflict, NotFound
from stagepass.pipelines.http import RouteDeps

PIPELINE = "promo"
STAGES = ("lyric", "song", "video")

Status = Literal["pending", "processing", "uploading", "rendering", "retrying", "completed", "failed"]


class Started(BaseModel):
    """The task was accepted, or goes on."""

    success: bool = True
    task_id: str
    job_id: str
    message: str
    auto_continue: bool


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
    current_stage: str | None
    overall_status: Status
    stages: dict[str, StageStatus]
    progress: float = Field(ge=0, le=1)
    message: str


class OneStage(StageStatus):
    """One stage of a task, by itself."""

    task_id: str
    job_id: str
    stage: str


def make_router(deps: RouteDeps) -> APIRouter:
    """The routes; the API mounts them below ``/api/v1``."""
    router = APIRouter()
    owner_of, key_of, incoming_of = Depends(deps.owner), Depends(deps.key), Depends(deps.read_input(PIPELINE))
    tasks = _Tasks(deps)

    @router.post("/pipeline/start", status_code=202, summary="Start a task", openapi_extra=deps.body(PIPELINE))
    def start(
        owner: Annotated[str, owner_of], key: Annotated[str | None, key_of], incoming: Annotated[Any, incoming_of]
    ) -> Started:
        """The fields as JSON, or as a form with up to 10 photos. The same task_id again gives the same job."""
        return tasks.start(owner, key, incoming, stepwise=False)

    @router.get("/pipeline/status/{task_id}", summary="See how a task is")
    def status(task_id: str, owner: Annotated[str, owner_of]) -> TaskStatus:
        """All stages, and the results of those that are completed."""
        return tasks.status(tasks.find(task_id, owner))

    @router.post("/pipeline/retry/{task_id}/{stage}", status_code=202, summary="Make a stage again")
    def retry(task_id: str, stage: str, owner: Annotated[str, owner_of]) -> Started:
        """From the stored results before it; what comes after it is made again. 409 if those are not there."""
        job = tasks.find(task_id, owner)
        if stage not in STAGES:
            raise BadRequest(f"there is no stage {stage[:40]!r}; there are {', '.join(STAGES)}", field="stage")
        return tasks.started(deps.engine.retry(job.id, stage, owner), f"{stage} is made again")

    @router.post("/pipeline/resume/{task_id}", status_code=202, summary="Go on with a task")
    def resume(task_id: str, owner: Annotated[str, owner_of]) -> Started:
        """From the stage that failed, or at which it was told to stop. 409 if it did neither."""
        job = tasks.find(task_id, owner)
        return tasks.started(deps.engine.resume(job.id, owner), "the task goes on")

    @router.post("/lyric/generate", status_code=202, summary="Write a lyric", openapi_extra=deps.body(PIPELINE))
    def generate_lyric(
        owner: Annotated[str, owner_of], key: Annotated[str | None, key_of], incoming: Annotated[Any, incoming_of]
    ) -> Started:
        """A task that stops after its lyric, until the song is asked for."""
        return tasks.start(owner, key, incoming, stepwise=True)

    @router.post("/song/generate/{task_id}", status_code=202, summary="Make the song of a lyric")
    def generate_song(task_id: str, owner: Annotated[str, owner_of]) -> Started:
        """409 without a lyric. Asked for again, the same song is waited for; it is not bought twice."""
        return tasks.generate(tasks.find(task_id, owner), "song", owner)

    @router.post("/video/generate/{task_id}", status_code=202, summary="Make the video of a song")
    def generate_video(task_id: str, owner: Annotated[str, owner_of]) -> Started:
        """409 without a song. Asked for again, the same video is waited for; it is not rendered twice."""
        return tasks.generate(tasks.find(task_id, owner), "video", owner)

    for stage in STAGES:
        _stage_status_route(router, tasks, stage, owner_of)
    return router


def _stage_status_route(router: APIRouter, tasks: "_Tasks", stage: str, owner_of: Any) -> None:
    @router.get(f"/{stage}/status/{{task_id}}", summary=f"See how the {stage} of a task is", name=f"{stage}_status")
    def status(task_id: str, owner: Annotated[str, owner_of]) -> OneStage:
        """The stage, and its result once it is completed."""
        job = tasks.find(task_id, owner)
        found = tasks.status(job, only=stage).stages[stage]
        return OneStage(task_id=job.key or job.id, job_id=job.id, stage=stage, **found.model_dump())


class _Tasks:
    """Jobs of `promo`, in the words of these routes."""

    def __init__(self, deps: RouteDeps) -> None:
        self._deps = deps
        self._engine = deps.engine

    def start(self, owner: str, key: str | None, incoming: Any, *, stepwise: bool) -> Started:
        accepted = self._deps.submit(PIPELINE, incoming, owner=owner, key=key and _plain(key), stepwise=stepwise)
        return self.started(
            accepted.job, "the task is accepted" if accepted.created else "this task was accepted before"
        )

    def started(self, job: Job, message: str) -> Started:
        return Started(task_id=job.key or job.id, job_id=job.id, message=message, auto_continue=not job.stepwise)

    def find(self, task_id: str, owner: str) -> Job:
        """The owner's task, by the client's id or the job's. Raises `NotFound`."""
        job = self._by_key(task_id, owner) or self._by_key(_plain(task_id), owner)
        if job is None:
            try:
                job = self._deps.job(task_id, owner)
            except NotFound:
                job = None
        if job is None or job.pipeline != PIPELINE:
            raise NotFound("there is no task of this id")
        return job

    def _by_key(self, task_id: str, owner: str) -> Job | None:
        if not (1 <= len(task_id) <= 200 and task_id.isascii() and task_id.isprintable()):
            return None
        try:
            return self._engine.job_by_key(task_id, owner)
        except NotFound:
            return None

    def generate(self, job: Job, stage: str, owner: str) -> Started:
        before = STAGES[STAGES.index(stage) - 1]
        if not job.done(before):
            raise Conflict(f"{stage} needs the {before}, which is not there yet", missing=[before])
        if job.done(stage):
            return self.started(job, f"the {stage} is there already; retry makes it anew")
        run = next((run for run in self._engine.runs(job) if run.stage == stage), None)
        if job.state in ENDED or run is None or run.state is RunState.HELD:
            job = self._engine.resume(job.id, owner)
        return self.started(job, f"the {stage} is being made")

    # ── how it is ──

    def status(self, job: Job, only: str | None = None) -> TaskStatus:
        job, found = self._engine.look(job.id, job.owner)
        runs = {run.stage: run for run in found}
        outputs = self._deps.with_links(job, self._engine.outputs(job, every=True))
        stages = {
            name: self._stage(name, runs.get(name), outputs.get(name) if only in (None, name) else None)
            for name in STAGES
        }
        current = self._current(job)
        return TaskStatus(
            task_id=job.key or job.id,
            job_id=job.id,
            current_stage=current,
            overall_status=_overall(job, stages[current] if current else None),
            stages=stages,
            progress=self._progress(job, runs),
            message=_told(job, current, runs.get(current or "")),
        )

    @staticmethod
    def _current(job: Job) -> str | None:
        if job.state is JobState.COMPLETED:
            return None
        return next((name for name in STAGES if not job.done(name)), None)

    @staticmethod
    def _stage(name: str, run: StageRun | None, output: Any) -> StageStatus:
        if run is None:
            return StageStatus(status="pending", progress=0)
        failed = run.state not in OPEN and run.error is not None
        return StageStatus(
            status=stage_status(name, run),
            progress=run.progress,
            message=run.error.get("message") if failed and run.error else run.message,
            error=run.error.get("code") if failed and run.error else None,
            result=output if run.state in (RunState.COMPLETED, RunState.SKIPPED) else None,
        )

    def _progress(self, job: Job, runs: dict[str, StageRun]) -> float:
        pipeline = self._engine.registry.find(job.pipeline, job.version)
        if pipeline is None:
            return 0.0
        total = sum(stage.weight for stage in pipeline.stages.values())
        begun = sum(pipeline.stages[name].weight * run.progress for name, run in runs.items() if not job.done(name))
        return round(min(1.0, pipeline.progress(job.tally) + begun / total), 4)


def _plain(task_id: str) -> str:
    """A UUID in the one form in which it is kept, whatever form it was written in; other text as it is."""
    try:
        return str(UUID(task_id))
    except ValueError:
        return task_id


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
            if run.message and "uploading" in run.message:
                return "uploading"
            return begun if run.scratch.get("waits") else "processing"  # a look at what is being made elsewhere
        case RunState.READY:  # between two looks at what is being made elsewhere, or not begun
            return begun if run.attempts and run.started_at is not None else "pending"
        case _:  # held or parked: a person or another worker is waited for
            return "pending"


def _overall(job: Job, current: StageStatus | None) -> Status:
    if job.state is JobState.COMPLETED:
        return "completed"
    if job.state in ENDED:
        return "failed"
    return current.status if current and current.status != "failed" else "processing"


def _told(job: Job, current: str | None, run: StageRun | None) -> str:
    if job.state is JobState.COMPLETED:
        return "the clip is ready"
    if job.state is JobState.CANCELLED:
        return "the task was cancelled; resume goes on with it"
    if job.state is JobState.FAILED:
        return str((job.error or {}).get("message") or f"{current} has failed; resume goes on with it")
    if run is not None and run.state is RunState.HELD:
        told = (run.error or {}).get("message")
        return str(told) if told else f"{current} is next; resume goes on"
    return (
        run.message
        if run is not None and run.message
        else f"{current}: {stage_status(current or '', run) if run else 'pending'}"
    )
