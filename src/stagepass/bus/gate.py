"""Limits and circuit breakers of providers, in Redis, so that they hold across all workers.

One script decides in one round trip: is the provider closed, on trial, full, or called too often?
The rate is a sliding window: the times of the last calls in a sorted set.
"""

import logging
from typing import Any, cast

import redis

from stagepass.engine.ports import Limit

log = logging.getLogger("stagepass.gate")

TRIAL = 600
"""Seconds for which a provider that was closed lets only one call at a time try it."""

_ENTER = """
local now = redis.call('TIME'); now = now[1] * 1000 + math.floor(now[2] / 1000)
local closed, trial, inside, calls = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ticket, stays, concurrency, rate, per = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local left = redis.call('PTTL', closed)
if left > 0 then return {left, redis.call('GET', closed)} end
redis.call('ZREMRANGEBYSCORE', inside, '-inf', now)
if redis.call('EXISTS', trial) == 1 and redis.call('ZCARD', inside) > 0 then return {500, redis.call('GET', trial)} end
if concurrency > 0 and redis.call('ZCARD', inside) >= concurrency then return {100, 'concurrency'} end
if rate > 0 then
  redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - per)
  if redis.call('ZCARD', calls) >= rate then
    local first = redis.call('ZRANGE', calls, 0, 0, 'WITHSCORES')
    return {math.max(1, first[2] + per - now), 'rate'}
  end
  redis.call('ZADD', calls, now, ticket); redis.call('PEXPIRE', calls, per)
end
redis.call('ZADD', inside, now + stays, ticket)
if redis.call('PTTL', inside) < stays then redis.call('PEXPIRE', inside, math.max(stays, 1000)) end
return {0, ''}
"""


class RedisGate:
    """See `stagepass.engine.ports.Gate`. While Redis is away, limited calls wait and unlimited ones go on."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._enter = client.register_script(_ENTER)

    def enter(self, provider: str, limit: Limit, ticket: str, *, at_most: float) -> tuple[float, str]:
        args: list[Any] = [ticket, int(at_most * 1000), limit.concurrency or 0, limit.rate or 0, int(limit.per * 1000)]
        try:
            pause, reason = cast("list[Any]", self._enter(keys=self._keys(provider), args=args))
        except redis.RedisError as problem:
            log.warning("the limits of %s are not known: %s", provider, type(problem).__name__)
            limited = limit.concurrency is not None or limit.rate is not None
            return (1.0, "limits unknown") if limited else (0.0, "")
        return int(pause) / 1000, reason.decode() if isinstance(reason, bytes) else str(reason)

    def leave(self, provider: str, ticket: str, *, healthy: bool) -> None:
        _, trial, inside, _ = self._keys(provider)
        try:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.zrem(inside, ticket)
            if healthy:
                pipeline.delete(trial)
            pipeline.execute()
        except redis.RedisError as problem:
            log.warning("a place at %s could not be given back: %s", provider, type(problem).__name__)

    def close_for(self, provider: str, seconds: float, reason: str) -> None:
        closed, trial, _, _ = self._keys(provider)
        try:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.set(closed, reason, px=max(1, int(seconds * 1000)))
            pipeline.set(trial, reason, px=int((seconds + TRIAL) * 1000))
            pipeline.execute()
        except redis.RedisError as problem:
            log.warning("%s could not be closed: %s", provider, type(problem).__name__)

    @staticmethod
    def _keys(provider: str) -> list[str]:
        return [f"stagepass:gate:{{{provider}}}:{name}" for name in ("closed", "trial", "inside", "calls")]


class OpenGate:
    """No limits: for tests of a single process."""

    def enter(self, provider: str, limit: Limit, ticket: str, *, at_most: float) -> tuple[float, str]:
        return 0.0, ""

    def leave(self, provider: str, ticket: str, *, healthy: bool) -> None: ...

    def close_for(self, provider: str, seconds: float, reason: str) -> None: ...
