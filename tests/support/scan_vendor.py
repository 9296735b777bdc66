"""A vendor that speaks OpenAI's dialect on a real socket, and says what a test put into its mouth."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Mouth:
    """What will be said, in turn; the last is said again and again. `asked` holds the requests' bodies."""

    def __init__(self) -> None:
        self.says: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self.url = ""

    def text(self, *texts: str) -> None:
        """Say these texts."""
        self.asked.clear()
        self.says = [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"} for text in texts]

    def refuse(self) -> None:
        """Refuse, as a model does."""
        self.asked.clear()
        self.says = [{"message": {"role": "assistant", "refusal": "I cannot help."}, "finish_reason": "stop"}]

    def next(self, body: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.asked.append(body)
            choice = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        return {"choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}


@contextmanager
def scan_vendor() -> Iterator[Mouth]:
    """Serves until the context ends."""
    mouth = Mouth()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            content = json.dumps(mouth.next(body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    mouth.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield mouth
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
