"""The outermost layer: a name for each request, limits to its body, safe headers, one log line, a last resort."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog
from sse_starlette.sse import SendTimeoutError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stagepass.api import problems
from stagepass.engine.ids import new_id

access = structlog.stdlib.get_logger("stagepass.access")
log = logging.getLogger("stagepass.api")

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # addresses hold signed links
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

LINGER_BYTES = 64 * 1024 * 1024
LINGER_SECONDS = 5.0
"""How much of a refused body is still read, so that its sender gets to see the answer instead of a broken line."""

Seen = Callable[[str, str, int, float], None]
"""Told of each request: method, route, status, seconds."""


class Edge:
    """See the module's text.

    Args:
        body: bytes of the largest body.
        form: bytes of the largest multipart form, files and all.
        routes: by route object: its path as declared.
        seen: counts requests.
    """

    def __init__(self, app: ASGIApp, *, body: int, form: int, routes: Mapping[int, str], seen: Seen) -> None:
        self._app = app
        self._body, self._form = body, form
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

        limit = self._form if headers.get("content-type", "").lower().startswith("multipart/") else self._body
        body = _Body(receive, limit, headers.get("content-length"))
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                if body.announced > limit:
                    await self._refuse(scope, body, send_on, headers)
                else:
                    await self._app(scope, body.receive, send_on)
            except ClientDisconnect:
                status = status or 499
            except SendTimeoutError:
                log.info("a client that took nothing for too long was let go")
            except Exception as error:
                if status:
                    log.exception("a response broke off")
                    raise
                await problems.of(error)(scope, receive, send_on)
            finally:
                self._note(scope, status, time.perf_counter() - began)

    @staticmethod
    async def _refuse(scope: Scope, body: "_Body", send: Send, headers: Headers) -> None:
        if headers.get("expect", "").lower() != "100-continue":
            await body.linger()
        await problems.of(body.too_large())(scope, body.receive, send)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = self._routes.get(id(scope.get("route")), "-")
        self._seen(scope["method"], route, status, seconds)
        access.info("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))


def _decorate(headers: MutableHeaders, request_id: str) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    headers["X-Request-ID"] = request_id


class _Body:
    """A request's body, counted: chunked ones, too, end at the limit."""

    def __init__(self, receive: Receive, limit: int, announced: str | None) -> None:
        self._receive = receive
        self._limit = limit
        self._count = 0
        self.announced = int(announced) if announced and announced.isdigit() else 0

    def too_large(self) -> HTTPException:
        return HTTPException(413, f"the request's body is larger than {self._limit:,} bytes; send less")

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._count += len(message.get("body", b""))
            if self._count > self._limit:
                await self.linger()
                raise self.too_large()
        return message

    async def linger(self) -> None:
        """Read on for a while, and drop it."""
        dropped = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while dropped < LINGER_BYTES:
                    message = await self._receive()
                    dropped += len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body"):
                        return
