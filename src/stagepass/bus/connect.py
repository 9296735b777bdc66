"""Connections to Redis, always to its primary."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
import redis.asyncio
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from stagepass.errors import SettingsError

_OPTIONS: dict[str, Any] = {"socket_connect_timeout": 2, "health_check_interval": 30}


def _once_more() -> Retry:
    """The client's own default tries for seconds, in which a stage's thread would stand still."""
    return Retry(ExponentialBackoff(cap=0.1, base=0.02), 1)


def sync_client(url: str, *, timeout: float = 2.0) -> "redis.Redis":
    """A client for threads. ``sentinel://host:port,host:port/name?db=0`` finds the primary by Sentinel."""
    if url.startswith("sentinel://"):
        hosts, name, options = _sentinel(url)
        sentinel: Any = Sentinel(hosts, socket_timeout=timeout)  # type: ignore[no-untyped-call]
        found: redis.Redis = sentinel.master_for(name, socket_timeout=timeout, retry=_once_more(), **options)
        return found
    return redis.Redis.from_url(_checked(url), socket_timeout=timeout, retry=_once_more(), **_OPTIONS)


def async_client(url: str) -> "redis.asyncio.Redis":
    """A client for the event loop; its reads may block for as long as they ask for."""
    if url.startswith("sentinel://"):
        hosts, name, options = _sentinel(url)
        async_sentinel: Any = AsyncSentinel(hosts, socket_timeout=5)  # type: ignore[no-untyped-call]
        found: redis.asyncio.Redis = async_sentinel.master_for(name, **options)
        return found
    return redis.asyncio.Redis.from_url(_checked(url), **_OPTIONS)


def _checked(url: str) -> str:
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError("REDIS_URL must begin with redis://, rediss://, unix:// or sentinel://")
    return url


def _sentinel(url: str) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
    parts = urlsplit(url)
    hosts = []
    for host in parts.netloc.rpartition("@")[2].split(","):
        name, _, port = host.partition(":")
        hosts.append((name, int(port or 26379)))
    options: dict[str, Any] = {"db": int(parse_qs(parts.query).get("db", ["0"])[0])}
    if parts.password:
        options["password"] = parts.password
    if not parts.path.strip("/"):
        raise SettingsError("REDIS_URL: name the primary: sentinel://host:26379/mymaster")
    return hosts, parts.path.strip("/"), options
