"""One client that follows a job: what came in for it, and whether SQL must be read before."""

import asyncio
from collections import deque

from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import TERMINAL, Event

CLIENT_QUEUE = 1000
"""News that may wait for one slow client; beyond that they are dropped, and it reads from SQL."""

RESUMED = "job.resumed"


class Follower:
    """One client's pending events, and the last one it has received."""

    def __init__(self, after: int) -> None:
        self.last = after
        """The number of the last event that was handed to the client."""
        self.ended = False
        """Whether the job had ended by then."""
        self._news: deque[Event | Tick] = deque()
        self._behind = False
        self._closed = False
        self._wake = asyncio.Event()

    def offer(self, news: Event | Tick) -> None:
        """News came in. A client that is too slow for them reads SQL instead."""
        if len(self._news) >= CLIENT_QUEUE:
            self._news.clear()
            self._behind = True
        if not (self._behind and isinstance(news, Event)):
            self._news.append(news)
        self._wake.set()

    def known(self, seq: int) -> None:
        """SQL has events up to this number."""
        if seq > self.last and not any(isinstance(news, Event) and news.seq == seq for news in self._news):
            self._behind = True
            self._wake.set()

    def close(self) -> None:
        """End the stream: this process stops, or the job is gone."""
        self._closed = True
        self._wake.set()

    async def next(self) -> Event | Tick | None:
        """The next that came in; None where SQL must be read. Raises `Closed`."""
        while True:
            if self._closed:
                raise Closed
            if self._behind:
                self._behind = False
                return None
            if self._news:
                return self._news.popleft()
            self._wake.clear()
            await self._wake.wait()

    def more(self) -> Event | Tick | None:
        """What waits behind it already."""
        return self._news.popleft() if self._news and not self._closed else None

    def saw(self, event: Event) -> None:
        """Note an event that goes to the client next."""
        self.last = event.seq
        if event.type in TERMINAL:
            self.ended = True
        elif event.type == RESUMED:
            self.ended = False


class Closed(Exception):
    """There is nothing more to follow here."""
