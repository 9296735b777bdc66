"""Problems within a time window, as counts: no ids, no inputs, no personal data."""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, field
from typing import Any

from stagepass.engine.model.limits import TROUBLE, ProviderLimits
from stagepass.errors import Unavailable
from stagepass.store import SqlStore

UNSERVED_AFTER = 30_000
"""Milliseconds for which work has lain ready before its queue is said to have no worker."""


@dataclass(slots=True)
class Facts:
    """Each with how often. Keys are plain texts, so that it can be kept as JSON."""

    dead: dict[str, int] = field(default_factory=dict)
    """By ``queue code``."""
    held: dict[str, int] = field(default_factory=dict)
    """Calls of unknown outcome, by queue."""
    closed: dict[str, int] = field(default_factory=dict)
    """By ``provider reason``: stage runs that are parked there now."""
    lost: int = 0
    unserved: dict[str, int] = field(default_factory=dict)
    """By queue without a worker: ready stage runs, counted up to a bound."""
    keys: dict[str, int] = field(default_factory=dict)
    """Dead letters of a rejected API key, by ``provider queue``."""

    def __bool__(self) -> bool:
        return bool(self.keys or self.dead or self.held or self.closed or self.lost or self.unserved)

    def add(self, other: "Facts") -> None:
        """Put those of another window to these: what happened is summed, what is so now stays as it is."""
        self.dead = dict(Counter(self.dead) + Counter(other.dead))
        self.held = dict(Counter(self.held) + Counter(other.held))
        self.keys = dict(Counter(self.keys) + Counter(other.keys))
        self.lost += other.lost
        self.closed = {**other.closed, **self.closed}
        self.unserved = {**other.unserved, **self.unserved}

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def look(
    store: SqlStore, provider_limits: ProviderLimits, since: int, until: int, known: Facts, served: Set[str]
) -> Facts:
    """New problems in ``since <= at < until``.

    Args:
        known: the facts of the last message: a provider or queue in the same state is not reported again.
        served: the queues that some living worker serves.
    """
    facts = Facts(lost=store.count_notices("worker_lost", since, until))
    for queue, error in store.failed_between(since, until):
        rejected = error.get("reason") == "key" and error.get("provider")
        counts, name = (facts.keys, f"{rejected} {queue}") if rejected else (facts.dead, f"{queue} {_code(error)}")
        counts[name] = counts.get(name, 0) + 1
    for queue in store.held_between(since, until):
        facts.held[queue] = facts.held.get(queue, 0) + 1
    try:
        breakers = [b for b in provider_limits.breakers() if b.reason in TROUBLE and b.since < until]
    except Unavailable:
        breakers = []
    for breaker in breakers:
        if breaker.since >= since or f"{breaker.provider} {breaker.reason}" not in known.closed:
            parked = sum(count for _, count in store.count_parked(breaker.provider))
            facts.closed[f"{breaker.provider} {breaker.reason}"] = parked
    for queue, count in store.ready_since(until - UNSERVED_AFTER):
        if queue not in served and queue not in known.unserved:
            facts.unserved[queue] = count
    return facts


def _code(error: Mapping[str, Any]) -> str:
    return str(error.get("code", "error"))
