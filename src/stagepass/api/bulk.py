"""Many at once: the count and the price first, then, confirmed, in the background."""

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from stagepass.api.body import json_body, read_model
from stagepass.api.deps import PREFIX, Acting, JobId, Limit, Reader, SystemDep, cursor_of, milliseconds, owner_of
from stagepass.bootstrap import System
from stagepass.declare.tags import read_wanted
from stagepass.engine.model.actors import Act, Actor
from stagepass.engine.model.bulk import Bulk, BulkAct, Selection
from stagepass.engine.model.ids import new_id
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.states import JobState
from stagepass.errors import Conflict, Forbidden, NotFound
from stagepass.sentences import sentence
from stagepass.views.bulk import BulkView, EstimateView, bulk_view, estimate_view
from stagepass.views.times import at

router = APIRouter(tags=["operations"])

CONFIRM = "bulk"
"""Purpose of the signed token that confirms a count and a price."""

CONFIRM_LIFE = 900.0

_NAME = r"^[a-z][a-z0-9_]{0,39}$"


class BulkFilter(BaseModel):
    """Which jobs; for redrive and discard, which dead letters. An empty filter is everything."""

    model_config = ConfigDict(extra="forbid")

    pipeline: str | None = Field(default=None, pattern=_NAME)
    stage: str | None = Field(default=None, pattern=_NAME, description="of dead letters")
    state: list[JobState] = Field(
        default_factory=list, max_length=6, description="of jobs; by default what the act is for"
    )
    code: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,59}$", description="the error's code")
    tag: list[Annotated[str, Field(max_length=300)]] = Field(
        default_factory=list, max_length=20, description="name=value, or name", examples=[["customer=acme"]]
    )
    owner: str | None = Field(default=None, max_length=200, description="others than yourself for operators")
    since: datetime | None = Field(default=None, description="submitted since then")
    until: datetime | None = Field(default=None, description="submitted before then")


class BulkRequest(BaseModel):
    """An act on all that fit."""

    model_config = ConfigDict(extra="forbid")

    act: BulkAct
    filter: BulkFilter
    anew: Anew = Field(default=Anew.NO, description="of resume and redrive: give existing orders up, and buy again")
    tags: dict[str, Annotated[str, Field(max_length=300)] | None] = Field(
        default_factory=dict, max_length=20, description="of tag: what to set; null removes one"
    )
    confirm: str | None = Field(default=None, max_length=2000, description="from the answer without it")


class BulkList(BaseModel):
    """A page of bulk operations, the newest first."""

    bulk: list[BulkView]
    next_cursor: str | None = None


async def _wanted(request: Request, _: Acting, system: SystemDep) -> BulkRequest:
    return await read_model(request, BulkRequest, system.settings.max_input_bytes)


@router.post(
    f"{PREFIX}/bulk",
    summary="Act on many jobs",
    openapi_extra=json_body(BulkRequest),
    responses={202: {"model": BulkView, "description": "Confirmed: it is carried out in the background"}},
)
def act_on_many(
    actor: Acting, system: SystemDep, response: Response, wanted: Annotated[BulkRequest, Depends(_wanted)]
) -> EstimateView | BulkView:
    """Without `confirm`: how many fit, and what it will cost; nothing is changed. With it: carries it out.

    cancel, resume and tag are for jobs, redrive and discard for dead letters. 409 when the confirmation is for
    another request, or has expired. Confirmed twice, it is carried out once.
    """
    selection = _selection(wanted.filter, owner_of(actor, wanted.filter.owner))
    asked = _digest(actor, wanted)
    if wanted.confirm is None:
        estimate = system.bulk.estimate(wanted.act, selection)
        figures: dict[str, Any] = {
            "id": new_id(),
            "asked": asked,
            "total": estimate.total,
            "usd": estimate.usd,
            "until": estimate.until,
        }
        ends = system.engine.clock.now() + int(CONFIRM_LIFE * 1000)
        confirm = system.links.sign(CONFIRM, figures, CONFIRM_LIFE)
        return estimate_view(wanted.act, estimate).model_copy(update={"confirm": confirm, "expires_at": at(ends)})
    known = _confirmed(system, wanted.confirm, asked)
    response.status_code = 202
    bulk = system.bulk.start(
        wanted.act,
        replace(selection, until=known["until"]),
        actor,
        known["total"],
        known["usd"],
        anew=wanted.anew,
        tags=wanted.tags,
        bulk_id=known["id"],
    )
    return bulk_view(bulk)


@router.get(f"{PREFIX}/bulk", summary="List bulk operations")
def list_bulk(
    reader: Reader,
    system: SystemDep,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(description="the next_cursor of the page before")] = None,
) -> BulkList:
    """The caller's; everyone's for viewers and operators."""
    found = system.store.bulks(reader.scope, cursor_of(cursor), limit + 1)
    more = found[limit - 1].id if len(found) > limit else None
    return BulkList(bulk=[bulk_view(one) for one in found[:limit]], next_cursor=more)


@router.get(f"{PREFIX}/bulk/{{job_id}}", summary="Look at a bulk operation")
def get_bulk(job_id: JobId, reader: Reader, system: SystemDep) -> BulkView:
    """How far it is."""
    return bulk_view(_own(system, job_id, reader))


@router.post(f"{PREFIX}/bulk/{{job_id}}/stop", summary="Stop a bulk operation", status_code=202)
def stop_bulk(job_id: JobId, actor: Acting, system: SystemDep) -> BulkView:
    """What it has done stays done. 409 when it has ended."""
    return bulk_view(system.bulk.stop(_own(system, job_id, actor).id, Act("stop", actor)))


def _own(system: System, bulk_id: str, actor: Actor) -> Bulk:
    bulk = system.bulk.get(bulk_id[:40])
    if actor.scope not in (None, bulk.by.name):
        raise NotFound(sentence("there is no bulk operation {id}", id=bulk_id[:40]), id=bulk_id[:40])
    return bulk


def _selection(given: BulkFilter, owner: str | None) -> Selection:
    return Selection(
        owner=owner,
        pipeline=given.pipeline,
        stage=given.stage,
        states=tuple(dict.fromkeys(given.state)),
        code=given.code,
        tags=read_wanted(given.tag),
        since=milliseconds(given.since),
        until=milliseconds(given.until),
    )


def _digest(actor: Actor, wanted: BulkRequest) -> str:
    """Of everything that was asked for, and by whom."""
    text = wanted.model_dump_json(exclude={"confirm"})
    return hashlib.sha256(f"{actor.name}\n{text}".encode()).hexdigest()


def _confirmed(system: System, token: str, asked: str) -> dict[str, Any]:
    try:
        figures = system.links.verify(CONFIRM, token)
    except (Forbidden, NotFound):
        raise Conflict(sentence("this confirmation has expired; ask for the count and the price again")) from None
    if figures["asked"] != asked:
        raise Conflict(sentence("this confirmation is for another request; ask for the count and the price again"))
    return figures
