"""Reads Server-Sent Events as a browser would."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2


@dataclass
class Sent:
    """One event as it came."""

    event: str = "message"
    id: str | None = None
    data: Any = None


@dataclass
class Stream:
    """An open stream of events."""

    response: httpx2.Response
    comments: list[str] = field(default_factory=list)
    retry: int | None = None

    def __iter__(self) -> Iterator[Sent]:
        one, text = Sent(), ""
        for line in self.response.iter_lines():
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                if text:
                    one.data = json.loads(text)
                    yield one
                one, text = Sent(), ""
            elif not name:
                self.comments.append(value)
            elif name == "data":
                text += value
            elif name == "retry":
                self.retry = int(value)
            else:
                setattr(one, name, value)


@contextmanager
def stream(
    client: httpx2.Client, job_id: str, last: str | int | bytes | None = None, **options: Any
) -> Iterator[Stream]:
    """A job's events, from after `last`."""
    headers: Any = {} if last is None else {"Last-Event-ID": last if isinstance(last, bytes) else str(last).encode()}
    with client.stream("GET", f"/api/v1/jobs/{job_id}/events", headers=headers, timeout=30, **options) as response:
        yield Stream(response)


async def follow_raw(port: int, job_id: str, user: str = "ann") -> list[tuple[int, float]]:
    """A job's stream to its end by a bare socket, for many clients at once: numbers, and the loop's time of each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        path = f"/api/v1/jobs/{job_id}/events"
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-User-ID: {user}\r\nConnection: close\r\n\r\n".encode()
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        got = []
        while line := await reader.readline():
            if line.startswith(b"id: "):
                got.append((int(line[4:]), asyncio.get_running_loop().time()))
        return got
    finally:
        writer.close()
