"""Jobs: submit, list, look, and what people ask of them."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from stagepass.api import intake, problems
from stagepass.api.answers import answer
from stagepass.api.body import read_json
from stagepass.api.deps import (
    Acting,
    AnewQuery,
    JobId,
    Key,
    Limit,
    Name,
    Owner,
    OwnerQuery,
    PayloadReader,
    Reader,
    SystemDep,
    TagsQuery,
    cursor_of,
    job_id_of,
    milliseconds,
    owned_job,
    owner_of,
    shows_payloads,
    system_of,
)
from stagepass.api.uploads import Incoming, read_input
from stagepass.api.views import (
    AttemptList,
    JobList,
    OutputsView,
    ResultView,
    Retried,
)
from stagepass.bootstrap import System
from stagepass.content.reader import reader
from stagepass.declare.tags import read_tags, read_wanted
from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import ENDED, JobState
from stagepass.errors import InvalidInput
from stagepass.sentences import sentence
from stagepass.views.detail import JobDetail, job_detail
from stagepass.views.errors import error_view
from stagepass.views.files import with_links
from stagepass.views.jobs import PREFIX, JobView, job_view, location, summaries
from stagepass.views.runs import attempt_view
from stagepass.views.times import maybe_at

router = APIRouter(tags=["jobs"])

OPEN_AGAIN = 2
"""Seconds after which to ask again for the result of a job that is still open."""


async def incoming_for(request: Request, name: str) -> AsyncIterator[Incoming]:
    """The input that a request brings for the pipeline of that name."""
    system = await system_of(request)
    incoming = await read_input(request, system.registry.latest(name).input, system.settings)
    try:
        yield incoming
    finally:
        for upload in incoming.uploads:
            upload.content.close()


@router.post(
    f"{PREFIX}/pipelines/{{name}}/jobs",
    status_code=202,
    summary="Submit a job",
    response_model=JobView,
    responses={200: {"model": JobView, "description": "This key was used before: the job that is there"}},
)
def submit(
    name: str,
    owner: Owner,
    system: SystemDep,
    key: Key,
    incoming: Annotated[Incoming, Depends(incoming_for)],
    priority: Annotated[int, Query(ge=-100, le=100, description="higher goes first among your own jobs")] = 0,
    delay: Annotated[float, Query(ge=0, le=366 * 86400, description="seconds before it begins")] = 0.0,
    stepwise: Annotated[bool, Query(description="stop after each stage until it is resumed")] = False,
    tag: TagsQuery = None,
) -> Response:
    """Accepts a job. After the answer it is kept, whatever happens.

    The body is the input itself as JSON, or a form: a field `input` with JSON or one field per value, and files
    in the fields that take them.
    """
    accepted = intake.submit(
        system,
        name,
        incoming,
        owner=owner,
        key=key,
        priority=priority,
        delay=delay,
        stepwise=stepwise,
        tags=read_tags(tag),
    )
    place = {"Location": location(accepted.job)}
    if accepted.created:
        return answer(job_view(system, accepted.job, None, tags=accepted.tags), 202, place)
    return answer(look(system, accepted.job.id, owner), 200, place)


@router.get(f"{PREFIX}/jobs", summary="List jobs", response_model=JobList)
def list_jobs(
    reader: Reader,
    system: SystemDep,
    pipeline: Name = None,
    state: Annotated[list[JobState] | None, Query(description="may be given several times")] = None,
    owner: OwnerQuery = None,
    tag: Annotated[list[str] | None, Query(max_length=20, description="name=value, or name; may be repeated")] = None,
    key: Annotated[str | None, Query(max_length=200, description="the idempotency key")] = None,
    code: Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,59}$", description="of a stage's error")] = None,
    since: Annotated[datetime | None, Query(description="submitted since then")] = None,
    until: Annotated[datetime | None, Query(description="submitted before then")] = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(description="the next_cursor of the page before")] = None,
) -> Response:
    """The caller's jobs, the newest first; those of all owners for viewers and operators."""
    which = JobFilter(
        owner_of(reader, owner),
        pipeline=pipeline,
        states=tuple(state or ()),
        before=cursor_of(cursor),
        limit=limit + 1,
        tags=read_wanted(tag or ()),
        key=key,
        code=code,
        since=milliseconds(since),
        until=milliseconds(until),
    )
    found = system.engine.jobs(which)
    more = found[limit - 1].id if len(found) > limit else None
    return answer(JobList(jobs=summaries(system, found[:limit]), next_cursor=more))


@router.get(f"{PREFIX}/jobs/{{job_id}}", summary="Look at a job", response_model=JobView | JobDetail)
def get_job(
    job_id: JobId,
    reader: Reader,
    system: SystemDep,
    full: Annotated[bool, Query(description="also its input, outputs, attempts and ledger")] = False,
) -> Response:
    """A job with its stages, and its result once it is completed."""
    job, runs = system.engine.look(job_id_of(job_id), reader.scope)
    payloads = shows_payloads(system, reader)
    shown = job_detail if full else job_view
    return answer(shown(system, job, runs, payloads=payloads))


@router.get(
    f"{PREFIX}/jobs/{{job_id}}/result",
    summary="Get the result",
    responses={202: {"model": JobView, "description": "Not done yet; ask again after Retry-After"}},
    response_model=ResultView,
)
def get_result(job_id: JobId, reader: PayloadReader, system: SystemDep, response: Response) -> Any:
    """200 with the result; 202 while it is made; 409 with the reason once the job has failed or was cancelled."""
    job = owned_job(system, job_id, reader.scope)
    if job.state is JobState.COMPLETED:
        result = with_links(system, job, system.engine.result(job))
        return ResultView(job_id=job.id, pipeline=job.pipeline, result=result, finished_at=maybe_at(job.finished_at))
    if job.state in ENDED:
        return no_result(job)
    return answer(look(system, job_id, reader.scope), 202, {"Retry-After": str(OPEN_AGAIN)})


def look(system: System, job_id: str, owner: str | None) -> JobView:
    """A whole job of that owner; None: of any."""
    return job_view(system, *system.engine.look(job_id_of(job_id), owner))


def no_result(job: Job) -> Response:
    """Why a job that ended has none."""
    error = error_view(job.error)
    return problems.problem(
        409,
        f"job_{job.state.value}",
        error.message
        if error and error.message
        else sentence("the job is {state}; resume it to continue", state=job.state.value),
        error=error.model_dump(exclude_none=True) if error else None,
        job_id=job.id,
        language=reader(),
    )


@router.get(f"{PREFIX}/jobs/{{job_id}}/outputs", summary="Get what the stages made so far")
def get_outputs(job_id: JobId, reader: PayloadReader, system: SystemDep) -> OutputsView:
    """The stored output of every stage that is done; also of a job that failed later."""
    job = owned_job(system, job_id, reader.scope)
    return OutputsView(job_id=job.id, outputs=with_links(system, job, system.engine.outputs(job, every=True)))


@router.get(f"{PREFIX}/jobs/{{job_id}}/attempts", summary="List the attempts of a job")
def get_attempts(job_id: JobId, reader: Reader, system: SystemDep) -> AttemptList:
    """Every try that is over, and how it ended."""
    job = owned_job(system, job_id, reader.scope)
    runs = {run.id: run for run in system.engine.runs(job)}
    attempts = [attempt_view(attempt, runs[attempt.run_id]) for attempt in system.store.attempts(list(runs))]
    return AttemptList(attempts=attempts)


async def _tags(request: Request, _: Acting, system: SystemDep) -> dict[str, str | None]:
    given = await read_json(request, 100_000)
    if not isinstance(given, dict) or not all(isinstance(value, str | None) for value in given.values()):
        raise InvalidInput(sentence("send an object of tags; null removes one"), field="tags")
    return given


@router.patch(
    f"{PREFIX}/jobs/{{job_id}}/tags",
    summary="Change a job's tags",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
                    "example": {"customer": "acme", "draft": None},
                }
            },
        }
    },
)
def tag(
    job_id: JobId, actor: Acting, system: SystemDep, given: Annotated[dict[str, str | None], Depends(_tags)]
) -> JobView:
    """Sets these beside those that it has; null removes one. Up to 20."""
    system.engine.tag(job_id_of(job_id), actor.scope, given)
    return look(system, job_id, actor.scope)


@router.post(f"{PREFIX}/jobs/{{job_id}}/cancel", summary="Cancel a job", status_code=202)
def cancel(job_id: JobId, actor: Acting, system: SystemDep) -> JobView:
    """Stops what is queued or waits at once, and what runs at its next step. 409 if the job has ended."""
    system.engine.cancel(job_id_of(job_id), actor.scope)
    return look(system, job_id, actor.scope)


@router.post(f"{PREFIX}/jobs/{{job_id}}/resume", summary="Resume a job", status_code=202)
def resume(job_id: JobId, actor: Acting, system: SystemDep, anew: AnewQuery = Anew.NO) -> JobView:
    """Continues a failed, cancelled or held job; finished stages are kept. 409 if there is nothing to resume."""
    system.engine.resume(job_id_of(job_id), actor.scope, anew=anew)
    return look(system, job_id, actor.scope)


@router.post(f"{PREFIX}/jobs/{{job_id}}/stages/{{stage}}/retry", summary="Make a stage again", status_code=202)
def retry(job_id: JobId, stage: str, actor: Acting, system: SystemDep, anew: AnewQuery = Anew.NO) -> Retried:
    """From the stored results before it; what comes after it is made again. 409 if those are not there."""
    system.engine.retry(job_id_of(job_id), stage, actor.scope, anew=anew)
    return Retried(**dict(look(system, job_id, actor.scope)), stage=stage)
