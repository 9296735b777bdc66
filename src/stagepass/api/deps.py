"""Dependencies of routes: the system and the caller, also for pipelines' own routes."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Path, Query, Request

from stagepass.auth.authenticate import ACTS, acts
from stagepass.bootstrap import System
from stagepass.engine.model.actors import Actor, Role, set_actor
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.records import Job
from stagepass.errors import BadRequest, Forbidden, InvalidInput, NotFound
from stagepass.sentences import sentence
from stagepass.text import clean
from stagepass.views.jobs import PREFIX as PREFIX

WATCH = "watch"
"""Purpose of the signed ticket for a job's events."""

AnewQuery = Annotated[
    Anew,
    Query(
        description="`true` gives up what the stages had bought and buys it again; refused with 409 while an order is "
        "not collected yet, unless it is `force`"
    ),
]
JobId = Annotated[str, Path(description="the job's id", json_schema_extra={"format": "uuid"})]

_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RUN_ID = re.compile(rf"({_JOB_ID.pattern})\.[a-z][a-z0-9_]{{0,39}}(\.\d{{1,9}})?")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


# These are `async` so that they need no thread: they only look at memory.


async def system_of(request: Request) -> System:
    """The system that this app was made for."""
    return cast(System, request.app.state.system)


async def current_actor(request: Request) -> Actor:
    """The caller with their role; every route that touches a person's things depends on it.

    Raises `Forbidden` for a viewer on a route that changes something.
    """
    actor = cast(Actor, request.app.state.authenticate(request))
    if actor.role is Role.VIEWER and acts(request):
        raise Forbidden(sentence("your role is viewer: you may see everything, and change nothing"))
    set_actor(actor)  # whatever the route has the engine do is recorded under this name
    return actor


async def current_owner(request: Request) -> str:
    """The caller's name, for routes about the caller's own things, whatever the role."""
    return (await current_actor(request)).name


async def acting_owner(request: Request) -> str:
    """The same on a route that changes something although it is a GET: guarded like a POST."""
    request.scope[ACTS] = True
    return await current_owner(request)


async def acting(
    request: Request,
    why: Annotated[str | None, Query(max_length=500, description="the reason, for the audit log")] = None,
) -> Actor:
    """The caller of a route that changes something, with the reason for it."""
    actor = replace(await current_actor(request), why=clean(why or "") or None)
    set_actor(actor)
    return actor


async def operator(actor: Annotated[Actor, Depends(acting)]) -> Actor:
    """Only an operator. Raises `Forbidden`."""
    if actor.role is not Role.OPERATOR:
        raise Forbidden(sentence("only an operator may do this; your role is {role}", role=actor.role.value))
    return actor


async def observer(request: Request) -> Actor:
    """A viewer or an operator. Raises `Forbidden`."""
    actor = await current_actor(request)
    if not actor.role.sees_all:
        raise Forbidden(sentence("only viewers and operators may see this; your role is {role}", role=actor.role.value))
    return actor


async def payload_reader(request: Request) -> Actor:
    """Someone who may see inputs, outputs and results. Raises `Forbidden`."""
    actor = await current_actor(request)
    if not shows_payloads(request.app.state.system, actor):
        raise Forbidden(sentence("your role is viewer: inputs, outputs and results are not shown to you"))
    return actor


def shows_payloads(system: System, actor: Actor) -> bool:
    """Whether inputs, outputs and results are shown to this caller."""
    return actor.role is not Role.VIEWER or system.settings.viewer_payloads


async def current_watcher(
    request: Request,
    job_id: JobId,
    ticket: Annotated[
        str | None, Query(max_length=2000, description="of a link to watch; then no other proof is needed")
    ] = None,
) -> str | None:
    """The owner whose job is watched: the caller (None: any), or the owner who requested the caller's link."""
    if ticket is None:
        return (await current_actor(request)).scope
    named = (await system_of(request)).links.verify(WATCH, ticket)
    if named["job"] != job_id:
        raise Forbidden(sentence("this link is for another job"))
    return cast(str, named["owner"])


async def idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(description="Your own name for this request: sent again, it gives the same job", max_length=202),
    ] = None,
    x_idempotency_key: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> str | None:
    """The key of a request, if it has one."""
    given = {_unquoted(key) for key in (idempotency_key, x_idempotency_key) if key is not None}
    if len(given) > 1:
        raise BadRequest(sentence("Idempotency-Key and X-Idempotency-Key differ; send one of them"))
    key = next(iter(given), None)
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidInput(
            sentence("an idempotency key must have 1 to 200 ASCII characters without spaces, such as a UUID"),
            field="Idempotency-Key",
        )
    return key


def _unquoted(key: str) -> str:
    """The draft standard (draft-ietf-httpapi-idempotency-key-header) quotes keys; most clients do not."""
    return key[1:-1] if len(key) > 2 and key[0] == key[-1] == '"' else key


SystemDep = Annotated[System, Depends(system_of)]
Owner = Annotated[str, Depends(current_owner)]
Reader = Annotated[Actor, Depends(current_actor)]
PayloadReader = Annotated[Actor, Depends(payload_reader)]
Acting = Annotated[Actor, Depends(acting)]
Operator = Annotated[Actor, Depends(operator)]
Observer = Annotated[Actor, Depends(observer)]
Watcher = Annotated[str | None, Depends(current_watcher)]
Key = Annotated[str | None, Depends(idempotency_key)]

OwnerQuery = Annotated[
    str | None, Query(max_length=200, description="only this owner's; others than yourself for viewers and operators")
]
TagsQuery = Annotated[
    list[str] | None,
    Query(max_length=20, description="name=value; may be repeated", examples=[["customer=acme", "order=4711"]]),
]
RunId = Annotated[str, Path(description="a stage run's id: job.stage or job.stage.item", max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]
Name = Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


def job_id_of(job_id: str) -> str:
    """The id, if it can be one. Raises `NotFound`."""
    if not _JOB_ID.fullmatch(job_id):
        raise NotFound(sentence("there is no job {job}", job=f"{job_id[:60]!r}"))
    return job_id


def owned_job(system: System, job_id: str, owner: str | None) -> Job:
    """The owner's job; None: of any owner. Raises `NotFound`, the same for another's and for none at all."""
    return system.engine.job(job_id_of(job_id), owner)


def owner_of(reader: Actor, wanted: str | None) -> str | None:
    """The owner to list; None: everyone. Raises `Forbidden` where a user asks for another's things."""
    if wanted is not None and reader.scope not in (None, wanted):
        raise Forbidden(sentence("you may list your own things only; leave owner out"))
    return wanted if wanted is not None else reader.scope


def milliseconds(moment: datetime | None) -> int | None:
    """A time as milliseconds since the epoch; without a zone it is in UTC."""
    if moment is None:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def run_id_of(run_id: str) -> str:
    """The id, if it can be one. Raises `NotFound`."""
    if not _RUN_ID.fullmatch(run_id):
        raise NotFound(sentence("there is no stage run with this id"))
    return run_id


def cursor_of(cursor: str | None, kind: re.Pattern[str] = _JOB_ID) -> str | None:
    """A page's cursor. Raises `InvalidInput` for one that was not given out here."""
    if cursor is not None and not kind.fullmatch(cursor):
        raise InvalidInput(sentence("cursor: send the next_cursor of the previous page"), field="cursor")
    return cursor


def run_cursor_of(cursor: str | None) -> str | None:
    """The same, of a page of stage runs."""
    return cursor_of(cursor, _RUN_ID)


Dependency = Callable[..., Any]
