"""Connections to addresses that were checked before, within one limit of time for everything."""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore2


class Deadline:
    """One limit of time for everything: each step gets what is left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("no time left")
        return left

    def call(self, resolve: Callable[[], list[str]]) -> list[str]:
        """Runs a name look-up, which has no time-out, in a thread that is abandoned if necessary."""
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append(resolve())
            except Exception as error:
                outcome.append(error)

        thread = threading.Thread(target=run, name="resolve", daemon=True)
        thread.start()
        thread.join(self.left())
        if not outcome:
            raise httpcore2.ConnectTimeout("the name was not resolved in time")
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return list(outcome[0])


class Pinned(httpcore2.NetworkBackend):
    """Connects to the addresses it was given, whatever the name says now."""

    def __init__(self, addresses: Sequence[str], clock: Deadline) -> None:
        self._addresses, self._clock = addresses, clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        error: Exception = httpcore2.ConnectError("no address")
        for index, address in enumerate(self._addresses):
            share = self._clock.left() / (len(self._addresses) - index)
            try:
                return _Timed(httpcore2.SyncBackend().connect_tcp(address, port, share), self._clock)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failure:
                error = failure
        raise error


class _Timed(httpcore2.NetworkStream):
    """A stream of which no step may go past the deadline, however slowly the other side drips."""

    def __init__(self, stream: httpcore2.NetworkStream, clock: Deadline) -> None:
        self._stream, self._clock = stream, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._clock.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._clock.left()), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
