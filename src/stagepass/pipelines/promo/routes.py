"""The routes that `promo` had before there was an engine, for clients that know them (spec "HTTP").

A task's id is the client's own where it gave one (`task_id`, or the Idempotency-Key), else the job's.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel

from stagepass.content.catalogue import negotiate
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import ENDED, RunState
from stagepass.errors import BadRequest, Conflict, NotFound
from stagepass.pipelines.http import RouteDeps
from stagepass.pipelines.promo.status import STAGES, Results, StageStatus, TaskStatus, task_status
from stagepass.pipelines.promo.texts import say, texts
from stagepass.sentences import sentence

PIPELINE = "promo"


class Started(BaseModel):
    """The task was accepted or resumed."""

    success: bool = True
    task_id: str
    job_id: str
    message: str
    auto_continue: bool
    stage: str | None = None
    """The stage that a retry runs again."""


class OneStage(StageStatus):
    """A single stage of a task."""

    task_id: str
    job_id: str
    stage: str


def language_of(
    response: Response,
    languages: Annotated[str | None, Header(alias="Accept-Language", examples=["ko, en;q=0.5"])] = None,
) -> str:
    """The language of the messages: Korean or English."""
    response.headers["Vary"] = "Accept-Language"
    return negotiate(languages, texts().languages)


Language = Annotated[str, Depends(language_of)]
BuyAgain = Annotated[
    Anew,
    Query(
        description="`true` gives up what the stages had bought and buys it again; refused with 409 while an order is "
        "not collected yet, unless it is `force`"
    ),
]


def make_router(deps: RouteDeps) -> APIRouter:
    """The routes; the API mounts them below ``/api/v1``."""
    router = APIRouter()
    owner_of, key_of, incoming_of = Depends(deps.owner), Depends(deps.key), Depends(deps.read_input(PIPELINE))
    tasks = _Tasks(deps)

    @router.post("/pipeline/start", status_code=202, summary="Start a task", openapi_extra=deps.body(PIPELINE))
    def start(
        owner: Annotated[str, owner_of],
        key: Annotated[str | None, key_of],
        incoming: Annotated[Any, incoming_of],
        language: Language,
    ) -> Started:
        """The fields as JSON, or as a form with up to 10 photos. The same task_id returns the same job."""
        return tasks.start(owner, key, incoming, language, stepwise=False)

    @router.get("/pipeline/status/{task_id}", summary="See how a task is")
    def status(task_id: str, owner: Annotated[str, owner_of], language: Language) -> TaskStatus:
        """All stages, and the results of those that are completed."""
        return tasks.status(tasks.find(task_id, owner), language)

    @router.post("/pipeline/retry/{task_id}/{stage}", status_code=202, summary="Make a stage again")
    def retry(
        task_id: str, stage: str, owner: Annotated[str, owner_of], language: Language, anew: BuyAgain = Anew.NO
    ) -> Started:
        """From the stored results before it; what comes after it is made again. 409 if those are not there."""
        job = tasks.find(task_id, owner)
        if stage not in STAGES:
            raise BadRequest(
                sentence(
                    "there is no stage {stage}; stages: {stages}", stage=f"{stage[:40]!r}", stages=", ".join(STAGES)
                ),
                field="stage",
            )
        return tasks.started(
            deps.engine.retry(job.id, stage, owner, anew=anew), say("job.again", language, stage=stage), stage
        )

    @router.post("/pipeline/resume/{task_id}", status_code=202, summary="Resume a task")
    def resume(task_id: str, owner: Annotated[str, owner_of], language: Language, anew: BuyAgain = Anew.NO) -> Started:
        """From the stage that failed or was cancelled. 409 if the task did neither."""
        job = tasks.find(task_id, owner)
        return tasks.started(deps.engine.resume(job.id, owner, anew=anew), say("job.resumed", language))

    @router.post("/lyric/generate", status_code=202, summary="Write a lyric", openapi_extra=deps.body(PIPELINE))
    def generate_lyric(
        owner: Annotated[str, owner_of],
        key: Annotated[str | None, key_of],
        incoming: Annotated[Any, incoming_of],
        language: Language,
    ) -> Started:
        """Starts a task that pauses after its lyric until the song is requested."""
        return tasks.start(owner, key, incoming, language, stepwise=True)

    @router.post("/song/generate/{task_id}", status_code=202, summary="Make the song of a lyric")
    def generate_song(task_id: str, owner: Annotated[str, owner_of], language: Language) -> Started:
        """409 without a lyric. A repeated request waits for the same song; it is not bought twice."""
        return tasks.generate(tasks.find(task_id, owner), "song", owner, language)

    @router.post("/video/generate/{task_id}", status_code=202, summary="Make the video of a song")
    def generate_video(task_id: str, owner: Annotated[str, owner_of], language: Language) -> Started:
        """409 without a song. A repeated request waits for the same video; it is not rendered twice."""
        return tasks.generate(tasks.find(task_id, owner), "video", owner, language)

    for stage in STAGES:
        _stage_status_route(router, tasks, stage, owner_of)
    return router


def _stage_status_route(router: APIRouter, tasks: "_Tasks", stage: str, owner_of: Any) -> None:
    @router.get(f"/{stage}/status/{{task_id}}", summary=f"See how the {stage} of a task is", name=f"{stage}_status")
    def status(task_id: str, owner: Annotated[str, owner_of], language: Language) -> OneStage:
        """The stage, and its result once it is completed."""
        job = tasks.find(task_id, owner)
        found = tasks.status(job, language, only=stage).stages[stage]
        return OneStage(task_id=job.key or job.id, job_id=job.id, stage=stage, **found.model_dump())


class _Tasks:
    """Jobs of `promo`, in the words of these routes."""

    def __init__(self, deps: RouteDeps) -> None:
        self._deps = deps
        self._engine = deps.engine

    def start(self, owner: str, key: str | None, incoming: Any, language: str, *, stepwise: bool) -> Started:
        accepted = self._deps.submit(PIPELINE, incoming, owner=owner, key=key and _plain(key), stepwise=stepwise)
        return self.started(accepted.job, say("job.accepted" if accepted.created else "job.known", language))

    def started(self, job: Job, message: str, stage: str | None = None) -> Started:
        known = {"task_id": job.key or job.id, "job_id": job.id, "auto_continue": not job.stepwise}
        return Started(**known, message=message, stage=stage)

    def find(self, task_id: str, owner: str) -> Job:
        """The owner's task, by the client's id or the job's. Raises `NotFound`."""
        job = self._by_key(task_id, owner) or self._by_key(_plain(task_id), owner)
        if job is None:
            try:
                job = self._deps.job(task_id, owner)
            except NotFound:
                job = None
        if job is None or job.pipeline != PIPELINE:
            raise NotFound(sentence("there is no task with this id"))
        return job

    def _by_key(self, task_id: str, owner: str) -> Job | None:
        if not (1 <= len(task_id) <= 200 and task_id.isprintable()):
            return None
        try:
            return self._engine.job_by_key(task_id, owner)
        except NotFound:
            return None

    def generate(self, job: Job, stage: str, owner: str, language: str) -> Started:
        before = STAGES[STAGES.index(stage) - 1]
        if not job.done(before):
            raise Conflict(
                sentence("{stage} needs the {before}, which is not finished yet", stage=stage, before=before),
                missing=[before],
            )
        if job.done(stage):
            return self.started(job, say("job.there", language, stage=stage))
        run = next((run for run in self._engine.runs(job) if run.stage == stage), None)
        if job.state in ENDED or run is None or run.state is RunState.HELD:
            job = self._engine.resume(job.id, owner)
        return self.started(job, say("job.processing", language, stage=stage))

    def status(self, job: Job, language: str, only: str | None = None) -> TaskStatus:
        job, found = self._engine.look(job.id, job.owner)
        stored = self._engine.outputs(job, every=True)
        outputs = self._deps.with_links(job, {name: _shown(output) for name, output in stored.items()})
        results = Results(
            {name: output for name, output in outputs.items() if only in (None, name)},
            self._lasting(job, stored.get("song")),
            self._lasting(job, stored.get("video")),
        )
        pipeline = self._engine.registry.find(job.pipeline, job.version)
        runs = {run.stage: run for run in found}
        return task_status(job, pipeline, runs, results, language, self._engine.clock.now())

    def _lasting(self, job: Job, output: Any) -> str | None:
        file = output.get("file") if isinstance(output, dict) else None
        return self._deps.lasting_link(job, file) if file else None


def _shown(output: Any) -> Any:
    """An output without the prompt that it came from, which is the house's own."""
    return {name: value for name, value in output.items() if name != "prompt"} if isinstance(output, dict) else output


def _plain(task_id: str) -> str:
    """A UUID in the one form in which it is kept, whatever form it was written in; other text as it is."""
    try:
        return str(UUID(task_id))
    except ValueError:
        return task_id
