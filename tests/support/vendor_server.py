"""A vendor on a real socket that notes when it is called and by how many at once, and answers as it is told."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Vendor:
    """What it has seen, and what it answers: a status, headers, and after how many seconds."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.answers_after = 0.0
        self.called_at: list[float] = []
        self.bodies: list[bytes] = []
        self.most_at_once = 0
        self._inside = 0
        self._lock = threading.Lock()
        self._never = threading.Event()
        self.url = ""

    def answer(self) -> None:
        """From now on at once, also who waits already."""
        self._never.set()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        with self._lock:
            self.called_at.append(time.monotonic())
            self.bodies.append(body)
            self._inside += 1
            self.most_at_once = max(self.most_at_once, self._inside)
            status, headers = self.status, dict(self.headers)
        self._never.wait(self.answers_after)
        with self._lock:
            self._inside -= 1
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"ok")


@contextmanager
def vendor_server() -> Iterator[Vendor]:
    """Serves until the context ends."""
    vendor = Vendor()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            vendor.serve(self)

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    vendor.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
