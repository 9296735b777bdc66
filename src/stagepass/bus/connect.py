"""Connections to Redis, always to its primary."""

import ssl
from typing import Any
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.asyncio.connection import parse_url
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from stagepass import sentinel
from stagepass.errors import SettingsError, Unavailable
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
    return redis.Redis.from_url(check_url(url), socket_timeout=timeout, retry=_once_more(), **_OPTIONS)


def async_client(url: str) -> "redis.asyncio.Redis":
    """A client for the event loop; its reads may block for as long as they ask for."""
    if sentinel.is_sentinel(url):
        found, options = _sentinels(url)
        watch: Any = AsyncSentinel(found.hosts, sentinel_kwargs=_asking(found, 2.0))  # type: ignore[no-untyped-call]
        primary: redis.asyncio.Redis = watch.master_for(found.primary, **options, **_OPTIONS)
        return primary
    return redis.asyncio.Redis.from_url(check_url(url), **_OPTIONS)


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
        raise SettingsError(
            sentence(
                "{setting}: {where} is a read-only replica; name the primary, or let Sentinel find it: "
                "sentinel://host:26379,host:26379/mymaster",
                setting=setting,
                where=where(url),
            )
        )


def reach(url: str, setting: str = "REDIS_URL") -> None:
    """Ask the server once. Raises `SettingsError` where the address or its secrets are wrong, else `Unavailable`."""
    client = sync_client(url, timeout=3.0)
    try:
        client.ping()
    except TypeError as problem:
        raise SettingsError(
            sentence("{setting}: an option in the address is not known: {reason}", setting=setting, reason=problem)
        ) from None
    except redis.AuthenticationError as problem:
        raise SettingsError(
            sentence(
                "{setting}: {where} refuses the user or the password ({reason})",
                setting=setting,
                where=where(url),
                reason=f"{problem!s:.100}",
            )
        ) from None
    except (redis.InvalidResponse, redis.ResponseError, ssl.SSLError) as problem:
        if str(problem).startswith(("LOADING", "MASTERDOWN", "BUSY")):
            raise _away(url, setting, problem) from None
        raise SettingsError(
            sentence(
                "{setting}: {where} does not serve this address ({reason}); check scheme, port and database",
                setting=setting,
                where=where(url),
                reason=f"{problem!s:.100}",
            )
        ) from None
    except (redis.RedisError, OSError) as problem:
        raise _away(url, setting, problem) from None
    finally:
        client.close()
    check_primary(url, setting)


def where(url: str) -> str:
    """The host and port, or the socket, of an address."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path


def _away(url: str, setting: str, problem: Exception) -> Unavailable:
    return Unavailable(
        sentence(
            "{setting}: Redis at {where} does not answer: {reason}",
            setting=setting,
            where=where(url),
            reason=f"{problem!s:.120}" or type(problem).__name__,
        )
    )


def check_url(url: str, setting: str = "REDIS_URL") -> str:
    """The address, if it is one. Raises `SettingsError`."""
    if sentinel.is_sentinel(url):
        sentinel.parse(url, setting)
        return url
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError(
            sentence("{setting} must begin with redis://, rediss://, unix:// or sentinel://", setting=setting)
        )
    try:
        parts, options = urlsplit(url), parse_url(url)
        database = parts.path.strip("/") if parts.scheme != "unix" else ""
        fits = parts.port != 0 and (not database or database.isdigit()) and int(options.get("db") or 0) >= 0
    except (ValueError, TypeError):
        fits = False
    if not fits:
        raise SettingsError(
            sentence(
                "{setting}: the port and the database must be numbers, such as redis://host:6379/0", setting=setting
            )
        )
    return url


def _sentinels(url: str) -> tuple[sentinel.Sentinels, dict[str, Any]]:
    found = sentinel.parse(url, "REDIS_URL")
    options = {"db": found.db, "username": found.username, "password": found.password}
    return found, {name: value for name, value in options.items() if value is not None}


def _asking(found: sentinel.Sentinels, timeout: float) -> dict[str, Any]:
    """Time-outs for the Sentinels: one that is down must not delay the next."""
    options = {"socket_timeout": timeout, "socket_connect_timeout": 1.0, "password": found.sentinel_password}
    return {name: value for name, value in options.items() if value is not None}
