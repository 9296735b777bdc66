"""Turns for work that takes a core, in a process with many callers: a caller that waits occupies no thread.

The work has threads of its own. One caller has half of them at most, and a queue that ends.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import anyio
import anyio.to_thread

from stagepass.errors import TooManyRequests
from stagepass.sentences import Sentence, sentence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Texts:
    """How a refusal is worded."""

    full: Callable[[int], Sentence] = lambda count: sentence(
        "{count} of your files are already being checked", count=count
    )
    late: Callable[[], Sentence] = lambda: sentence("too many files are being checked right now")
    again: Callable[[Sentence], Sentence] = lambda why: sentence("{why}; try again in a few seconds", why=why)


class Turns:
    """The turns of one process.

    Args:
        at_once: pieces of work that run at the same time, each on a thread.
        of_one: of one caller.
        queue: of one caller, those that wait included.
        patience: seconds that a piece of work waits for its turn.
        texts: of its refusals.
    """

    def __init__(
        self,
        at_once: int = 4,
        *,
        of_one: int | None = None,
        queue: int = 8,
        patience: float = 5.0,
        texts: Texts = Texts(),
    ) -> None:
        self._at_once, self._of_one = at_once, of_one or max(1, at_once // 2)
        self._queue, self._patience = queue, patience
        self._texts = texts
        self._there: Counter[str] = Counter()
        self._own: dict[str, anyio.Semaphore] = {}
        self._all: anyio.Semaphore | None = None
        self._threads: anyio.CapacityLimiter | None = None

    async def run(self, owner: str, work: Callable[[], T]) -> T:
        """The result of `work`. Raises `TooManyRequests` if the caller's queue is full or its turn did not come."""
        async with self._turn(owner):
            self._threads = self._threads or anyio.CapacityLimiter(self._at_once)
            return await anyio.to_thread.run_sync(work, limiter=self._threads)

    @asynccontextmanager
    async def _turn(self, owner: str) -> AsyncIterator[None]:
        if self._there[owner] >= self._queue:
            raise self._too_many(self._texts.full(self._queue))
        self._there[owner] += 1
        own = self._own.setdefault(owner, anyio.Semaphore(self._of_one))
        self._all = self._all or anyio.Semaphore(self._at_once)
        try:
            with anyio.move_on_after(self._patience) as wait:
                await own.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    own.release()
                    raise
            if wait.cancelled_caught:
                raise self._too_many(self._texts.late())
            try:
                yield
            finally:
                self._all.release()
                own.release()
        finally:
            self._there[owner] -= 1
            if not self._there[owner]:
                del self._there[owner], self._own[owner]

    def _too_many(self, why: Sentence) -> TooManyRequests:
        again = max(1, round(self._patience))
        return TooManyRequests(self._texts.again(why), retry_after=again, limit="files at once")
