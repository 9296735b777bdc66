"""Dead letters, and what a person decides about them and about calls whose answer was lost."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from stagepass.api.body import json_body, read_model
from stagepass.api.deps import (
    Acting,
    AnewQuery,
    Limit,
    Name,
    OwnerQuery,
    Reader,
    RunId,
    SystemDep,
    owner_of,
    run_cursor_of,
    run_id_of,
    shows_payloads,
)
from stagepass.api.jobs import look
from stagepass.api.views import (
    DeadList,
    Decision,
    HeldList,
    Redrive,
)
from stagepass.bootstrap import System
from stagepass.content.reader import reader
from stagepass.content.translate import translated
from stagepass.engine.model.filters import RunFilter
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.records import StageRun
from stagepass.engine.model.states import RunState
from stagepass.errors import NotFound, RequestError
from stagepass.sentences import sentence
from stagepass.views.jobs import PREFIX, JobView
from stagepass.views.redrive import Discarded, Redriven, priced
from stagepass.views.runs import DeadDetail, dead_detail, dead_view, held_view

router = APIRouter(tags=["dead letters"])

_FAILED = (RunState.FAILED,)


@router.get(f"{PREFIX}/dead", summary="List dead letters")
def list_dead(
    reader: Reader,
    system: SystemDep,
    pipeline: Name = None,
    stage: Name = None,
    code: Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="the error's code")] = None,
    owner: OwnerQuery = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(description="the next_cursor of the page before")] = None,
) -> DeadList:
    """Stage runs of the caller's that are out of attempts; those of all owners for viewers and operators."""
    before = run_cursor_of(cursor)
    found = system.engine.find_runs(
        RunFilter(
            owner_of(reader, owner),
            _FAILED,
            pipeline=pipeline,
            stage=stage,
            code=code,
            before=before,
            limit=limit + 1,
        )
    )
    more = found[limit - 1].id if len(found) > limit else None
    return DeadList(dead=[dead_view(run) for run in found[:limit]], next_cursor=more)


async def _wanted(request: Request, _: Reader, system: SystemDep) -> Redrive:
    return await read_model(request, Redrive, system.settings.max_input_bytes)


def _chosen(system: System, owner: str | None, wanted: Redrive) -> tuple[list[StageRun], bool]:
    """The caller's dead letters that fit, and whether there may be more."""
    found = system.engine.find_runs(
        RunFilter(
            owner, _FAILED, pipeline=wanted.pipeline, stage=wanted.stage, code=wanted.code, limit=wanted.limit + 1
        )
    )
    return found[: wanted.limit], len(found) > wanted.limit


@router.post(f"{PREFIX}/dead/redrive", summary="Send many again", status_code=202, openapi_extra=json_body(Redrive))
def redrive_many(actor: Acting, system: SystemDep, wanted: Annotated[Redrive, Depends(_wanted)]) -> Redriven:
    """Up to 100 dead letters of the caller, by filter. A job is redriven as a whole, with all its dead letters.

    They continue with what they had bought; `anew` buys it again.
    """
    chosen, more = _chosen(system, actor.scope, wanted)
    if wanted.dry_run:
        return priced(system, chosen, more)
    anew = {False: Anew.NO, True: Anew.YES, "force": Anew.FORCE}[wanted.anew]
    gone_on, refused = dict[str, int](), dict[str, str]()
    for run in chosen:
        if run.job_id in gone_on and not run.notes.counted:
            gone_on[run.job_id] += 1
            continue
        try:
            system.engine.redrive(run.id, actor.scope, anew=anew)
            gone_on[run.job_id] = 1
        except RequestError as error:
            refused[run.id] = translated(error.message, reader())
    return Redriven(jobs=list(gone_on), runs=sum(gone_on.values()), refused=refused, more=more)


@router.post(f"{PREFIX}/dead/discard", summary="Give many up", status_code=202, openapi_extra=json_body(Redrive))
def discard_many(actor: Acting, system: SystemDep, wanted: Annotated[Redrive, Depends(_wanted)]) -> Discarded:
    """Up to 100 dead letters of the caller's, by filter. Their jobs stay failed."""
    chosen, more = _chosen(system, actor.scope, wanted)
    if wanted.dry_run:
        return Discarded(dry_run=True, runs=[run.id for run in chosen], refused={}, more=more)
    gone, refused = [], dict[str, str]()
    for run in chosen:
        try:
            system.engine.discard(run.id, actor.scope)
            gone.append(run.id)
        except RequestError as error:
            refused[run.id] = translated(error.message, reader())
    return Discarded(runs=gone, refused=refused, more=more)


@router.get(f"{PREFIX}/dead/{{run_id}}", summary="Look at a dead letter")
def get_dead(run_id: RunId, reader: Reader, system: SystemDep) -> DeadDetail:
    """Its input, error, attempts and trace, what its job has cost, and what a redrive will."""
    run = system.store.run(run_id_of(run_id))
    if run is None or reader.scope not in (None, run.owner) or run.state not in (RunState.FAILED, RunState.DISCARDED):
        raise NotFound(sentence("there is no dead letter {run}", run=run_id), run_id=run_id)
    job = system.engine.job(run.job_id, reader.scope)
    return dead_detail(system, run, job, payloads=shows_payloads(system, reader))


@router.get(f"{PREFIX}/held", summary="List what waits for a decision", tags=["jobs"])
def list_held(
    reader: Reader,
    system: SystemDep,
    pipeline: Name = None,
    owner: OwnerQuery = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(description="the next_cursor of the page before")] = None,
) -> HeldList:
    """The caller's stage runs that wait for a person: calls that may have cost money, and steps of a stepwise job."""
    whose = owner_of(reader, owner)
    which = RunFilter(whose, (RunState.HELD,), pipeline=pipeline, before=run_cursor_of(cursor), limit=limit + 1)
    found = system.engine.find_runs(which)
    calls: dict[str, list[str]] = {}
    for run, name in system.store.open_calls([run.id for run in found]):
        calls.setdefault(run, []).append(name)
    more = found[limit - 1].id if len(found) > limit else None
    return HeldList(held=[held_view(run, calls.get(run.id, [])) for run in found[:limit]], next_cursor=more)


@router.post(f"{PREFIX}/dead/{{run_id}}/redrive", summary="Send a dead letter again", status_code=202)
def redrive(run_id: RunId, actor: Acting, system: SystemDep, anew: AnewQuery = Anew.NO) -> JobView:
    """With a full budget of attempts, and with the other runs that its job stopped."""
    return look(system, system.engine.redrive(run_id_of(run_id), actor.scope, anew=anew).id, actor.scope)


@router.post(f"{PREFIX}/dead/{{run_id}}/discard", summary="Give a dead letter up", status_code=202)
def discard(run_id: RunId, actor: Acting, system: SystemDep) -> JobView:
    """Its job stays failed; it leaves the list."""
    return look(system, system.engine.discard(run_id_of(run_id), actor.scope).id, actor.scope)


async def _decision(request: Request, _: Reader, system: SystemDep) -> Decision:
    return await read_model(request, Decision, system.settings.max_input_bytes)


@router.post(
    f"{PREFIX}/runs/{{run_id}}/decide",
    summary="Decide on a call whose answer was lost",
    status_code=202,
    tags=["jobs"],
    openapi_extra=json_body(Decision),
)
def decide(
    run_id: RunId, actor: Acting, system: SystemDep, decision: Annotated[Decision, Depends(_decision)]
) -> JobView:
    """Keep the value that the call gave, or allow it to be made again."""
    job = system.engine.decide(
        run_id_of(run_id), actor.scope, name=decision.name, value=decision.value, again=decision.again
    )
    return look(system, job.id, actor.scope)
