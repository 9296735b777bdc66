"""A web server on a real socket that answers exactly the bytes a test wants."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Script = Callable[[str, Callable[[bytes], None]], None]
"""Gets a request's path and a function that sends bytes; the connection is closed after it."""


@dataclass
class WebServer:
    """A running server: its port, and the heads of the requests that it got."""

    port: int
    heads: list[str] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


def response(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP/1.1 answer; underscores in the names of headers stand for hyphens."""
    lines = [
        f"{name.replace('_', '-')}: {value}" for name, value in {"Content_Length": str(len(body)), **headers}.items()
    ]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


@contextmanager
def web_server(script: Script, certificate: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """Serves until the context ends, a thread per connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = WebServer(listener.getsockname()[1])
        if certificate is not None:
            certificate.sni_callback = lambda _socket, name, _context: server.server_names.append(name)

        def handle(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                stream = certificate.wrap_socket(connection, server_side=True) if certificate else connection
                with stream:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        piece = stream.recv(4096)
                        if not piece:
                            return
                        head += piece
                    server.heads.append(head.decode())
                    script(head.split()[1].decode(), stream.sendall)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=handle, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept
    thread.join(5)
