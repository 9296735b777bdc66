"""One blocking read per process, for all of its clients: news come in here and are handed to who follows that job."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import redis
import redis.asyncio

from stagepass.bus.publish import STREAM, from_json
from stagepass.engine.ports import Store, Tick
from stagepass.engine.records import TERMINAL, Event

log = logging.getLogger("stagepass.listen")

BLOCK = 2000
"""Milliseconds of one blocking read."""

CHECK_EVERY = 2.0
"""Seconds between two looks, for all followed jobs at once, whether SQL knows more than Redis told."""

CLIENT_QUEUE = 1000
"""News that may wait for one slow client; beyond that it is sent on to read from SQL."""

PAGE = 500


class Feed:
    """The news of this process. Start it once, on the event loop that serves the clients."""

    def __init__(self, client: "redis.asyncio.Redis", store: Store, *, streams: int) -> None:
        self._client = client
        self._store = store
        self._keys = [STREAM.format(number) for number in range(streams)]
        self._followers: dict[str, set[asyncio.Queue[Event | Tick | None]]] = defaultdict(set)
        self._seen: dict[str, int] = {}
        """By followed job: the number of its last event at the last look."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to read."""
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._check())]

    async def stop(self) -> None:
        """End every follower's stream, and stop reading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    @property
    def followers(self) -> int:
        """How many clients follow a job here."""
        return sum(len(queues) for queues in self._followers.values())

    async def follow(self, job_id: str, after: int = 0, *, over: bool = False) -> AsyncIterator[Event | Tick]:
        """A job's events from number `after` + 1 on, each once and in order; ends after the job's last one.

        Args:
            over: the job has ended already: replay what is stored, and end.
        """
        async with self._following(job_id) as queue:
            last = after
            ended = over
            async for event in self._stored(job_id, last):
                last, ended = event.seq, over or event.type in TERMINAL
                yield event
            while not ended:
                news = await queue.get()
                if isinstance(news, Tick):
                    yield news
                    continue
                if news is not None and news.seq <= last:
                    continue
                if news is not None and news.seq == last + 1:
                    last, ended = news.seq, news.type in TERMINAL
                    yield news
                else:  # a gap, or word that SQL knows more
                    async for event in self._stored(job_id, last):
                        last, ended = event.seq, event.type in TERMINAL
                        yield event
                if ended:  # a job that was resumed meanwhile has more to tell
                    async for event in self._stored(job_id, last):
                        last, ended = event.seq, event.type in TERMINAL
                        yield event

    async def _stored(self, job_id: str, after: int) -> AsyncIterator[Event]:
        while True:
            page = await asyncio.to_thread(self._store.events, job_id, after, PAGE)
            for event in page:
                yield event
            if len(page) < PAGE:
                return
            after = page[-1].seq

    @asynccontextmanager
    async def _following(self, job_id: str) -> AsyncIterator["asyncio.Queue[Event | Tick | None]"]:
        queue: asyncio.Queue[Event | Tick | None] = asyncio.Queue(CLIENT_QUEUE)
        self._followers[job_id].add(queue)
        try:
            yield queue
        finally:
            self._followers[job_id].discard(queue)
            if not self._followers[job_id]:
                del self._followers[job_id]

    # ── reading ──

    async def _read(self) -> None:
        last: dict[str, Any] = dict.fromkeys(self._keys, "$")
        while True:
            try:
                for key, entries in await self._client.xread(last, block=BLOCK, count=200) or ():
                    name = key.decode() if isinstance(key, bytes) else key
                    for entry_id, fields in entries:
                        last[name] = entry_id
                        self._hand_out(fields[b"n"] if b"n" in fields else fields["n"])
            except (redis.RedisError, OSError) as problem:
                log.warning("no news from Redis (%s); clients are served from SQL", type(problem).__name__)
                last = dict.fromkeys(self._keys, "$")
                await asyncio.sleep(0.5)

    def _hand_out(self, text: bytes | str) -> None:
        for value in json.loads(text):
            followers = self._followers.get(value["job"])
            if followers:
                news = from_json(value)
                for queue in followers:
                    self._offer(queue, news)

    @staticmethod
    def _offer(queue: "asyncio.Queue[Event | Tick | None]", news: Event | Tick | None) -> None:
        if not queue.full():
            queue.put_nowait(news)
        # a full queue: the client is slow, and the next look at SQL gives it what it missed

    async def _check(self) -> None:
        """Whatever Redis did not tell: one query for all followed jobs."""
        while True:
            await asyncio.sleep(CHECK_EVERY)
            followed = list(self._followers)
            if not followed:
                continue
            try:
                moved = await asyncio.to_thread(self._store.last_events, followed)
            except Exception as problem:
                log.warning("could not look for missed news: %s", type(problem).__name__)
                continue
            for job_id, known in moved.items():
                if self._seen.get(job_id) != known:
                    self._seen[job_id] = known
                    for queue in self._followers.get(job_id, ()):
                        self._offer(queue, None)
            self._seen = {job_id: seq for job_id, seq in self._seen.items() if job_id in self._followers}
