"""The one middleware of `resume`: a session for each call, its time in a header, and a row in `api_metrics`.

Rows are written in batches by a thread of their own: no request waits for them, and where the database
is away they are dropped rather than piled up. They contain nothing that was sent or answered.
"""

import hashlib
import json
import logging
import queue
import re
import threading
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stagepass.engine.model.ids import new_id
from stagepass.errors import StagepassError
from stagepass.pipelines.http import RouteDeps
from stagepass.reports.reads import Database

log = logging.getLogger("stagepass.resume")

PREFIX = "/api/v1/resume/"
SESSION = "resume.session"
"""Where a request's scope has its session."""
FACTS = "resume.facts"
"""Where a route puts owner, job_id, model_ms and tokens; ``nobody`` for a call that is not recorded for an owner."""
ROWS = "resume.rows"
"""Where a route finds the `Rows` that are on their way."""

BATCH, EVERY, MOST = 200, 0.5, 10_000
"""Rows of one write at most, seconds between writes, rows that may wait."""

_SESSION = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class Metering:
    """See the module's text."""

    def __init__(self, app: ASGIApp, deps: RouteDeps) -> None:
        self._app = app
        self._rows = Rows(deps.engine.store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            self._rows.close()
            return
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        scope[SESSION] = _session(Headers(scope=scope))
        facts: dict[str, Any] = scope.setdefault(FACTS, {})
        scope[ROWS] = self._rows
        status, problem = 0, bytearray()

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message["headers"])
                headers["X-Session-ID"] = scope[SESSION]
                headers["X-Process-Time"] = f"{time.perf_counter() - began:.4f}"
            elif status >= 400 and len(problem) < 4096:
                problem.extend(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            self._rows.add(
                {
                    "at": round(time.time() * 1000),
                    "endpoint": PREFIX + scope["path"][len(PREFIX) :].split("/")[0][:60],
                    "method": scope["method"][:10],
                    "session_id": "" if facts.get("nobody") else scope[SESSION],
                    "client_ip": "" if facts.get("nobody") else (scope.get("client") or ("",))[0][:45],
                    "response_ms": round((time.perf_counter() - began) * 1000),
                    "status": status or 500,
                    "error": _code(bytes(problem)) if status >= 400 or not status else None,
                    "owner": "" if facts.get("nobody") else facts.get("owner", ""),
                    "job_id": facts.get("job_id"),
                    "model_ms": facts.get("model_ms"),
                    "tokens": facts.get("tokens"),
                }
            )


def _session(headers: Headers) -> str:
    """The caller's own, or a new one."""
    given = headers.get("x-session-id", "")
    return given if _SESSION.fullmatch(given) else new_id()


def session_of_key(scope: Scope, owner: str, key: str) -> None:
    """A request that names no session has that of its owner and key: sent again, it is the same request."""
    if not _SESSION.fullmatch(Headers(scope=scope).get("x-session-id", "")):
        made_of = hashlib.sha256("\0".join((owner, key)).encode()).hexdigest()
        scope[SESSION] = f"k-{made_of[:32]}"


def _code(problem: bytes) -> str:
    """The stable code of an error, never its text."""
    try:
        return str(json.loads(problem)["code"])[:60]
    except (ValueError, KeyError, TypeError):
        return "error"


class Rows:
    """Rows on their way into the database."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self._waiting: queue.Queue[dict[str, Any] | threading.Event | None] = queue.Queue(MOST)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def add(self, row: dict[str, Any]) -> None:
        """Take a row; never waits."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="api-metrics", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(row)
        except queue.Full:
            log.warning("api_metrics: the database does not keep up; a row is dropped")

    def flush(self, at_most: float = 5.0) -> None:
        """Wait until what was taken so far is written: what comes after may delete it."""
        if self._thread is not None:
            written = threading.Event()
            self._waiting.put(written)
            written.wait(at_most)

    def close(self) -> None:
        """Write what is left."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(5)

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            batch = [self._waiting.get()]
            until = time.monotonic() + EVERY
            while isinstance(batch[-1], dict) and len(batch) < BATCH and (left := until - time.monotonic()) > 0:
                try:
                    batch.append(self._waiting.get(timeout=left))
                except queue.Empty:
                    break
            self._write([row for row in batch if isinstance(row, dict)])
            goes_on = batch[-1] is not None
            if isinstance(batch[-1], threading.Event):
                batch[-1].set()

    def _write(self, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        try:
            self._store.note_calls(rows)
        except StagepassError as problem:
            log.warning("api_metrics: %d rows were not written: %s", len(rows), type(problem).__name__)
