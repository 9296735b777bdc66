"""Clients that send slowly: headers and bodies have an end, and those that only wait for an answer have none."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn

from stagepass.api import edge
from stagepass.api.deadlines import Deadlines
from tests.support.api import Installation
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)


class Short(Deadlines):
    longest = 0.2


@contextmanager
def serving(place: Installation, http: type[Deadlines], **options: int) -> Iterator[int]:
    """The same app behind a server of its own; gives its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(place.app, log_config=None, access_log=False, http=http, lifespan="off", **options)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def said(port: int, *pieces: bytes) -> bytes:
    """What comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        for piece in pieces:
            client.sendall(piece)
        answer = b""
        while piece := client.recv(4096):
            answer += piece
        return answer


GET = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"


def test_headers_that_never_end_are_given_up(place: Installation) -> None:
    with serving(place, Short) as port:
        assert said(port) == b""
        assert said(port, GET) == b""
        assert said(port, b"G") == b""


def test_the_next_request_of_a_connection_has_its_deadline_too(place: Installation) -> None:
    with serving(place, Short) as port:
        answer = said(port, GET + b"\r\n" + GET)
    assert answer.count(b"HTTP/1.1 200") == 1


def test_a_request_that_came_in_time_is_answered_however_long_that_takes(place: Installation) -> None:
    class AtOnce(Deadlines):
        longest = 0.0  # it is over before any answer; what came whole is served all the same

    with serving(place, AtOnce) as port:
        assert b"HTTP/1.1 200" in said(port, GET + b"Connection: close\r\n\r\n")


def test_a_body_that_stops_is_told_so(place: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "SILENCE", 0.2)
    head = b"POST /api/v1/pipelines/demo/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with serving(place, Deadlines) as port:
        answer = said(port, head + b"Content-Length: 100\r\nConnection: close\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code": "too_slow"' in answer


def test_more_connections_than_are_allowed_are_turned_away(place: Installation) -> None:
    with serving(place, Deadlines, limit_concurrency=2) as port, socket.create_connection(("127.0.0.1", port)) as held:
        held.sendall(b"G")
        answer = said(port, GET + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503")
