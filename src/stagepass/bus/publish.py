"""Puts the news of each commit on Redis Streams. It may fail: SQL has the record, and gateways fill gaps from it."""

import json
import logging
import threading
import time
import zlib
from collections import deque
from collections.abc import Sequence
from typing import Any

import redis

from stagepass.engine.ports import Tick
from stagepass.engine.records import Event

log = logging.getLogger("stagepass.bus")

STREAM = "stagepass:events:{}"
KEPT = 10_000
"""Entries kept per stream, about; a client further behind reads from SQL."""

WAITING = 20_000
"""News that may wait for Redis in this process; the oldest are dropped first."""


def stream_of(job_id: str, streams: int) -> str:
    """The stream that carries a job's news."""
    return STREAM.format(zlib.crc32(job_id.encode()) % streams)


def as_json(news: Event | Tick) -> dict[str, Any]:
    """News as it travels. Ticks have no number."""
    if isinstance(news, Event):
        return {
            "job": news.job_id,
            "seq": news.seq,
            "type": news.type,
            "at": news.at,
            "stage": news.stage,
            "item": news.item,
            "data": news.data,
        }
    data = {"progress": round(news.fraction, 4), "message": news.message}
    return {"job": news.job_id, "type": "tick", "at": news.at, "stage": news.stage, "item": news.item, "data": data}


def from_json(value: dict[str, Any]) -> Event | Tick:
    """The news that `as_json` made."""
    if value["type"] == "tick":
        data = value["data"]
        return Tick(value["job"], value["stage"], value["item"], data["progress"], data["message"], value["at"])
    return Event(value["job"], value["seq"], value["type"], value["at"], value["stage"], value["item"], value["data"])


class RedisBus:
    """Publishes from a thread of its own; `publish` never waits for Redis."""

    def __init__(self, client: "redis.Redis", *, streams: int) -> None:
        self._client = client
        self._streams = streams
        self._waiting: deque[Event | Tick] = deque(maxlen=WAITING)
        self._wake = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._complained = 0.0

    def publish(self, news: Sequence[Event | Tick]) -> None:
        """Send soon."""
        with self._wake:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stagepass-bus", daemon=True)
                self._thread.start()
            self._waiting.extend(news)
            self._wake.notify()

    def close(self) -> None:
        """Send what waits, for a moment, and stop."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(timeout=3)
        self._client.close()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                if not self._waiting:
                    return
                batch = list(self._waiting)
                self._waiting.clear()
            self._send(batch)

    def _send(self, batch: list[Event | Tick]) -> None:
        """One entry per stream and batch: what Redis and the gateways pay for is entries."""
        entries: dict[str, list[dict[str, Any]]] = {}
        for news in batch:
            entries.setdefault(stream_of(news.job_id, self._streams), []).append(as_json(news))
        try:
            pipeline = self._client.pipeline(transaction=False)
            for stream, entry in entries.items():
                text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
                pipeline.xadd(stream, {"n": text}, maxlen=KEPT, approximate=True)
            pipeline.execute()
        except redis.RedisError as problem:
            if time.monotonic() - self._complained > 10:
                self._complained = time.monotonic()
                log.warning("news could not be told to Redis (%s); clients get it from SQL", type(problem).__name__)
