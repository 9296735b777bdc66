"""A TCP proxy in front of a server, that behaves as broken networks do: silent, slow, half-open, cut, cut behind a COMMIT.

It copies bytes in threads and knows no protocol, except for words in what a client sends.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(eq=False)
class Line:
    """One connection through the proxy."""

    client: socket.socket
    server: socket.socket
    frozen: threading.Event = field(default_factory=threading.Event)
    """Set: bytes are taken from either side and go nowhere."""
    answered: threading.Event = field(default_factory=threading.Event)
    """Set: the server said something that went nowhere."""
    ended: bool = False

    def end(self) -> None:
        self.ended = True
        for side in (self.client, self.server):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


class Proxy:
    """Listens on a free port of this machine, and passes on to one server.

    Attributes:
        silent: new connections are taken and get no answer, from the moment on at which it is set.
        slow: seconds that each piece waits, in both directions.
        cut_at: bytes from the server after which a connection is cut, once for each connection.
        words_to_cut: by a word such as COMMIT: how often a connection is cut behind it, its answer lost.
        heard: called with each piece that a client sends, before it is passed on.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.silent = False
        self.slow = 0.0
        self.cut_at: int | None = None
        self.words_to_cut: dict[bytes, int] = {}
        self.heard: Callable[[Line, bytes], object] = lambda line, piece: None
        self.lines: list[Line] = []
        self._lock = threading.Lock()
        self._closing = False
        threading.Thread(target=self._accept, name="proxy-accept", daemon=True).start()

    # ── troubles ──

    def half_open(self) -> int:
        """The connections of now fall silent for good; new ones are fine. Returns how many those are."""
        with self._lock:
            mine = [line for line in self.lines if not line.ended and not line.frozen.is_set()]
        for line in mine:
            line.frozen.set()
        return len(mine)

    def cut(self) -> int:
        """The connections of now end, as when a machine is restarted. Returns how many those are."""
        with self._lock:
            mine, self.lines = self.lines, []
        for line in mine:
            line.end()
        return len(mine)

    def freeze(self) -> None:
        """Everything falls silent, old and new."""
        self.silent = True
        self.half_open()

    def thaw(self) -> None:
        """New connections are fine again; what was silent stays so."""
        self.silent = False

    def close(self) -> None:
        self._closing = True
        self._listening.close()
        self.cut()

    # ── copying ──

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                if self._closing:
                    return
                with contextlib.suppress(OSError, UnboundLocalError):
                    client.close()
                continue
            server.settimeout(None)
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line = Line(client, server)
            if self.silent:
                line.frozen.set()
            with self._lock:
                self.lines.append(line)
            for arguments in ((line, client, server, True), (line, server, client, False)):
                threading.Thread(target=self._copy, args=arguments, name="proxy", daemon=True).start()

    def _copy(self, line: Line, source: socket.socket, sink: socket.socket, up: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if line.frozen.is_set():
                    if not up:
                        line.answered.set()
                    continue
                if self.slow:
                    time.sleep(self.slow)
                if up:
                    self.heard(line, piece)
                if up and self._is_doomed(piece):
                    line.frozen.set()
                    sink.sendall(piece)
                    line.answered.wait(5)  # it has been carried out
                    line.frozen.clear()
                    break
                if not up and self.cut_at is not None and passed + len(piece) >= self.cut_at:
                    sink.sendall(piece[: max(0, self.cut_at - passed)])
                    break
                passed += len(piece)
                sink.sendall(piece)
        if not line.frozen.is_set():
            line.end()
            for side in (line.client, line.server):
                with contextlib.suppress(OSError):
                    side.close()

    def _is_doomed(self, piece: bytes) -> bool:
        for word, left in self.words_to_cut.items():
            if left > 0 and word in piece:
                with self._lock:
                    self.words_to_cut[word] -= 1
                return True
        return False


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """One for the time of a block."""
    made = Proxy(port)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def through(port: int, url: str) -> Iterator[tuple[Proxy, str]]:
    """A proxy, and the URL of a server on `port` of this machine that leads through it."""
    with proxy(port) as made:
        yield made, _with_port(url, port, made.port)


def _with_port(url: str, old: int, new: int) -> str:
    """Test URLs name the host as 127.0.0.1, with or without the usual port."""
    return url.replace(f"127.0.0.1:{old}", "127.0.0.1").replace("127.0.0.1", f"127.0.0.1:{new}", 1)


Trouble = Callable[[Proxy], object]
