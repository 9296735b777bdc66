"""Dead letters, and what a person decides about them and about calls whose answer was lost."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from stagepass.api.body import json_body, read_model
from stagepass.api.deps import PREFIX, Limit, Name, Owner, RunId, SystemDep, run_cursor_of, run_id_of
from stagepass.api.jobs import look
from stagepass.api.show import dead_view
from stagepass.api.views import DeadList, Decision, JobView, Redrive, Redriven
from stagepass.engine.ports import RunFilter
from stagepass.engine.states import RunState
from stagepass.errors import RequestError

router = APIRouter(tags=["dead letters"])

_FAILED = (RunState.FAILED,)


@router.get(f"{PREFIX}/dead", summary="List dead letters")
def list_dead(
    owner: Owner,
    system: SystemDep,
    pipeline: Name = None,
    stage: Name = None,
    code: Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="the error's code")] = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(description="the next_cursor of the page before")] = None,
) -> DeadList:
    """Stage runs of the caller's that are out of attempts."""
    before = run_cursor_of(cursor)
    found = system.engine.dead(
        RunFilter(owner, _FAILED, pipeline=pipeline, stage=stage, code=code, before=before, limit=limit + 1)
    )
    more = found[limit - 1].id if len(found) > limit else None
    return DeadList(dead=[dead_view(run) for run in found[:limit]], next_cursor=more)


async def _wanted(request: Request, _: Owner, system: SystemDep) -> Redrive:
    return await read_model(request, Redrive, system.settings.max_input_bytes)


@router.post(f"{PREFIX}/dead/redrive", summary="Send many again", status_code=202, openapi_extra=json_body(Redrive))
def redrive_many(owner: Owner, system: SystemDep, wanted: Annotated[Redrive, Depends(_wanted)]) -> Redriven:
    """Up to 100 dead letters of the caller's, by filter. A job goes on as a whole, with all of its dead letters."""
    found = system.engine.dead(
        RunFilter(
            owner, _FAILED, pipeline=wanted.pipeline, stage=wanted.stage, code=wanted.code, limit=wanted.limit + 1
        )
    )
    chosen, gone_on, refused = found[: wanted.limit], dict[str, int](), dict[str, str]()
    for run in chosen:
        if run.job_id in gone_on:
            gone_on[run.job_id] += 1
            continue
        try:
            system.engine.redrive(run.id, owner)
            gone_on[run.job_id] = 1
        except RequestError as error:
            refused[run.id] = error.message
    more = len(found) > wanted.limit
    return Redriven(jobs=list(gone_on), runs=sum(gone_on.values()), refused=refused, more=more)


@router.post(f"{PREFIX}/dead/{{run_id}}/redrive", summary="Send a dead letter again", status_code=202)
def redrive(run_id: RunId, owner: Owner, system: SystemDep) -> JobView:
    """With a full budget of attempts, and with what its job had stopped beside it."""
    return look(system, system.engine.redrive(run_id_of(run_id), owner).id, owner)


@router.post(f"{PREFIX}/dead/{{run_id}}/discard", summary="Give a dead letter up", status_code=202)
def discard(run_id: RunId, owner: Owner, system: SystemDep) -> JobView:
    """Its job stays failed; it leaves the list."""
    return look(system, system.engine.discard(run_id_of(run_id), owner).id, owner)


async def _decision(request: Request, _: Owner, system: SystemDep) -> Decision:
    return await read_model(request, Decision, system.settings.max_input_bytes)


@router.post(
    f"{PREFIX}/runs/{{run_id}}/decide",
    summary="Decide on a call whose answer was lost",
    status_code=202,
    tags=["jobs"],
    openapi_extra=json_body(Decision),
)
def decide(
    run_id: RunId, owner: Owner, system: SystemDep, decision: Annotated[Decision, Depends(_decision)]
) -> JobView:
    """Keep the value that the call gave, or allow it to be made again."""
    job = system.engine.decide(run_id_of(run_id), owner, name=decision.name, value=decision.value, again=decision.again)
    return look(system, job.id, owner)
