"""One blocking read per process, for all of its clients: news come in here and are handed to who follows that job.

SQL has every event; Redis is only the fast way. A follower takes an event from Redis when it is the very next
one, and reads SQL whenever it is not: a gap, a full queue, or word that SQL knows more.
"""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import redis
import redis.asyncio

from stagepass.bus.followers import RESUMED, Closed, Follower
from stagepass.bus.publish import STREAM, from_json
from stagepass.bus.replay import PAGE, Replays
from stagepass.bus.streams import StreamReader
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import TERMINAL, Event
from stagepass.errors import StoreUnavailable
from stagepass.reports.reads import Reads

log = logging.getLogger("stagepass.listen")

CHECK_EVERY = 2.0
"""Seconds between two checks of SQL, for all followed jobs at once, for events that Redis did not deliver."""

CHECK_ALONE = 0.5
"""The same while Redis does not answer."""

_ASK_SQL = TERMINAL | {RESUMED}
"""Event types that end a stream or keep it open: accepted from SQL only, because others may write to Redis."""


class Feed:
    """The news of this process. Start it once, on the event loop that serves the clients."""

    def __init__(self, client: "redis.asyncio.Redis", store: Reads, *, streams: int) -> None:
        self._client = client
        self._store = store
        self._followers: dict[str, set[Follower]] = defaultdict(set)
        self.dropped = 0
        """Entries of Redis that could not be read."""
        self._replays = Replays(lambda job_id, after, limit: self._store.events(job_id, after, limit))
        self._look = asyncio.Event()
        self._streams = StreamReader(
            client,
            [STREAM.format(number) for number in range(streams)],
            hand_out=self._hand_out,
            missed=self._look,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to read."""
        self._tasks = [asyncio.create_task(self._streams.run()), asyncio.create_task(self._check())]

    async def stop(self) -> None:
        """End every follower's stream, and stop reading."""
        for followers in self._followers.values():
            for follower in followers:
                follower.close()
        pending = set(self._tasks)
        while pending:  # a cancellation that comes while the client connects can be lost in it
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.2)
        await self._client.aclose()

    def let_go(self) -> None:
        """End every follower's stream: this process is about to stop. Their clients come again, to another."""
        for followers in self._followers.values():
            for follower in followers:
                follower.close()

    @property
    def followers(self) -> int:
        """Number of clients that follow a job in this process."""
        return sum(len(followers) for followers in list(self._followers.values()))

    async def follow(self, job_id: str, after: int = 0, *, over: bool = False) -> AsyncGenerator[Event | Tick, None]:
        """A job's events from number `after` + 1 on, each once and in order; ends after the job's last one.

        Close it when done with it (`contextlib.aclosing`).

        Args:
            over: the job has ended already: replay what is stored, and end.
        """
        async with aclosing(self.pages(job_id, after, over=over)) as pages:
            async for page in pages:
                for news in page:
                    yield news

    async def pages(
        self, job_id: str, after: int = 0, *, over: bool = False
    ) -> AsyncGenerator[Sequence[Event | Tick], None]:
        """The same, many at once where many are there."""
        with self._following(job_id, after) as follower:
            try:
                async for stored in self._stored(job_id, follower):
                    yield stored
                while not (over or follower.ended):
                    fresh, behind = self._fresh(follower, await follower.next())
                    if fresh:
                        yield fresh
                    if behind or follower.ended:  # a job that was resumed meanwhile has more to tell
                        async for stored in self._stored(job_id, follower):
                            yield stored
            except Closed:
                return

    @staticmethod
    def _fresh(follower: Follower, news: Event | Tick | None) -> tuple[list[Event | Tick], bool]:
        """What came in and is the very next, and whether SQL has more before what follows it."""
        fresh: list[Event | Tick] = []
        behind = news is None
        while news is not None and not follower.ended:
            if isinstance(news, Tick):
                fresh.append(news)
            elif news.seq == follower.last + 1 and news.type not in _ASK_SQL:
                follower.saw(news)
                fresh.append(news)
            elif news.seq > follower.last:
                return fresh, True
            if len(fresh) == PAGE:
                break
            news = follower.more()
        return fresh, behind

    async def _stored(self, job_id: str, follower: Follower) -> AsyncGenerator[list[Event], None]:
        """Events in SQL that the client has not received. Waits while the database is down."""
        while True:
            try:
                page = await self._replays.page(job_id, follower.last)
            except StoreUnavailable:
                await asyncio.sleep(CHECK_ALONE)
                continue
            for event in page:
                follower.saw(event)
            if page:
                yield page
            if len(page) < PAGE:
                return

    @contextmanager
    def _following(self, job_id: str, after: int) -> Iterator[Follower]:
        follower = Follower(after)
        self._followers[job_id].add(follower)
        try:
            yield follower
        finally:
            self._followers[job_id].discard(follower)
            if not self._followers[job_id]:
                del self._followers[job_id]

    # ── reading ──

    def _hand_out(self, fields: Any) -> None:
        if not self._followers:
            return
        try:
            for value in json.loads(fields[b"n"] if b"n" in fields else fields["n"]):
                followers = self._followers.get(value["job"])
                if followers:
                    news = from_json(value)
                    for follower in followers:
                        follower.offer(news)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
            self.dropped += 1
            if self.dropped.bit_count() == 1:  # the first, and then ever more seldom
                log.warning("%d entries of Redis could not be read: %s", self.dropped, type(problem).__name__)
            self._look.set()

    async def _check(self) -> None:
        """Whatever Redis did not tell: one query for all followed jobs."""
        while True:
            try:
                async with asyncio.timeout(CHECK_EVERY if self._streams.answers else CHECK_ALONE):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            followed = list(self._followers)
            if not followed:
                continue
            try:
                known = await asyncio.to_thread(self._store.last_events, followed)
            except Exception as problem:
                log.warning("could not look for missed news: %s", type(problem).__name__)
                continue
            for job_id in followed:
                for follower in self._followers.get(job_id, ()):
                    if job_id in known:
                        follower.known(known[job_id])
                    else:
                        follower.close()  # the job was deleted
