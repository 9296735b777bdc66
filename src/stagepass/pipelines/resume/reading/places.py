"""Turns for reading files, in a process with many callers: a caller that waits occupies no thread.

Files are read on threads of their own. One caller has half of the places at most, and a queue that ends.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO, ClassVar

import anyio
import anyio.to_thread

from stagepass.errors import RequestError
from stagepass.pipelines.resume.reading.extract import AT_ONCE, extract
from stagepass.sentences import sentence

OF_ONE = AT_ONCE // 2
"""Files of one caller that are read at the same time."""

QUEUE = 8
"""Files of one caller that are read or wait."""

PATIENCE = 5.0
"""Seconds that a file waits for its turn."""


class TooManyFiles(RequestError):
    """Others are read first, and there is no place to wait."""

    code: ClassVar[str] = "too_many_requests"
    status: ClassVar[int] = 429


class Places:
    """The places of one process."""

    def __init__(self, *, at_once: int = AT_ONCE, of_one: int = OF_ONE, queue: int = QUEUE, patience: float = PATIENCE):
        self._at_once, self._of_one, self._queue, self._patience = at_once, of_one, queue, patience
        self._there: Counter[str] = Counter()
        self._turns: dict[str, anyio.Semaphore] = {}
        self._places: anyio.Semaphore | None = None
        self._threads: anyio.CapacityLimiter | None = None

    async def read(self, owner: str, content: BinaryIO) -> str:
        """The text of an upload.

        Raises:
            TooManyFiles: the caller's queue is full, or its turn did not come. Unreadable: see `extract`.
        """
        async with self._place(owner):
            self._threads = self._threads or anyio.CapacityLimiter(self._at_once)
            return await anyio.to_thread.run_sync(_read, content, limiter=self._threads)

    @asynccontextmanager
    async def _place(self, owner: str) -> AsyncIterator[None]:
        if self._there[owner] >= self._queue:
            raise _too_many(sentence("{count} of your files are already being read", count=self._queue), self._patience)
        self._there[owner] += 1
        own = self._turns.setdefault(owner, anyio.Semaphore(self._of_one))
        self._places = self._places or anyio.Semaphore(self._at_once)
        try:
            async with _turn(own, self._patience), _turn(self._places, self._patience):
                yield
        finally:
            self._there[owner] -= 1
            if not self._there[owner]:
                del self._there[owner], self._turns[owner]


@asynccontextmanager
async def _turn(room: anyio.Semaphore, patience: float) -> AsyncIterator[None]:
    try:
        with anyio.fail_after(patience):
            await room.acquire()
    except TimeoutError:
        raise _too_many(sentence("too many files are being read right now"), patience) from None
    try:
        yield
    finally:
        room.release()


def _too_many(why: str, again: float) -> TooManyFiles:
    refusal = sentence("{why}; try again in a few seconds or paste the text", why=why)
    return TooManyFiles(refusal, retry_after=round(again))


def _read(content: BinaryIO) -> str:
    content.seek(0)
    return extract(content.read())
