"""The Redis streams of older clients: `scan:events:{shard}` and `scan:result:{job_id}`, where SCAN_LEGACY_STREAMS asks.

They are a copy of what `/scan/{job_id}/events` says, written beside it. What is lost with Redis is not written again.
"""

import json
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stagepass.engine.engine import OPERATOR, Engine
from stagepass.engine.model.records import Event
from stagepass.errors import NotFound
from stagepass.pipelines.scan.telling import Teller

if TYPE_CHECKING:
    import redis

EVENTS, RESULT = "scan:events:{}", "scan:result:{}"
SHARDS = 4
KEPT = 10_000
"""Entries of each stream, about."""

RESULT_KEPT = 3600
"""Seconds for which a result is kept."""

REMEMBERED = 1000
"""Jobs whose progress is remembered between two of their events."""


class LegacyStreams:
    """Writes the events of scans; called by one thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tellers: OrderedDict[str, Teller | None] = OrderedDict()

    def __call__(self, client: "redis.Redis", events: Iterable[Event]) -> None:
        """Add what is news to clients of scans; events of other jobs are passed over."""
        pipe = client.pipeline(transaction=False)
        for event in events:
            teller = self._teller(event.job_id)
            if teller is None or (told := teller(event)) is None:
                continue
            name, facts = told
            pipe.xadd(EVENTS.format(shard_of(event.job_id)), _fields(facts), maxlen=KEPT, approximate=True)
            if name == "done":
                pipe.set(RESULT.format(event.job_id), json.dumps(facts["result"], ensure_ascii=False), ex=RESULT_KEPT)
        pipe.execute()

    def _teller(self, job_id: str) -> Teller | None:
        """None for a job of another pipeline."""
        if job_id not in self._tellers:
            teller = None
            with suppress(NotFound):  # deleted meanwhile
                job = self._engine.job(job_id, OPERATOR)
                teller = Teller(self._engine, job) if job.pipeline == "scan" else None
            self._tellers[job_id] = teller
            while len(self._tellers) > REMEMBERED:
                self._tellers.popitem(last=False)
        self._tellers.move_to_end(job_id)
        return self._tellers[job_id]


def shard_of(job_id: str) -> int:
    """The number of the stream that carries a job's events."""
    return zlib.crc32(job_id.encode()) % SHARDS


def _fields(facts: dict[str, Any]) -> dict[Any, Any]:
    """A stream's fields are texts: numbers as digits, the result as JSON."""
    own = ("job_id", "stage", "status", "seq", "ts", "progress")
    return {**{name: str(facts[name]) for name in own}, "result": json.dumps(facts["result"], ensure_ascii=False)}
