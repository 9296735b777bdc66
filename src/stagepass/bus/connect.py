"""Connections to Redis, always to its primary."""

from typing import Any
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from stagepass import sentinel
from stagepass.errors import SettingsError
from stagepass.sentences import sentence

_OPTIONS: dict[str, Any] = {"socket_connect_timeout": 2, "health_check_interval": 30}


def _once_more() -> Retry:
    """The client's default retries for seconds, which would block a stage's thread."""
    return Retry(ExponentialBackoff(cap=0.1, base=0.02), 1)


def sync_client(url: str, *, timeout: float = 2.0) -> "redis.Redis":
    """A client for threads. ``sentinel://host:port,host:port/name?db=0`` finds the primary by Sentinel."""
    if sentinel.is_sentinel(url):
        found, options = _sentinels(url)
        watch: Any = Sentinel(found.hosts, sentinel_kwargs=_asking(found, timeout))  # type: ignore[no-untyped-call]
        primary: redis.Redis = watch.master_for(
            found.primary, socket_timeout=timeout, retry=_once_more(), **options, **_OPTIONS
        )
        return primary
    return redis.Redis.from_url(_checked(url), socket_timeout=timeout, retry=_once_more(), **_OPTIONS)


def async_client(url: str) -> "redis.asyncio.Redis":
    """A client for the event loop; its reads may block for as long as they ask for."""
    if sentinel.is_sentinel(url):
        found, options = _sentinels(url)
        watch: Any = AsyncSentinel(found.hosts, sentinel_kwargs=_asking(found, 2.0))  # type: ignore[no-untyped-call]
        primary: redis.asyncio.Redis = watch.master_for(found.primary, **options, **_OPTIONS)
        return primary
    return redis.asyncio.Redis.from_url(_checked(url), **_OPTIONS)


def check_primary(url: str, setting: str = "REDIS_URL") -> None:
    """Refuse a server that takes no writes. One that does not answer now is left to be waited for.

    Raises:
        SettingsError: the address leads to a read-only replica.
    """
    client = sync_client(url)
    try:
        role: Any = client.execute_command("ROLE")  # type: ignore[no-untyped-call]
    except (redis.RedisError, OSError):  # away, or not allowed to ask: the first write will tell
        return
    finally:
        client.close()
    if role and role[0] in (b"slave", "slave"):
        where = urlsplit(url).netloc.rpartition("@")[2]
        raise SettingsError(
            sentence(
                "{setting}: {where} is a read-only replica; name the primary, or let Sentinel find it: "
                "sentinel://host:26379,host:26379/mymaster",
                setting=setting,
                where=where,
            )
        )


def _checked(url: str) -> str:
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError(sentence("REDIS_URL must begin with redis://, rediss://, unix:// or sentinel://"))
    return url


def _sentinels(url: str) -> tuple[sentinel.Sentinels, dict[str, Any]]:
    found = sentinel.parse(url, "REDIS_URL")
    options = {"db": found.db, "username": found.username, "password": found.password}
    return found, {name: value for name, value in options.items() if value is not None}


def _asking(found: sentinel.Sentinels, timeout: float) -> dict[str, Any]:
    """Time-outs for the Sentinels: one that is down must not delay the next."""
    options = {"socket_timeout": timeout, "socket_connect_timeout": 1.0, "password": found.sentinel_password}
    return {name: value for name, value in options.items() if value is not None}
