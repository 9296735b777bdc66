"""A job's events as Server-Sent Events: what is stored first, then live, each once and in order."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, cast

import anyio
from fastapi import APIRouter, Header, Query, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.datastructures import State

from stagepass import descriptors
from stagepass.api.deps import PREFIX, WATCH, JobId, Reader, SystemDep, Watcher, owned_job
from stagepass.api.views import WatchLink
from stagepass.bus.listen import Feed
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import Event, Job
from stagepass.engine.model.states import ENDED
from stagepass.errors import TooManyRequests
from stagepass.pipelines.http import Tell
from stagepass.sentences import sentence
from stagepass.views.files import LINK_LIFE
from stagepass.views.jobs import location
from stagepass.views.times import at

router = APIRouter(tags=["events"])

HEARTBEAT = 15
"""Seconds between two comments that keep proxies from closing a quiet line."""

RETRY = 2000
"""Milliseconds after which a browser connects again."""

SLOWEST_SEND = 60.0
"""Seconds that a client may take to accept a piece; then it is let go, and may come again."""

STOPPING = 2.0
"""Seconds that event streams get to close when the process shuts down."""

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`id` is the event's number, `event` its type; `data` is JSON with job_id, seq, type, stage, item, "
        "progress, at and what belongs to the type. Events of the type `tick` tell progress, and have no id.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    204: {"description": "The job has ended, and Last-Event-ID is its last event: do not connect again"},
}


@router.get(
    f"{PREFIX}/jobs/{{job_id}}/events",
    summary="Watch a job",
    responses=_STREAM,
    response_class=Response,
)
async def watch(
    request: Request,
    job_id: JobId,
    owner: Watcher,
    system: SystemDep,
    last_event_id: Annotated[str | None, Header(description="number of the last event that was seen")] = None,
    since: Annotated[
        str | None, Query(alias="last_event_id", description="the same, where no header can be set")
    ] = None,
) -> Response:
    """The stream of a job's events: all from the beginning, or those after Last-Event-ID, then live until it ends."""
    job = await asyncio.to_thread(owned_job, system, job_id, owner)
    after = _number(last_event_id if last_event_id is not None else since, job)
    if job.state in ENDED and after == job.seq:
        return Response(status_code=204)
    return _response(request, job, _stream(request.app.state, job, after))


@router.post(f"{PREFIX}/jobs/{{job_id}}/events/link", summary="Get a link to watch a job")
def link_to_watch(job_id: JobId, actor: Reader, system: SystemDep) -> WatchLink:
    """An address for a browser's `EventSource`, which cannot send a key: for this job's events and nothing else.

    The link can be opened for an hour; an open stream stays open.
    """
    job = owned_job(system, job_id, actor.scope)
    ticket = system.links.sign(WATCH, {"job": job.id, "owner": job.owner}, LINK_LIFE)
    address = f"{system.settings.public_url.rstrip('/')}{location(job)}/events?ticket={ticket}"
    return WatchLink(url=address, expires_at=at(system.engine.clock.now() + int(LINK_LIFE * 1000)))


def respond(request: Request, job: Job, tell: Tell) -> Response:
    """A job's events in the words of `tell`, for a pipeline's own routes."""
    given = request.headers.get("last-event-id", request.query_params.get("last_event_id"))
    after = _number(given, job)
    if job.state in ENDED and after == job.seq:
        return Response(status_code=204)
    return _response(request, job, _told(request.app.state, job, after, tell))


async def _told(state: State, job: Job, after: int, tell: Tell) -> AsyncIterator[ServerSentEvent | bytes]:
    yield ServerSentEvent(comment=f"events of {job.id}", retry=RETRY)
    async with aclosing(_pages(state, job, after)) as pages:
        async for page in pages:
            yield b"".join(await asyncio.to_thread(_in_their_words, page, tell))


def _in_their_words(page: Sequence[Event | Tick], tell: Tell) -> list[bytes]:
    parts = []
    for one in page:
        told = tell(one) if isinstance(one, Event) else None
        if told is not None and isinstance(one, Event):
            text = json.dumps(told[1], ensure_ascii=False, separators=(",", ":"))
            parts.append(ServerSentEvent(text, event=told[0], id=str(one.seq)).encode())
    return parts


def _response(request: Request, job: Job, stream: AsyncIterator[ServerSentEvent | bytes]) -> Response:
    """Raises `TooManyRequests` where this process, or the job's owner, has too many streams already."""
    feed, quotas = request.app.state.feed, request.app.state.quotas
    if feed.followers >= descriptors.streams():
        raise TooManyRequests(
            sentence("too many event streams are open in this process; connect again in a few seconds"),
            limit="streams of this process",
            retry_after=5,
        )
    quotas.check_streams(job.owner)

    async def counted() -> AsyncIterator[ServerSentEvent | bytes]:
        with quotas.streaming(job.owner):
            async for one in stream:
                yield one

    return EventSourceResponse(
        counted(),
        ping=HEARTBEAT,
        ping_message_factory=lambda: ServerSentEvent(comment="still here"),
        send_timeout=SLOWEST_SEND,
        shutdown_event=cast(anyio.Event, _Stopping(feed)),
        shutdown_grace_period=STOPPING,
        headers={"Cache-Control": "no-store"},
    )


class _Stopping:
    """Set by the library when the server shuts down, so that the stream ends cleanly."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def set(self) -> None:
        self._feed.let_go()


def _number(text: str | None, job: Job) -> int:
    """The number of the last event that was seen; 0 for one that this job never had."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 10:
        return 0
    return int(text) if int(text) <= job.seq else 0


async def _stream(state: State, job: Job, after: int) -> AsyncIterator[ServerSentEvent | bytes]:
    yield ServerSentEvent(comment=f"events of {job.id}", retry=RETRY)
    async with aclosing(_pages(state, job, after)) as pages:
        async for page in pages:
            async for piece in state.encoder.pieces(page):
                yield piece


async def _pages(state: State, job: Job, after: int) -> AsyncGenerator[Sequence[Event | Tick], None]:
    last = after
    over = job.state in ENDED
    async with aclosing(state.feed.pages(job.id, after, over=over)) as pages:
        async for page in pages:
            last = max([last, *(one.seq for one in page if isinstance(one, Event))])
            if live := next((one.at for one in page if isinstance(one, Event) and one.seq > job.seq), None):
                state.metrics.delivered(live)  # the oldest of the page; what is replayed says nothing about delays
            yield page
    if over and last < job.seq:  # its events were forgotten after their time; how it ended is known still
        data = {"code": job.error["code"], "message": job.error["message"]} if job.error else {}
        yield [Event(job.id, job.seq, f"job.{job.state}", job.finished_at or job.updated_at, data=data)]
