"""Whether a call has waited for anything: one that has not, has bought nothing.

An answer from elsewhere cannot be there without a moment in which the thread (or the coroutine) gave up the
processor. So a bug of Python's own kind (`KeyError`, `TypeError`) before any such moment came before anything was
ordered, and another try buys nothing twice. Where the system does not count such moments, the answer is no.
"""

import asyncio
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

_THIS_THREAD = getattr(resource, "RUSAGE_THREAD", None)
"""Linux alone has it."""


def _moments() -> int | None:
    """Number of waits of this thread so far."""
    return None if _THIS_THREAD is None else resource.getrusage(_THIS_THREAD).ru_nvcsw


class Watch:
    """One call of `ctx.once`."""

    def __init__(self) -> None:
        self.still_at_wait = True
        """Whether nothing was waited for before the first wait of `ctx` inside the call, and since the last one."""
        self._thread = 0
        self._moments: int | None = None
        self._yielded = True
        self._ended: bool | None = None

    def around(self, call: Callable[[], Any]) -> Callable[[], Any]:
        """The call, watched from its first line to its last."""

        def begun() -> Any:
            self._begin()
            try:
                found = call()
            finally:
                self._ended = self.still_at_wait and self._quiet()
            return self._awaited(found) if asyncio.iscoroutine(found) else found

        return begun

    async def _awaited(self, coroutine: Any) -> Any:
        self._begin()
        try:
            return await coroutine
        finally:
            self._ended = self.still_at_wait and not self._yielded

    def still(self) -> bool:
        """Whether the call waited for nothing at all."""
        return bool(self._ended)

    def enter_wait(self) -> None:
        """A call of `ctx` that may wait begins inside the watched one."""
        self.still_at_wait = self.still_at_wait and self._quiet()

    def leave_wait(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._thread, self._moments, self._yielded = threading.get_ident(), _moments(), False
        with suppress(RuntimeError):  # in a coroutine: the loop comes to this only when the coroutine waits
            asyncio.get_running_loop().call_soon(self._note_yield)

    def _quiet(self) -> bool:
        now = _moments()
        same = self._thread == threading.get_ident() and now is not None and self._moments is not None
        return same and now == self._moments and not self._yielded

    def _note_yield(self) -> None:
        self._yielded = True


_watch: ContextVar[Watch | None] = ContextVar("stagepass_stillness", default=None)


@contextmanager
def watched() -> Iterator[Watch]:
    """Watches a call of `ctx.once`; calls of `ctx` inside it are set apart by `inside`."""
    watch = Watch()
    before = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(before)


@contextmanager
def inside() -> Iterator[None]:
    """Around a call of `ctx`: what it waits for is the engine's own."""
    watch = _watch.get()
    if watch is None:
        yield
        return
    watch.enter_wait()
    try:
        yield
    finally:
        watch.leave_wait()
