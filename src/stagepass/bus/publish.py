"""Puts the news of each commit on Redis Streams. It may fail: SQL has the record, and gateways fill gaps from it."""

import json
import logging
import math
import secrets
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import redis

from stagepass import forking
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import Event
from stagepass.observe.catalogue import METRICS

log = logging.getLogger("stagepass.bus")

T = TypeVar("T")

STREAM = "stagepass:events:{}"

COUNTERS = "stagepass:counters"
"""A hash with the counters of all processes, by name and labels. It restarts from zero with Redis."""

SUM = "sum"
"""Beside a histogram's bounds: the sum of its values."""

KEPT = 10_000
"""Entries kept per stream, about; a client further behind reads from SQL."""

REMEMBERED = 3600
"""Seconds for which Redis knows what it has counted already."""

AGAIN = 1.0
"""Seconds between two attempts to publish to Redis while there is nothing new."""

_COUNT_ONCE = """
if redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[1]) then
  for i = 2, #ARGV, 2 do redis.call('HINCRBYFLOAT', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
"""

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
    """The news that `as_json` made. Raises `TypeError`, `KeyError` or `ValueError` for what it cannot have made."""
    job, kind, at, data = (
        _is(str, value["job"]),
        _is(str, value["type"]),
        _is(int, value["at"]),
        _is(dict, value["data"]),
    )
    stage = None if value["stage"] is None else _is(str, value["stage"])
    item = None if value["item"] is None else _is(int, value["item"])
    if kind != "tick":
        return Event(job, _is(int, value["seq"]), kind, at, stage, item, data)
    if not 0 <= (fraction := float(data["progress"])) <= 1:
        raise ValueError("a progress is from 0 to 1")
    message = None if data["message"] is None else _is(str, data["message"])
    return Tick(job, _is(str, stage), item, fraction, message, at)


def _is(kind: type[T], value: Any) -> T:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value


def _field(labels: tuple[str, ...]) -> str:
    return json.dumps(labels, ensure_ascii=False)


Mirror = Callable[["redis.Redis", Iterable[Event]], None]
"""Writes a copy of published events for others, on the bus's own thread."""


class RedisBus:
    """Publishes from a separate thread; `publish` never waits for Redis."""

    def __init__(self, client: "redis.Redis", *, streams: int, mirror: Mirror | None = None) -> None:
        self._client = client
        self._mirror = mirror
        self._streams = streams
        self._closing = False
        self._complained = 0.0
        self.renew()
        forking.renews(self)

    def renew(self) -> None:
        """A forked child publishes its own news; those of before are the parent's."""
        self._waiting: deque[Event | Tick] = deque(maxlen=WAITING)
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._untold: tuple[str, Counter[tuple[str, ...]]] | None = None
        """Counts sent to Redis without an answer, and the token that makes Redis count them once."""
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def publish(self, news: Sequence[Event | Tick]) -> None:
        """Send soon."""
        with self._wake:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stagepass-bus", daemon=True)
                self._thread.start()
            self._waiting.extend(news)
            for event in news:
                if isinstance(event, Event) and event.queue:
                    outcome = event.type.removeprefix("stage.")
                    self._counts["stage_run_outcomes", event.queue, outcome, str(event.data.get("code", ""))] += 1
            self._wake.notify()

    def count(self, name: str, *labels: str, amount: float = 1.0) -> None:
        """Published with the next events, and at the end."""
        if not math.isfinite(amount):
            return  # no sum survives it
        with self._wake:
            self._counts[name, *labels] += amount  # type: ignore[assignment]  # a Counter takes floats, too

    def observe(self, name: str, seconds: float, *labels: str) -> None:
        """Published like a count: the bucket that holds the value, and the sum."""
        if not math.isfinite(seconds):
            return
        metric = METRICS[name]
        with self._wake:
            self._counts[name, *labels, metric.bucket(seconds)] += 1
            self._counts[name, *labels, SUM] += max(0.0, seconds)  # type: ignore[assignment]

    def counters(self) -> dict[tuple[str, ...], float]:
        """All counters of the installation, by name and labels. Raises `redis.RedisError`."""
        found = cast("dict[bytes, bytes]", self._client.hgetall(COUNTERS))
        return {tuple(json.loads(labels)): float(value) for labels, value in found.items()}

    def memory(self) -> int:
        """Bytes that Redis uses. Raises `redis.RedisError`."""
        return int(self._client.info("memory").get("used_memory", 0))

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
                while not self._waiting and self._untold is None and not self._closing:
                    self._wake.wait()
                if not self._waiting and not self._counts and self._untold is None:
                    return
                batch = list(self._waiting)
                self._waiting.clear()
                if self._untold is None and self._counts:
                    self._untold, self._counts = (secrets.token_hex(8), self._counts), Counter()
            if not self._send(batch):
                with self._wake:
                    if self._closing:
                        return
                    if not self._waiting:  # published later; events that are never published are in SQL
                        self._wake.wait(AGAIN)

    def _send(self, batch: list[Event | Tick]) -> bool:
        """One entry per stream and batch: what Redis and the gateways pay for is entries."""
        entries: dict[str, list[dict[str, Any]]] = {}
        for news in batch:
            entries.setdefault(stream_of(news.job_id, self._streams), []).append(as_json(news))
        try:
            pipeline = self._client.pipeline(transaction=False)
            for stream, entry in entries.items():
                text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
                pipeline.xadd(stream, {"n": text.encode("utf-8", "replace")}, maxlen=KEPT, approximate=True)
            if self._untold is not None:
                token, counts = self._untold
                fields = [part for labels, amount in counts.items() for part in (_field(labels), repr(float(amount)))]
                pipeline.eval(_COUNT_ONCE, 2, COUNTERS, f"{COUNTERS}:{token}", REMEMBERED, *fields)
            pipeline.execute()
            self._untold = None
            if self._mirror is not None:
                self._mirror(self._client, [news for news in batch if isinstance(news, Event)])
            return True
        except redis.RedisError as problem:
            if time.monotonic() - self._complained > 10:
                self._complained = time.monotonic()
                log.warning(
                    "events could not be published to Redis (%s); clients get them from SQL", type(problem).__name__
                )
            return False
        except Exception:  # one thread for all jobs: an event that cannot be published is skipped, SQL has it
            log.exception("news could not be written down for Redis")
            self._untold = None
            return True
