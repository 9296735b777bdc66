"""Stored events, read for many clients at once: a full page is read once, and few pages are read at the same time.

After a deploy all the clients that follow jobs reconnect within a second, and read the same pages.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

from stagepass.engine.model.records import Event

PAGE = 500
"""Events of one read."""

AT_ONCE = 4
"""Reads under way at once, each of which holds a thread and a connection."""

PAGES = 16
"""Full pages kept for those who come next; they never change."""

KEPT = 10.0
"""Seconds for which they are kept."""

Key = tuple[str, int]


class Replays:
    """Reads a job's events page by page.

    Args:
        read: (job, after, limit) → its next events; may block, and is called in a thread.
    """

    def __init__(self, read: Callable[[str, int, int], list[Event]]) -> None:
        self._read = read
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[Key, asyncio.Task[list[Event]]] = {}
        self._full: OrderedDict[Key, tuple[float, list[Event]]] = OrderedDict()

    async def page(self, job_id: str, after: int) -> list[Event]:
        """The events after that number, `PAGE` at most; fewer are the last of now. Raises what `read` raises."""
        key = (job_id, after)
        if (kept := self._kept(key)) is not None:
            return kept
        if (other := self._under_way.get(key)) is not None:
            page = await asyncio.shield(other)
            if len(page) == PAGE:  # else it may have been read before the event that its caller heard of
                return page
        task = self._under_way[key] = asyncio.create_task(self._fetch(key))
        try:
            return await asyncio.shield(task)
        finally:
            if self._under_way.get(key) is task:
                del self._under_way[key]

    async def _fetch(self, key: Key) -> list[Event]:
        async with self._slots:
            page = await asyncio.to_thread(self._read, *key, PAGE)
        if len(page) == PAGE:
            self._full[key] = time.monotonic(), page
            while len(self._full) > PAGES:
                self._full.popitem(last=False)
        return page

    def _kept(self, key: Key) -> list[Event] | None:
        since, page = self._full.get(key, (0.0, None))
        if page is not None and time.monotonic() - since > KEPT:
            del self._full[key]
            return None
        return page
