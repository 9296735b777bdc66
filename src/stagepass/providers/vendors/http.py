"""The one door to the vendors: JSON over HTTP, with a deadline for everything and our own errors.

One pool of connections per vendor and process: threads share it, and a forked child makes its own.
Nothing is asked twice here; the engine owns retries.
"""

import functools
import json
import math
import os
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpcore2

from stagepass.errors import SettingsError, StageError, TimedOut, Transient
from stagepass.providers.answers import OddAnswer, Table
from stagepass.providers.fetching.fetch import copy_url
from stagepass.providers.vendors.wire import strict_json
from stagepass.sentences import sentence

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of a JSON answer that are taken."""

LARGEST_FILE = 1024 * 1024 * 1024
"""Bytes of a song or clip that are copied."""

COPY_TIME = 300.0
"""Seconds that copying a finished file may take."""

CALL_TIME = 30.0
"""Seconds for a call that only asks or orders."""

_CONNECTIONS = 100

_limits = threading.local()


class Http:
    """Calls one vendor.

    Args:
        base_url: with the path that all calls have in common.
        headers: sent with every call; the key is among them, so they are never shown.
        table: how the vendor says that something went wrong.
        limit_header: header with the time limit in seconds, for vendors that stop work on time.
        call_time: seconds for a call that names no limit of its own.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        table: Table,
        *,
        limit_header: str = "",
        call_time: float = CALL_TIME,
    ) -> None:
        self._call_time = call_time
        self._base = base_url.rstrip("/")
        self._own = _host_and_port(base_url, table.provider)
        self._headers = {"Accept": "application/json", "User-Agent": "stagepass", **headers}
        self._table = table
        self._limit_header = limit_header
        self._pool: tuple[int, httpcore2.ConnectionPool] | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Http({self._table.provider})"

    def get(self, path: str, *, time_limit: float | None = None) -> Any:
        """The answer to a GET, as JSON values. Raises a `StageError`."""
        return self._call("GET", path, None, time_limit)

    def post(self, path: str, body: Any, *, time_limit: float | None = None) -> Any:
        """The answer to a POST of JSON, as JSON values. Raises a `StageError`."""
        return self._call("POST", path, json.dumps(body, ensure_ascii=False).encode(errors="replace"), time_limit)

    def copy(self, url: str, target: BinaryIO) -> None:
        """Copy what the vendor made into `target`, in pieces. No private address but the vendor's own host and port."""
        copy_url(
            url,
            target,
            provider=self._table.provider,
            max_bytes=LARGEST_FILE,
            timeout=COPY_TIME,
            own=self._own,
        )

    def _call(self, method: str, path: str, body: bytes | None, time_limit: float | None) -> Any:
        time_limit = self._call_time if time_limit is None else time_limit
        headers = {**self._headers, **({} if body is None else {"Content-Type": "application/json"})}
        if self._limit_header:
            headers[self._limit_header] = str(math.ceil(time_limit))
        with self._translated(), _deadline(time_limit):
            with self._connections().stream(
                method, self._base + path, headers=_raw(headers), content=body, extensions=_timeouts(time_limit)
            ) as response:
                content = self._read(response.iter_stream())
            status = response.status
            given = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        try:
            value = strict_json(content)
        except ValueError:
            raise self._table.error(status, b"", given) or self._odd(f"answered {status} without JSON") from None
        if problem := self._table.error(status, value, given):
            raise problem
        return value

    def _read(self, pieces: Iterable[bytes]) -> bytes:
        content = bytearray()
        for piece in pieces:
            content += piece
            if len(content) > LARGEST_ANSWER:
                raise self._odd("its answer is too large")
        return bytes(content)

    def _odd(self, what: str) -> OddAnswer:
        """A page of a proxy, or half of an answer: what the vendor itself did is not known."""
        return OddAnswer(
            f"{self._table.provider}: {what}",
            provider=self._table.provider,
            advice="if it stays so, check that the base URL is the address of the API",
        )

    def _connections(self) -> httpcore2.ConnectionPool:
        """This process's pool: sockets that a parent opened are not ours."""
        with self._lock:
            if self._pool is None or self._pool[0] != os.getpid():
                pool = httpcore2.ConnectionPool(
                    _authorities(),
                    max_connections=_CONNECTIONS,
                    max_keepalive_connections=20,
                    keepalive_expiry=15,
                    network_backend=_Backend(),
                )
                self._pool = os.getpid(), pool
            return self._pool[1]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turns transport errors into ours; `not_done` depends on whether the vendor can have started."""
        name = self._table.provider
        try:
            yield
        except StageError:
            raise
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout):
            raise Transient(f"{name}: cannot be reached", provider=name, not_done=True) from None
        except (httpcore2.TimeoutException, TimeoutError):
            raise TimedOut(f"{name}: timed out", provider=name) from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError):
            raise Transient(f"{name}: the connection was lost", provider=name) from None


def _host_and_port(base_url: str, provider: str) -> tuple[str, int]:
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise SettingsError(sentence("{provider}: the base URL is not a valid URL", provider=provider)) from None
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError(sentence("{provider}: the base URL must begin with https:// or http://", provider=provider))
    return host, port


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _timeouts(seconds: float) -> dict[str, Any]:
    return {"timeout": {"connect": min(10.0, seconds), "pool": seconds, "read": seconds, "write": seconds}}


@functools.lru_cache(maxsize=1)
def _authorities() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """One limit for everything that this thread's call does, however slowly the other side drips."""
    _limits.end = time.monotonic() + seconds
    try:
        yield
    finally:
        del _limits.end


def _left(timeout: float | None) -> float | None:
    end = getattr(_limits, "end", None)
    if end is None:
        return timeout
    left = float(end) - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("no time left")
    return left if timeout is None else min(left, timeout)


class _Backend(httpcore2.NetworkBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        return _Stream(httpcore2.SyncBackend().connect_tcp(host, port, timeout, local_address, socket_options))


class _Stream(httpcore2.NetworkStream):
    """A connection that many calls use one after the other, each within its own limit."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
