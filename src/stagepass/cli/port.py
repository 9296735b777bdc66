"""The port that the API listens on, taken before anything is started."""

import errno
import socket

from stagepass.errors import Conflict, SettingsError
from stagepass.sentences import sentence


def bind(host: str, port: int) -> socket.socket:
    """A socket that holds the port and does not listen yet: until the API does, clients are refused.

    Raises:
        Conflict: the port is in use. SettingsError: this machine has no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # with its protocol: otherwise asyncio leaves Nagle's algorithm on, and each answer waits 40 ms
    held = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((host, port))
        # some systems let one program have 127.0.0.1 where another has every address
        if port and answers(host, port):
            raise OSError(errno.EADDRINUSE, "taken")
    except OSError as problem:
        held.close()
        if problem.errno == errno.EADDRINUSE:
            raise Conflict(
                sentence(
                    "port {port} on {host} is already in use; choose another: stagepass up --port {other}",
                    port=port,
                    host=host,
                    other=port + 1,
                ),
                port=port,
            ) from None
        if problem.errno == errno.EACCES:
            raise SettingsError(
                sentence("PORT: no permission to listen on port {port}; choose one above 1023", port=port)
            ) from None
        raise SettingsError(
            sentence("HOST: cannot listen on {host} ({problem})", host=f"{host!r}", problem=problem.strerror)
        ) from None
    return held


def answers(host: str, port: int) -> bool:
    """Whether a process listens on this address."""
    try:
        with socket.create_connection((reachable(host), port), timeout=0.5):
            return True
    except OSError:
        return False


def reachable(host: str) -> str:
    """An address for clients on this machine: the one listened on, or a loopback where that is every one."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
