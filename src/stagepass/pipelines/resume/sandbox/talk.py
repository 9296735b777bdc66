"""Messages between a parent and a child over one socket: four bytes of length, then that many bytes."""

import socket
import struct

FAILED = b"!"
"""Begins an answer that is the name of an error; others are JSON."""

_LENGTH = struct.Struct(">I")


def send(to: socket.socket, message: bytes) -> None:
    """Send one message."""
    to.sendall(_LENGTH.pack(len(message)) + message)


def receive(sender: socket.socket) -> bytes | None:
    """The next message; None where the other side is gone."""
    head = _exactly(sender, _LENGTH.size)
    return None if head is None else _exactly(sender, _LENGTH.unpack(head)[0])


def _exactly(sender: socket.socket, count: int) -> bytes | None:
    parts: list[bytes] = []
    while count:
        part = sender.recv(min(count, 1 << 16))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
