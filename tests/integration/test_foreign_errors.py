"""What may pass is retried, whoever raised it: by the classes' names along the MRO, without importing a library."""

import asyncio
import errno
import io
import json
import socket
import sqlite3
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected
from pathlib import Path
from typing import Any

import httpcore2
import httpx2
import pytest
import redis.exceptions
import sqlalchemy.exc
from pydantic import BaseModel

from stagepass import Context, Pipeline, Retry
from stagepass.engine.execute.classify import classify
from stagepass.engine.execute.foreign_errors import known
from stagepass.errors import (
    InvalidOutput,
    OutcomeUnknown,
    Permanent,
    QuotaExhausted,
    RateLimited,
    StageError,
    TimedOut,
    Transient,
    Unavailable,
)
from stagepass.testing import Lab

REQUEST = httpx2.Request("GET", "http://x")


def answered(status: int, **headers: str) -> httpx2.HTTPStatusError:
    return httpx2.HTTPStatusError("m", request=REQUEST, response=httpx2.Response(status, headers=headers))


def library(module: str, *names: str, **facts: Any) -> Exception:
    """An error of a library that is not installed: the first name is the base class, the last the error's own."""
    kind: type[Exception] = Exception
    for name in names:
        kind = type(name, (kind,), {"__module__": module})
    problem = kind("m")
    for name, value in facts.items():
        setattr(problem, name, value)
    return problem


def of_http(status: int) -> urllib.error.HTTPError:
    return urllib.error.HTTPError("http://x", status, "m", Message(), io.BytesIO())


PASSING: list[tuple[BaseException, type[StageError]]] = [
    (ConnectionResetError("peer"), Transient),
    (BrokenPipeError(), Transient),
    (ConnectionRefusedError(), Transient),
    (TimeoutError(), TimedOut),
    (TimeoutError(), TimedOut),
    (subprocess.TimeoutExpired("x", 1), TimedOut),
    (socket.gaierror(socket.EAI_AGAIN, "m"), Transient),
    (ssl.SSLEOFError(8, "EOF"), Transient),
    (OSError(errno.ENOSPC, "m"), Transient),
    (OSError(errno.EMFILE, "m"), Transient),
    (OSError(errno.ENETUNREACH, "m"), Transient),
    (RemoteDisconnected("m"), Transient),
    (IncompleteRead(b"x"), Transient),
    (BadStatusLine("x"), Transient),
    (urllib.error.URLError(ConnectionRefusedError()), Transient),
    (urllib.error.URLError(TimeoutError()), TimedOut),
    (of_http(503), Transient),
    (of_http(504), TimedOut),
    (of_http(429), RateLimited),
    (asyncio.IncompleteReadError(b"", 4), Transient),
    (OSError(), Transient),
    (httpx2.ConnectError("m"), Transient),
    (httpx2.ConnectTimeout("m"), TimedOut),
    (httpx2.ReadTimeout("m"), TimedOut),
    (httpx2.ReadError("m"), Transient),
    (httpx2.RemoteProtocolError("m"), Transient),
    (answered(500), Transient),
    (answered(429), RateLimited),
    (answered(402), QuotaExhausted),
    (httpcore2.ReadTimeout("m"), TimedOut),
    (httpcore2.ConnectError("m"), Transient),
    (redis.exceptions.ConnectionError("m"), Transient),
    (redis.exceptions.BusyLoadingError("m"), Transient),
    (redis.exceptions.TimeoutError("m"), TimedOut),
    (redis.exceptions.ReadOnlyError("m"), Transient),
    (sqlite3.OperationalError("database is locked"), Transient),
    (sqlalchemy.exc.OperationalError("q", {}, Exception("server closed the connection")), Transient),
    (sqlalchemy.exc.TimeoutError("m"), TimedOut),
    (library("httpx", "NetworkError", "ReadError"), Transient),
    (library("aiohttp.client_exceptions", "ClientConnectionError", "ServerDisconnectedError"), Transient),
    (library("aiohttp.client_exceptions", "ClientError", "ClientResponseError", status=502), Transient),
    (library("requests.exceptions", "RequestException", "ConnectionError"), Transient),
    (library("requests.exceptions", "Timeout", "ReadTimeout"), TimedOut),
    (library("urllib3.exceptions", "HTTPError", "ProtocolError"), Transient),
    (library("urllib3.exceptions", "RequestError", "MaxRetryError", reason=TimeoutError()), TimedOut),
    (library("botocore.exceptions", "ConnectionError", "EndpointConnectionError"), Transient),
    (library("botocore.exceptions", "HTTPClientError", "ReadTimeoutError"), TimedOut),
    (library("botocore.errorfactory", "ClientError", "Slow", response={"Error": {"Code": "SlowDown"}}), RateLimited),
    (
        library("botocore.exceptions", "ClientError", response={"ResponseMetadata": {"HTTPStatusCode": 503}}),
        Transient,
    ),
    (library("azure.core.exceptions", "ServiceRequestError"), Transient),
    (library("azure.core.exceptions", "HttpResponseError", status_code=503), Transient),
    (
        library("grpc._channel", "RpcError", "_InactiveRpcError", code=lambda: type("C", (), {"name": "UNAVAILABLE"})),
        Transient,
    ),
    (library("grpc", "RpcError", "Late", code=lambda: type("C", (), {"name": "DEADLINE_EXCEEDED"})), TimedOut),
    (library("openai", "APIConnectionError", "APITimeoutError"), TimedOut),
    (library("openai", "APIConnectionError"), Transient),
    (library("openai", "APIStatusError", "RateLimitError", status_code=429), RateLimited),
    (library("openai", "RateLimitError", status_code=429, code="insufficient_quota"), QuotaExhausted),
    (library("anthropic", "InternalServerError", "OverloadedError", status_code=529), Transient),
    (library("google.genai.errors", "APIError", "ServerError", code=503), Transient),
    (library("asyncpg.exceptions", "PostgresConnectionError", "ConnectionDoesNotExistError"), Transient),
    (library("pymongo.errors", "ConnectionFailure", "AutoReconnect"), Transient),
    (library("websockets.exceptions", "ConnectionClosed", "ConnectionClosedError"), Transient),
    (library("my.client", "Whatever"), Permanent),
]

FINAL: list[BaseException] = [
    FileNotFoundError(errno.ENOENT, "m"),
    PermissionError(errno.EACCES, "m"),
    IsADirectoryError(errno.EISDIR, "m"),
    NotADirectoryError(errno.ENOTDIR, "m"),
    FileExistsError(errno.EEXIST, "m"),
    OSError(errno.ENAMETOOLONG, "m"),
    OSError("cannot identify image file"),
    io.UnsupportedOperation("not writable"),
    ssl.SSLCertVerificationError(1, "certificate verify failed"),
    urllib.error.URLError(ssl.SSLCertVerificationError(1, "certificate verify failed")),
    urllib.error.URLError(FileNotFoundError()),
    of_http(404),
    httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"),
    httpx2.UnsupportedProtocol("m"),
    httpx2.InvalidURL("m"),
    answered(400),
    answered(501),
    redis.exceptions.AuthenticationError("m"),
    redis.exceptions.ResponseError("m"),
    sqlite3.OperationalError("no such table: x"),
    sqlite3.IntegrityError("m"),
    sqlalchemy.exc.IntegrityError("q", {}, Exception()),
    library("requests.exceptions", "RequestException", "MissingSchema"),
    library("aiohttp.client_exceptions", "ClientConnectorError", "ClientConnectorCertificateError"),
    library("openai", "APIStatusError", "AuthenticationError", status_code=401),
    library("grpc", "RpcError", "No", code=lambda: type("C", (), {"name": "NOT_FOUND"}), status_code=404),
    library("botocore.exceptions", "BotoCoreError", "NoCredentialsError"),
    ValueError("m"),
    KeyError("m"),
    RuntimeError("m"),
]


def shown(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__name__}" if isinstance(value, BaseException) else str(value)


@pytest.mark.parametrize(("problem", "kind"), PASSING[:-1], ids=shown)
def test_connections_and_time_outs_may_pass(problem: BaseException, kind: type[StageError]) -> None:
    assert type(classify(problem)) is kind


@pytest.mark.parametrize("problem", [*FINAL, PASSING[-1][0]], ids=shown)
def test_what_would_fail_again_is_permanent(problem: BaseException) -> None:
    assert type(classify(problem)) is Permanent


@pytest.mark.parametrize(
    ("problem", "not_done"),
    [
        (ConnectionRefusedError(), True),
        (socket.gaierror(socket.EAI_NONAME, "m"), True),
        (httpx2.ConnectError("m"), True),
        (httpx2.ConnectTimeout("m"), True),
        (urllib.error.URLError(ConnectionRefusedError()), True),
        (httpx2.ReadTimeout("m"), False),
        (ConnectionResetError(), False),
        (library("requests.exceptions", "ConnectionError"), False),
        (ExceptionGroup("m", [httpx2.ConnectError("m"), httpx2.ReadError("m")]), False),
        (ExceptionGroup("m", [httpx2.ConnectError("m"), ConnectionRefusedError()]), True),
    ],
    ids=shown,
)
def test_only_a_request_that_was_never_sent_is_certainly_not_done(problem: BaseException, not_done: bool) -> None:
    assert classify(problem).not_done is not_done


def test_when_to_come_back_is_read_where_the_error_says_it() -> None:
    assert classify(answered(429, **{"retry-after": "7"})).retry_after == 7
    assert classify(answered(429, **{"retry-after": "soon"})).retry_after is None


# ── causes ──


def raised_from(problem: Exception, cause: BaseException) -> Exception:
    problem.__cause__ = cause
    return problem


class Mine(Exception): ...


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (raised_from(Mine("m"), ConnectionResetError()), Transient),
        (raised_from(RuntimeError("m"), raised_from(Mine("m"), TimeoutError())), TimedOut),
        (raised_from(Mine("m"), answered(429)), RateLimited),
        (raised_from(Mine("m"), Unavailable("m")), Permanent),
        (raised_from(Mine("m"), FileNotFoundError()), Permanent),
        (raised_from(TypeError("m"), ConnectionResetError()), Permanent),
        (raised_from(Mine("m"), Permanent("m")), Permanent),
        (raised_from(Mine("m"), KeyError("m")), Permanent),
    ],
    ids=lambda value: None,
)
def test_an_error_raised_from_one_that_may_pass_may_pass(problem: Exception, kind: type[StageError]) -> None:
    told = classify(problem)
    assert type(told) is kind
    assert not told.not_done


def test_an_error_that_only_happened_meanwhile_says_nothing() -> None:
    problem = Mine("a bug in the handler")
    problem.__context__ = ConnectionResetError()
    assert type(classify(problem)) is Permanent


def test_a_circle_of_causes_comes_to_an_end() -> None:
    first, second = Mine("a"), Mine("b")
    first.__cause__, second.__cause__ = second, first
    assert type(classify(first)) is Permanent


# ── groups ──


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        ([ConnectionResetError()], Transient),
        ([ExceptionGroup("m", [TimeoutError()])], TimedOut),
        ([ConnectionResetError(), TimeoutError()], Transient),
        ([ConnectionResetError(), ValueError("a bug")], Permanent),
        ([ConnectionResetError(), InvalidOutput("m")], InvalidOutput),
        ([TimeoutError(), RateLimited("m", retry_after=9)], RateLimited),
    ],
    ids=lambda value: None,
)
def test_a_group_is_what_decides_in_it(group: list[Exception], kind: type[StageError]) -> None:
    assert type(classify(ExceptionGroup("m", group))) is kind


class In(BaseModel): ...


def ran(body: Callable[..., Any], **settings: Any) -> tuple[Any, int]:
    """The job, and how often its stage was called."""
    party = Pipeline("party", input=In)
    calls: list[int] = []

    @party.stage(**{"retry": Retry(2, wait="1s"), **settings})
    async def work(ctx: Context, request: In) -> int:
        calls.append(1)
        return int(await body(ctx, len(calls)) or 0)

    with Lab(party) as lab:
        return lab.run({}), len(calls)


async def _raise(problem: BaseException) -> None:
    raise problem


def test_a_lost_connection_in_a_task_group_is_retried() -> None:
    async def body(ctx: Context, call: int) -> None:
        if call == 1:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_raise(ConnectionResetError("peer")))

    job, calls = ran(body)
    assert (job.state, calls) == ("completed", 2)


def test_a_stage_that_waits_in_a_task_group_waits() -> None:
    async def body(ctx: Context, call: int) -> None:
        async def look() -> int | None:
            return 1 if call > 1 else None

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ctx.wait_async(look, every="1s", at_most="1m", saying="waits"))

    job, calls = ran(body)
    assert (job.state, calls) == ("completed", 2)


def test_a_purchase_whose_answer_was_lost_in_a_task_group_is_held() -> None:
    async def body(ctx: Context, call: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_raise(OutcomeUnknown("m")))
            tasks.create_task(_raise(ConnectionResetError()))

    job, calls = ran(body)
    assert (job.state, calls) == ("held", 1)


# ── the author's own ──


def test_an_authors_own_error_is_retried_where_the_stage_says_so() -> None:
    async def body(ctx: Context, call: int) -> None:
        if call < 3:
            raise Mine("busy") if call == 1 else ExceptionGroup("m", [Mine("busy")])

    assert ran(body)[1] == 1, "by itself it is a bug"
    job, calls = ran(body, retry=Retry(2, wait="1s", on=Mine))
    assert (job.state, calls) == ("completed", 3)


def test_a_missing_file_is_not_tried_again(tmp_path: Path) -> None:
    async def body(ctx: Context, call: int) -> None:
        (tmp_path / "none").read_text()

    job, calls = ran(body)
    assert (job.error["code"], calls) == ("permanent", 1)


# ── the table ──


def test_every_class_of_an_installed_library_is_there() -> None:
    homes = [httpx2, httpcore2, redis.exceptions]
    for module, name in known().classes:
        home = next((home for home in homes if home.__name__.partition(".")[0] == module), None)
        assert home is None or isinstance(getattr(home, name, None), type), f"{module} has no {name}"


def test_the_docs_have_the_whole_table() -> None:
    table = json.loads((Path(classify.__code__.co_filename).parent / "foreign_errors.json").read_text())
    page = (Path(__file__).parents[2] / "docs" / "pipelines.md").read_text()
    for library in table["libraries"]:
        row = next((line for line in page.splitlines() if line.startswith(f"| {library['name']} |")), None)
        assert row, library["name"]
        for kind in ("not_sent", "timed_out", "passing"):
            assert all(f"`{name}`" in row for name in library.get(kind, ())), library["name"]
