"""Limits and circuit breakers of providers, in Redis, so that they hold across all workers.

One script decides in one round trip: is the provider closed, on trial, full, or called too often?
The rate is a sliding window: the times of the last calls in a sorted set.

Who finds no place gets one in the provider's line, where owners take turns. It comes back when it is called by a
call that ended, when the rate allows it, or, if no call wakes it, after a delay that grows with its position:
so a thousand that wait cost no more than the few whose turn it is.

A breaker opens when a provider reports a rate limit or missing credit, or when several
calls in a row got no answer. When its pause is over, one call at a time tries the provider; a healthy one
closes the breaker, a bad one opens it for another pause. Without Redis nothing is known of any of it.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import redis

from stagepass.bus import limit_scripts
from stagepass.engine.model.limits import BY_OPERATOR, Breaker, Limit, Waiter
from stagepass.errors import Unavailable
from stagepass.sentences import sentence

log = logging.getLogger("stagepass.provider_limits")

KEPT = 86_400
"""Seconds after its pause for which an unprobed breaker is remembered."""

DOWN_AFTER = 5
"""Calls in a row without an answer, by whichever workers, after which a provider is taken for down."""

DOWN_PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds: the first pause of a provider that is down; each further one is twice as long, up to the longest."""

_INDEX = "stagepass:gate:breakers"
_OVERRIDES = "stagepass:gate:overrides"

UNTIL_OPENED = 10 * 365 * 86_400_000
"""Milliseconds for which a provider stays closed that an operator has closed."""

_LINE = 5
"""Index of the waiting list among `_keys`."""


class RedisProviderLimits:
    """See `stagepass.engine.model.limits.ProviderLimits`. While Redis is unreachable, limited calls wait and unlimited ones continue."""

    def __init__(self, client: "redis.Redis", *, down_after: int = DOWN_AFTER, down_pause: float = DOWN_PAUSE) -> None:
        self._client = client
        self._down = [down_after, int(down_pause * 1000), int(LONGEST_PAUSE * 1000)]
        self._enter = client.register_script(limit_scripts.ENTER)
        self._leave = client.register_script(limit_scripts.LEAVE)
        self._call = client.register_script(limit_scripts.CALL)
        self._close = client.register_script(limit_scripts.CLOSE)
        self._failed = client.register_script(limit_scripts.FAILED)
        self._open = client.register_script(limit_scripts.OPEN)

    def enter(
        self, provider: str, limit: Limit, ticket: str, *, at_most: float, waiter: Waiter | None = None
    ) -> tuple[float, str]:
        args: list[Any] = [*_limits(limit), ticket, int(at_most * 1000), *_waiter(waiter)]
        try:
            pause, reason = cast("list[Any]", self._enter(keys=_keys(provider), args=args))
        except redis.RedisError as problem:
            log.warning("the limits of %s are not known: %s", provider, type(problem).__name__)
            limited = limit.concurrency is not None or limit.rate is not None
            return (1.0, "limits unknown") if limited else (0.0, "")
        return int(pause) / 1000, _text(reason)

    def leave(self, provider: str, ticket: str, *, healthy: bool, limit: Limit | None = None) -> list[str]:
        try:
            args: list[Any] = [*_limits(limit or Limit()), ticket, int(healthy), provider]
            return _texts(self._leave(keys=_keys(provider), args=args))
        except redis.RedisError as problem:
            log.warning("a place at %s could not be given back: %s", provider, type(problem).__name__)
            return []

    def call(self, provider: str, limit: Limit, gone: list[str]) -> list[str]:
        try:
            return _texts(self._call(keys=_keys(provider), args=[*_limits(limit), *gone]))
        except redis.RedisError as problem:
            log.warning("no waiting run of %s could be woken: %s", provider, type(problem).__name__)
            return []

    def close_for(self, provider: str, seconds: float, reason: str) -> None:
        try:
            self._close(keys=_keys(provider), args=[reason, max(1, int(seconds * 1000)), provider, KEPT * 1000])
        except redis.RedisError as problem:
            log.warning("%s could not be closed: %s", provider, type(problem).__name__)

    def failed(self, provider: str, ticket: str) -> float:
        try:
            pause = self._failed(keys=_keys(provider), args=[ticket, provider, KEPT * 1000, *self._down])
        except redis.RedisError as problem:
            log.warning("a failure of %s could not be counted: %s", provider, type(problem).__name__)
            return 0.0
        return int(cast(Any, pause)) / 1000

    def position(self, provider: str, run_id: str) -> int | None:
        try:
            return cast("int | None", self._client.zrank(_keys(provider)[_LINE], run_id))
        except redis.RedisError as problem:
            raise _silent(problem) from None

    def breakers(self) -> list[Breaker]:
        try:
            names = sorted(map(_text, cast("set[Any]", self._client.smembers(_INDEX))))
            found = [(name, *self._look(name)) for name in names]
        except redis.RedisError as problem:
            raise _silent(problem) from None
        return [_breaker(name, facts, tried) for name, facts, tried in found if facts]

    # ── what operators set ──

    def close_by_hand(self, provider: str) -> None:
        with _needed():
            args: list[Any] = [BY_OPERATOR, UNTIL_OPENED, provider, KEPT * 1000]
            self._close(keys=_keys(provider), args=args)

    def open(self, provider: str) -> list[str]:
        with _needed():
            return _texts(self._open(keys=_keys(provider), args=[provider]))

    def override(self, provider: str, limit: Limit | None) -> list[str]:
        key, line = _key(provider, "override"), _key(provider, "line")
        with _needed(), self._client.pipeline() as pipe:
            if limit is None:
                pipe.delete(key)
                pipe.hdel(_OVERRIDES, provider)
            else:
                text = " ".join(map(str, _limits(limit)))
                pipe.set(key, text)
                pipe.hset(_OVERRIDES, provider, text)
            pipe.zrange(line, 0, 499)
            return _texts(pipe.execute()[-1])

    def overrides(self) -> dict[str, Limit]:
        with _needed():
            found = cast("dict[Any, Any]", self._client.hgetall(_OVERRIDES))
        return {_text(name): _limit(_text(text)) for name, text in found.items()}

    def _look(self, provider: str) -> tuple[dict[str, str], bool]:
        breaker, probe, *_ = _keys(provider)
        facts = cast("dict[Any, Any]", self._client.hgetall(breaker))
        if not facts:  # forgotten by its age, or with all of Redis
            self._client.srem(_INDEX, provider)
        return {_text(name): _text(value) for name, value in facts.items()}, bool(self._client.exists(probe))


def _silent(problem: Exception) -> Unavailable:
    return Unavailable(sentence("Redis is not responding: {error}", error=type(problem).__name__))


def _keys(provider: str) -> list[str]:
    names = ("breaker", "probe", "inside", "calls", "failures", "line", "due", "called", "turns", "override")
    return [*(_key(provider, name) for name in names), _INDEX]


def _key(provider: str, name: str) -> str:
    return f"stagepass:gate:{{{provider}}}:{name}"


@contextmanager
def _needed() -> Iterator[None]:
    """A person waits for this, and gets an error without Redis."""
    try:
        yield
    except redis.RedisError as problem:
        raise Unavailable(sentence("Redis is not responding: {error}", error=type(problem).__name__)) from None


def _limit(text: str) -> Limit:
    concurrency, rate, per = map(int, text.split())
    return Limit(concurrency or None, rate or None, per / 1000)


def _limits(limit: Limit) -> list[int]:
    return [limit.concurrency or 0, limit.rate or 0, int(limit.per * 1000)]


def _waiter(waiter: Waiter | None) -> list[Any]:
    if waiter is None:
        return ["", "", 0]
    # an owner may be an address of mail, which does not belong in Redis
    return [waiter.run_id, hashlib.sha256(waiter.owner.encode()).hexdigest()[:16], waiter.priority]


def _breaker(name: str, facts: dict[str, str], tried: bool) -> Breaker:
    return Breaker(name, facts["reason"], int(facts["since"]), int(float(facts["until"])), tried)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _texts(values: Any) -> list[str]:
    return [_text(value) for value in values]


class OpenGate:
    """No limits: for tests of a single process."""

    def enter(
        self, provider: str, limit: Limit, ticket: str, *, at_most: float, waiter: Waiter | None = None
    ) -> tuple[float, str]:
        return 0.0, ""

    def leave(self, provider: str, ticket: str, *, healthy: bool, limit: Limit | None = None) -> list[str]:
        return []

    def call(self, provider: str, limit: Limit, gone: list[str]) -> list[str]:
        return []

    def close_for(self, provider: str, seconds: float, reason: str) -> None: ...

    def failed(self, provider: str, ticket: str) -> float:
        return 0.0

    def position(self, provider: str, run_id: str) -> int | None:
        return None

    def breakers(self) -> list[Breaker]:
        return []

    def close_by_hand(self, provider: str) -> None: ...

    def open(self, provider: str) -> list[str]:
        return []

    def override(self, provider: str, limit: Limit | None) -> list[str]:
        return []

    def overrides(self) -> dict[str, Limit]:
        return {}
