"""What all local vendor servers share: routes, a script of answers to come, a log of requests, and a command line.

A script says what the next calls of a path are answered, before the server's own behaviour goes on::

    {"/chat/completions": [{"status": 429, "headers": {"Retry-After": "7"}, "body": {...}}, {"drop": true}]}

A step has `status`, `headers`, `body` (JSON) or `text`, `delay` (seconds), `drop` (the connection is cut), `drip`
(seconds between two bytes), `carry_out` (the call has its effect although the step answers it), and `go_on` (after
the delay the server answers as it would have).
"""

import argparse
import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar, Self

Step = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON, or bytes of some type."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    type: str = "application/json"


class Window:
    """So many calls in so many seconds."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls, self._seconds = calls, seconds
        self._times: deque[float] = deque()
        self._lock = threading.Lock()

    def allows(self) -> bool:
        with self._lock:
            now = monotonic()
            while self._times and self._times[0] <= now - self._seconds:
                self._times.popleft()
            if len(self._times) >= self._calls:
                return False
            self._times.append(now)
            return True


class Vendor:
    """A vendor's server. A subclass lists `routes`: method, pattern of the path, name of the method that answers."""

    routes: ClassVar[Sequence[tuple[str, str, str]]] = ()
    walks: ClassVar[bool] = False
    """Whether an order goes through statuses and is called back; then the command line has options for that."""

    def __init__(self, *, key: str = "", script: Mapping[str, Sequence[Step]] | None = None, port: int = 0) -> None:
        self.key = key
        self.calls: list[Call] = []
        self.lock = threading.RLock()
        self._stopping = threading.Event()
        self._script = {path: deque(steps) for path, steps in (script or {}).items()}
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                vendor._handle(self)

            def do_POST(self) -> None:
                vendor._handle(self)

            def log_message(self, format: str, *args: Any) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request: Any, client_address: Any) -> None: ...  # a client went away

        self._server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def will(self, path: str, *steps: Step) -> None:
        """The next calls whose path ends so are answered by these steps."""
        with self.lock:
            self._script.setdefault(path, deque()).extend(steps)

    def asked(self, path: str) -> list[Call]:
        """The calls so far whose path ends so."""
        with self.lock:
            return [call for call in self.calls if call.path.split("?")[0].endswith(path)]

    def later(self, seconds: float, what: str, act: Callable[[], object]) -> None:
        """Do this after so many seconds, unless the server has ended by then; say what came of it."""

        def wait() -> None:
            if not self._stopping.wait(seconds):
                print(f"{what}: {act()}", flush=True)

        threading.Thread(target=wait, daemon=True).start()

    def authorized(self, call: Call) -> bool:
        return call.headers.get("authorization") == f"Bearer {self.key}"

    def refused(self) -> Reply:
        return Reply({"error": {"message": "bad key", "type": "authentication_error"}}, 401)

    # ── a request ──

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(length)
        call = Call(
            handler.command,
            handler.path,
            {name.lower(): value for name, value in handler.headers.items()},
            json.loads(raw) if raw else None,
        )
        with self.lock:
            self.calls.append(call)
            step = self._step(call.path.split("?")[0])
        if step is None:
            self._send(handler, self._answer(call))
            return
        if step.get("carry_out"):
            self._answer(call)
        self._stopping.wait(float(step.get("delay", 0)))
        if step.get("drop"):
            handler.close_connection = True
            handler.connection.close()
        elif step.get("go_on"):
            self._send(handler, self._answer(call))
        elif step.get("drip"):
            self._drip(handler, float(step["drip"]))
        else:
            text = step.get("text")
            body = step.get("body") if text is None else str(text).encode()
            type = "application/json" if text is None else "text/html"
            self._send(handler, Reply(body, int(step.get("status", 200)), step.get("headers", {}), type))

    def _drip(self, handler: BaseHTTPRequestHandler, pause: float) -> None:
        """An answer without an end, a byte at a time."""
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not self._stopping.wait(pause):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    def _step(self, path: str) -> Step | None:
        for ending, steps in self._script.items():
            if steps and path.endswith(ending):
                return steps.popleft()
        return None

    def _answer(self, call: Call) -> Reply:
        for method, pattern, name in self.routes:
            found = re.fullmatch(pattern, call.path.split("?")[0])
            if method == call.method and found:
                if self.key and not name.startswith("file") and not self.authorized(call):
                    return self.refused()
                answer: Callable[[Call], Reply] = getattr(self, name)
                return answer(Call(call.method, call.path, call.headers, call.body, found.groups()))
        return Reply({"error": {"message": "no such path"}}, 404)

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        handler.send_header("Content-Type", reply.type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)


def main(kind: type[Vendor]) -> None:
    """Serve from the command line until interrupted."""
    parser = argparse.ArgumentParser(description=kind.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="", help="the key that is asked for; by default none")
    parser.add_argument("--script", type=Path, help="a JSON file with the answers to come, by path")
    if kind.walks:
        parser.add_argument("--statuses", type=_words, help="what an order goes through, one per look: A,B,C")
        parser.add_argument("--rate", type=int, help="calls in ten seconds")
        parser.add_argument(
            "--call-backs", type=_call_backs, help="after an order, SECONDS:KIND each: 2:first,2:first,3:complete"
        )
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    if "script" in given:
        given["script"] = json.loads(given["script"].read_text())
    with kind(**given) as vendor:
        print(vendor.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _call_backs(text: str) -> tuple[tuple[float, str], ...]:
    return tuple((float(seconds), kind) for seconds, _, kind in (part.partition(":") for part in text.split(",")))


@contextmanager
def serving(*vendors: Vendor) -> Iterator[None]:
    """All of these, for as long as the block lasts."""
    with ExitStack() as stack:
        for vendor in vendors:
            stack.enter_context(vendor)
        yield
