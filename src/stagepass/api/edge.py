"""The outermost layer: a name for each request, limits to its body, safe headers, one log line, a last resort."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping

import structlog
from sse_starlette.sse import SendTimeoutError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stagepass.api import problems
from stagepass.auth.hosts import Hosts
from stagepass.content.reader import reads
from stagepass.engine.model.ids import new_id
from stagepass.errors import BadRequest
from stagepass.sentences import sentence

access = structlog.stdlib.get_logger("stagepass.access")
log = logging.getLogger("stagepass.api")

BODY = "stagepass.body"
"""Key of the `Body` in a request's scope."""

LONGEST_ADDRESS = 16_384
LONGEST_HEADER = 16_384
"""Bytes. The longest that is used here is a signed link."""

SILENCE = 30.0
"""Seconds in which something of a body that is awaited must come."""

SLOWEST = 1_000
"""Bytes in a second that a body comes with at least, once `SILENCE` has passed."""

_LENGTH = re.compile(r"[0-9]{1,18}")
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # addresses hold signed links
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

Seen = Callable[[str, str, int, float], None]
"""Called for each request with method, route, status and seconds."""


class Edge:
    """See the module's text.

    Args:
        largest: bytes of the largest body; a reader of forms may allow more, once it knows who asks.
        hosts: the names that are answered to.
        routes: by route object: its path as declared.
        seen: counts requests.
    """

    def __init__(self, app: ASGIApp, *, largest: int, hosts: Hosts, routes: Mapping[int, str], seen: Seen) -> None:
        self._app = app
        self._largest = largest
        self._hosts = hosts
        self._routes = routes
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        if not _GIVEN_ID.fullmatch(request_id):
            request_id = new_id()
        began, status = time.perf_counter(), 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _decorate(MutableHeaders(raw=message["headers"]), request_id)
            await send(message)

        body = scope[BODY] = Body(receive, self._largest, headers.get("content-length", ""))
        language = problems.language_of(headers)
        with structlog.contextvars.bound_contextvars(request_id=request_id), reads(language):
            try:
                _check_lengths(scope)
                self._hosts.check(headers)
                await self._app(scope, body.receive, send_on)
            except ClientDisconnect:
                status = status or 499
            except SendTimeoutError:
                log.info("a client that took nothing for too long was let go")
            except Exception as error:
                if status:
                    log.exception("a response broke off")
                    raise
                await problems.of(error, language)(scope, receive, send_on)
            finally:
                self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = self._routes.get(id(scope.get("route")), "-")
        self._seen(scope["method"], route, status, seconds)
        access.info("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))


def _check_lengths(scope: Scope) -> None:
    """Addresses and headers end here where they are longer than anything that a route could take."""
    if len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"") > LONGEST_ADDRESS:
        raise BadRequest(sentence("the URL is longer than {limit} characters", limit=f"{LONGEST_ADDRESS:,}"))
    if any(len(value) > LONGEST_HEADER for _, value in scope["headers"]):
        raise BadRequest(sentence("a header is longer than {limit} characters", limit=f"{LONGEST_HEADER:,}"))


def _decorate(headers: MutableHeaders, request_id: str) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    headers["X-Request-ID"] = request_id


class Body:
    """A request's body, counted as it is read: chunked ones, too, end at the limit."""

    def __init__(self, receive: Receive, largest: int, announced: str) -> None:
        self.largest = largest
        self._receive = receive
        self._count = 0
        self._began = 0.0
        self._complete = False
        self._announced = int(announced) if _LENGTH.fullmatch(announced) else 0

    async def receive(self) -> Message:
        if self._announced > self.largest:  # before it is asked for: it need not be sent at all
            raise self._too_large()
        message = await self._awaited()
        if message["type"] == "http.request":
            self._count += len(message.get("body", b""))
            if self._count > self.largest:
                raise self._too_large()
        return message

    async def _awaited(self) -> Message:
        """The next piece, in time. What comes after the whole body is the client's leaving, which may take hours."""
        if self._complete:
            return await self._receive()
        self._began = self._began or time.monotonic()
        ends = self._began + SILENCE + self._count / SLOWEST
        try:
            async with asyncio.timeout(max(0.0, min(SILENCE, ends - time.monotonic()))):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, sentence("the request body arrived too slowly; send it again")) from None
        self._complete = not message.get("more_body", False)
        return message

    def _too_large(self) -> HTTPException:
        return HTTPException(
            413, sentence("the request body is larger than the limit of {largest} bytes", largest=f"{self.largest:,}")
        )
