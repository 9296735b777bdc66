"""Limits and circuit breakers of providers, in Redis, so that they hold across all workers.

One script decides in one round trip: is the provider closed, on trial, full, or called too often?
The rate is a sliding window: the times of the last calls in a sorted set.

A breaker opens when a provider says that it was asked too often, that there is no credit, or when several
calls in a row got no answer. When its pause is over, one call at a time tries the provider; a healthy one
closes the breaker, a bad one opens it for another pause. Without Redis nothing is known of any of it.
"""

import logging
from typing import Any, cast

import redis

from stagepass.engine.ports import Breaker, Limit
from stagepass.errors import Unavailable

log = logging.getLogger("stagepass.gate")

KEPT = 86_400
"""Seconds after its pause for which a breaker that nobody tries is remembered."""

DOWN_AFTER = 5
"""Calls in a row without an answer, by whichever workers, after which a provider is taken for down."""

DOWN_PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds: the first pause of a provider that is down; each further one is twice as long, up to the longest."""

_INDEX = "stagepass:gate:breakers"

_NOW = "local now = redis.call('TIME'); now = now[1] * 1000 + math.floor(now[2] / 1000)\n"
_KEYS = "local breaker, probe, inside, calls, failures, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]\n"

_ENTER = f"""{_NOW}{_KEYS}
local ticket, stays, concurrency, rate, per = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local reason = redis.call('HGET', breaker, 'reason')
if reason then
  local left = tonumber(redis.call('HGET', breaker, 'until')) - now
  if left > 0 then return {{left, reason}} end
  local trying = redis.call('PTTL', probe)
  if trying > 0 then return {{reason == 'rate_limited' and math.min(trying, 500) or trying, reason}} end
end
redis.call('ZREMRANGEBYSCORE', inside, '-inf', now)
if concurrency > 0 and redis.call('ZCARD', inside) >= concurrency then return {{100, 'concurrency'}} end
if rate > 0 then
  redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - per)
  if redis.call('ZCARD', calls) >= rate then
    local first = redis.call('ZRANGE', calls, 0, 0, 'WITHSCORES')
    return {{math.max(1, first[2] + per - now), 'rate'}}
  end
  redis.call('ZADD', calls, now, ticket); redis.call('PEXPIRE', calls, per)
end
redis.call('ZADD', inside, now + stays, ticket)
if redis.call('PTTL', inside) < stays then redis.call('PEXPIRE', inside, math.max(stays, 1000)) end
if reason then
  local length = tonumber(redis.call('HGET', breaker, 'length'))
  redis.call('SET', probe, ticket, 'PX', math.max(1000, math.min(stays, length)))
end
return {{0, ''}}
"""

_LEAVE = f"""{_KEYS}
local ticket, healthy = ARGV[1], ARGV[2] == '1'
redis.call('ZREM', inside, ticket)
if healthy then redis.call('DEL', failures) end
if redis.call('GET', probe) == ticket then
  redis.call('DEL', probe)
  if healthy then redis.call('DEL', breaker); redis.call('SREM', index, ARGV[3]) end
end
return 0
"""

_OPEN = """
local function open(reason, pause, provider, kept)
  local before = tonumber(redis.call('HGET', breaker, 'until') or 0)
  if before < now + pause then
    redis.call('HSET', breaker, 'reason', reason, 'until', now + pause, 'length', pause)
  end
  redis.call('HSETNX', breaker, 'since', now)
  redis.call('PEXPIRE', breaker, pause + kept)
  redis.call('DEL', probe)
  redis.call('SADD', index, provider)
end
"""

_CLOSE = f"""{_NOW}{_KEYS}{_OPEN}
open(ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]))
return 0
"""

_FAILED = f"""{_NOW}{_KEYS}{_OPEN}
local ticket, provider, kept = ARGV[1], ARGV[2], tonumber(ARGV[3])
local after, first, longest = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local failed = redis.call('INCR', failures)
redis.call('PEXPIRE', failures, 600000)
local tried = redis.call('GET', probe) == ticket
local reason = redis.call('HGET', breaker, 'reason')
if not tried and (reason or failed < after) then return 0 end
local times = redis.call('HINCRBY', breaker, 'times', 1)
local pause = math.min(first * 2 ^ (times - 1), longest)
open(reason or 'down', pause, provider, kept)
return tried and pause or 0
"""


class RedisGate:
    """See `stagepass.engine.ports.Gate`. While Redis is away, limited calls wait and unlimited ones go on."""

    def __init__(self, client: "redis.Redis", *, down_after: int = DOWN_AFTER, down_pause: float = DOWN_PAUSE) -> None:
        self._client = client
        self._down = [down_after, int(down_pause * 1000), int(LONGEST_PAUSE * 1000)]
        self._enter = client.register_script(_ENTER)
        self._leave = client.register_script(_LEAVE)
        self._close = client.register_script(_CLOSE)
        self._failed = client.register_script(_FAILED)

    def enter(self, provider: str, limit: Limit, ticket: str, *, at_most: float) -> tuple[float, str]:
        args: list[Any] = [ticket, int(at_most * 1000), limit.concurrency or 0, limit.rate or 0, int(limit.per * 1000)]
        try:
            pause, reason = cast("list[Any]", self._enter(keys=_keys(provider), args=args))
        except redis.RedisError as problem:
            log.warning("the limits of %s are not known: %s", provider, type(problem).__name__)
            limited = limit.concurrency is not None or limit.rate is not None
            return (1.0, "limits unknown") if limited else (0.0, "")
        return int(pause) / 1000, _text(reason)

    def leave(self, provider: str, ticket: str, *, healthy: bool) -> None:
        try:
            self._leave(keys=_keys(provider), args=[ticket, int(healthy), provider])
        except redis.RedisError as problem:
            log.warning("a place at %s could not be given back: %s", provider, type(problem).__name__)

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

    def breakers(self) -> list[Breaker]:
        try:
            names = sorted(map(_text, cast("set[Any]", self._client.smembers(_INDEX))))
            found = [(name, *self._look(name)) for name in names]
        except redis.RedisError as problem:
            raise Unavailable(f"Redis does not answer: {type(problem).__name__}") from None
        return [_breaker(name, facts, tried) for name, facts, tried in found if facts]

    def _look(self, provider: str) -> tuple[dict[str, str], bool]:
        breaker, probe, *_ = _keys(provider)
        facts = cast("dict[Any, Any]", self._client.hgetall(breaker))
        if not facts:  # forgotten by its age, or with all of Redis
            self._client.srem(_INDEX, provider)
        return {_text(name): _text(value) for name, value in facts.items()}, bool(self._client.exists(probe))


def _keys(provider: str) -> list[str]:
    names = ("breaker", "probe", "inside", "calls", "failures")
    return [*(f"stagepass:gate:{{{provider}}}:{name}" for name in names), _INDEX]


def _breaker(name: str, facts: dict[str, str], tried: bool) -> Breaker:
    return Breaker(name, facts["reason"], int(facts["since"]), int(float(facts["until"])), tried)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class OpenGate:
    """No limits: for tests of a single process."""

    def enter(self, provider: str, limit: Limit, ticket: str, *, at_most: float) -> tuple[float, str]:
        return 0.0, ""

    def leave(self, provider: str, ticket: str, *, healthy: bool) -> None: ...

    def close_for(self, provider: str, seconds: float, reason: str) -> None: ...

    def failed(self, provider: str, ticket: str) -> float:
        return 0.0

    def breakers(self) -> list[Breaker]:
        return []
