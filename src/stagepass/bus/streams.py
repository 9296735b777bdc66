"""Reads the streams of this installation: each entry once, from where they ended when reading began."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio

log = logging.getLogger("stagepass.listen")

BLOCK = 2000
"""Milliseconds of one blocking read."""

FROZEN = 5.0
"""Seconds beyond `BLOCK` after which an unresponsive Redis counts as down."""

PAUSE = 0.5
"""Seconds to the next try after one that failed."""


class StreamReader:
    """One blocking read per process.

    Args:
        keys: of the streams.
        hand_out: called with the fields of each entry.
        missed: set when entries may have been missed: at the start, after an outage, after a stream was lost.
    """

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        keys: list[str],
        *,
        hand_out: Callable[[Any], None],
        missed: asyncio.Event,
    ) -> None:
        self.answers = True
        """Whether Redis answered the last read."""
        self._client = client
        self._keys = keys
        self._hand_out = hand_out
        self._missed = missed
        self._positions: dict[str, str] = {}
        """By stream: the last entry read. Kept while Redis is unreachable, so that later entries are read afterwards."""

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(BLOCK / 1000 + FROZEN):
                    await self._find_positions()
                    positions: Any = dict(self._positions)
                    news: Any = await self._client.xread(positions, block=BLOCK, count=200)
                for key, entries in news or ():
                    name = key.decode() if isinstance(key, bytes) else key
                    for entry_id, fields in entries:
                        self._positions[name] = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
                        self._hand_out(fields)
                if not news:
                    await self._notice_lost_streams()
                self._answered(True)
            except (redis.RedisError, OSError, TimeoutError) as problem:
                if self.answers:
                    log.warning("no news from Redis (%s); clients are served from SQL", type(problem).__name__)
                self._answered(False)
                await asyncio.sleep(PAUSE)
            except Exception:
                log.exception("reading the news failed")
                await asyncio.sleep(PAUSE)

    def _answered(self, answers: bool) -> None:
        if answers != self.answers:
            self.answers = answers
            self._missed.set()
            if answers:
                log.info("Redis tells news again")

    async def _find_positions(self) -> None:
        """The current end of each stream, read once. Not ``$``, which means another position at every read."""
        for key in self._keys:
            if key not in self._positions:
                self._positions[key] = await self._end(key)
                self._missed.set()  # earlier events come from SQL

    async def _end(self, key: str) -> str:
        last: Any = await self._client.xrevrange(key, count=1)
        if not last:
            return "0-0"
        entry_id = last[0][0]
        return entry_id.decode() if isinstance(entry_id, bytes) else str(entry_id)

    async def _notice_lost_streams(self) -> None:
        """A stream that was lost and created again may start with lower ids if the clock was set back."""
        for key in self._keys:
            end = await self._end(key)
            if _number(end) < _number(self._positions[key]):
                self._positions[key] = "0-0"
                self._missed.set()


def _number(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
