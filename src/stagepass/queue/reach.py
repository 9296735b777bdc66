"""Whether a broker's address can be read, and whether RabbitMQ behind it answers."""

import socket
import ssl
from urllib.parse import unquote, urlsplit

from amqp import exceptions as amqp
from kombu.connection import Connection

from stagepass import sentinel
from stagepass.errors import SettingsError, Unavailable
from stagepass.queue.app import is_amqp
from stagepass.sentences import sentence

SCHEMES = ("amqp", "amqps", "pyamqp", "redis", "rediss", "redis+socket", *sentinel.SCHEMES)

ANSWER = 3.0
"""Seconds for one attempt to connect."""

_ONCE = {"read_timeout": ANSWER, "write_timeout": ANSWER, "max_retries": 0, "interval_start": 0, "interval_step": 0}


def parse(url: str) -> None:
    """Whether that is an address of a broker that we speak to. Raises `SettingsError`."""
    if sentinel.is_sentinel(url):
        sentinel.parse(url, "BROKER_URL")
        return
    for one in url.split(";"):
        scheme = one.partition("://")[0]
        if "://" not in one or scheme not in SCHEMES:
            raise SettingsError(
                sentence(
                    "BROKER_URL: {scheme} is not supported; write amqp://user:password@host, redis://host:6379/1 or "
                    "sentinel://host:26379/mymaster",
                    scheme=repr(scheme[:40]),
                )
            )
        try:
            parts = urlsplit(one)
            fits = parts.port != 0 and (bool(parts.hostname) or scheme == "redis+socket")
        except ValueError:
            fits = False
        if not fits:
            raise SettingsError(
                sentence(
                    "BROKER_URL: the address has no valid host and port; write {scheme}://user:password@host:port",
                    scheme=scheme,
                )
            )


def where(url: str) -> str:
    """The host and port of an address."""
    parts = urlsplit(url.split(";")[0])
    return parts.netloc.rpartition("@")[2] or parts.path


def reach_amqp(url: str) -> None:
    """Connect to RabbitMQ once. Raises `SettingsError` where it refuses us, `Unavailable` where it does not answer."""
    problems: list[tuple[str, Exception]] = []
    for one in url.split(";"):
        try:
            with Connection(one, connect_timeout=ANSWER, transport_options=_ONCE) as connection:
                connection.connect()
            return
        except (OSError, amqp.AMQPError, ssl.SSLError, ValueError) as problem:
            problems.append((one, problem))
    for address, why in problems:
        _refuse_wrong(address, why)
    raise Unavailable(
        sentence(
            "BROKER_URL: the broker at {where} does not answer: {reason}",
            where=where(url),
            reason=_reason(problems[0][1]),
        )
    )


def _refuse_wrong(url: str, problem: Exception) -> None:
    parts = urlsplit(url)
    host = where(url)
    if isinstance(problem, amqp.AccessRefused):
        raise SettingsError(
            sentence(
                "BROKER_URL: the broker at {where} refuses the user {user}: wrong name or password",
                where=host,
                user=repr(unquote(parts.username or "guest")),
            )
        ) from None
    if isinstance(problem, amqp.NotAllowed | amqp.NotFound):
        raise SettingsError(
            sentence(
                "BROKER_URL: the broker at {where} has no virtual host {name} for this user; create it, or correct "
                "the part after the host",
                where=host,
                name=repr(unquote(parts.path.removeprefix("/")) or "/"),
            )
        ) from None
    if isinstance(problem, ssl.SSLError | amqp.AMQPError | ValueError) and is_amqp(url):
        raise SettingsError(
            sentence(
                "BROKER_URL: {where} does not speak this protocol ({reason}); check scheme and port",
                where=host,
                reason=_reason(problem),
            )
        ) from None


def _reason(problem: Exception) -> str:
    if isinstance(problem, socket.gaierror):
        return "unknown host"
    if isinstance(problem, TimeoutError):
        return "no answer in time"
    return str(getattr(problem, "strerror", None) or type(problem).__name__)
