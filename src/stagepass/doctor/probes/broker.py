"""The broker as each process would use it: connection, queues, their arguments, depth and consumers."""

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from kombu.connection import Connection
from kombu.exceptions import OperationalError

from stagepass.doctor.facts import BrokerFacts, QueueFacts, Refusal
from stagepass.doctor.probes.management import Management
from stagepass.doctor.sources import Sources
from stagepass.engine.model.ids import new_id
from stagepass.queue.app import EXCHANGE, is_amqp, make_app

PREFIX = "stagepass:"

_BELL = '[["", ""], {}, {}]'


def _headers(queue: str) -> dict[str, str]:
    return {"lang": "py", "task": queue, "id": new_id(), "root_id": "", "argsrepr": "", "kwargsrepr": ""}


def look(sources: Sources) -> BrokerFacts:
    """Look at the broker of the settings."""
    url = sources.broker_url()
    names = sources.registry.queues()
    app = make_app(url, names, queue_type=sources.settings.queue_type)
    kind = "rabbitmq" if is_amqp(url) else "redis"
    parts = urlsplit(url)
    user, vhost = unquote(parts.username or ""), unquote(parts.path[1:]) or "/"
    connection = app.connection_for_read()
    try:
        connection.connect_timeout = 2
        connection.ensure_connection(max_retries=1, timeout=2, interval_start=0, interval_step=0.1)
        if kind == "redis":
            return _redis(connection, names)
        return _rabbitmq(connection, app, names, Management.of(url), user, vhost)
    except Exception as problem:
        return BrokerFacts(kind, refused=_refusal(problem), user=user, vhost=vhost)
    finally:
        connection.release()


def _refusal(problem: Exception) -> Refusal:
    cause: BaseException = problem
    while isinstance(cause, OperationalError) and cause.__cause__ is not None:
        cause = cause.__cause__
    text = f"{type(cause).__name__}: {cause}"[:300]
    if "ACCESS_REFUSED" in text or "AccessRefused" in text or "WRONGPASS" in text or "NOAUTH" in text:
        return Refusal("rights" if "vhost" in text else "login", text)
    if "NOT_ALLOWED" in text or "NotAllowed" in text:
        return Refusal("rights" if "refused for user" in text and "not found" not in text else "place", text)
    if isinstance(cause, (ConnectionError, socket.timeout, socket.gaierror, OSError)) or "Connection" in text:
        return Refusal("away", text)
    return Refusal("wrong", text)


def _redis(connection: Connection, names: list[str]) -> BrokerFacts:
    channel: Any = connection.default_channel
    queues = tuple(QueueFacts(name, True, depth=int(channel._size(name))) for name in names)
    client = channel.client
    strangers = []
    for key in client.scan_iter(match=f"{PREFIX}*.*", count=500, _type="list"):
        text = key.decode() if isinstance(key, bytes) else str(key)
        name = text.removeprefix(PREFIX)
        if name not in names and "\x06" not in name and "_kombu" not in name:
            strangers.append((name, int(client.llen(name))))
    return BrokerFacts(
        "redis",
        version=str(client.info("server").get("redis_version", "")),
        queues=queues,
        strangers=tuple(sorted(strangers)),
    )


def _rabbitmq(
    connection: Connection, app: Any, names: list[str], management: Management, user: str, vhost: str
) -> BrokerFacts:
    bindings = management.bindings(vhost, EXCHANGE)
    declared = app.amqp.queues
    exchange, mismatch = (declared[names[0]].exchange, "") if names else (None, "")
    if exchange is not None and not _asked(connection, lambda channel: exchange(channel).declare(passive=True)):
        mismatch = _asked(connection, lambda channel: exchange(channel).declare())
        if not mismatch and bindings is None:
            bindings = _reached(connection, names)
    queues = tuple(_queue(connection, declared[name], bindings) for name in names)
    listed = management.queues(vhost)
    strangers = [(name, depth) for name, depth in listed or () if name in (bindings or ()) and name not in names]
    return BrokerFacts(
        "rabbitmq",
        version=str(connection.connection.server_properties.get("version", "")),
        queues=queues,
        exchange_mismatch=mismatch,
        blocked=management.alarms(),
        strangers=tuple(sorted(strangers)),
        user=user,
        vhost=vhost,
    )


def _reached(connection: Connection, names: list[str]) -> set[str]:
    """The queues that a bell reaches, where the management API does not list the bindings.

    A bell that expires at once: without work it has no effect, and the broker returns what reaches no queue.
    """
    returned: set[str] = set()
    channel: Any = connection.channel()  # type: ignore[no-untyped-call]
    channel.events["basic_return"].add(lambda problem, exchange, routing_key, message: returned.add(routing_key))
    try:
        for name in names:
            bell = channel.prepare_message(
                _BELL,
                content_type="application/json",
                content_encoding="utf-8",
                headers=_headers(name),
                properties={"expiration": "0"},
            )
            channel.basic_publish(bell, exchange=EXCHANGE, routing_key=name, mandatory=True, timeout=2)
    finally:
        channel.close()
    return {name for name in names if name not in returned}


def _queue(connection: Connection, queue: Any, bindings: set[str] | None) -> QueueFacts:
    """A passive declare first: an active one of a queue that is there changes nothing, and tells of other arguments."""
    found: list[Any] = []

    def passive(channel: Any) -> None:
        found.append(channel.queue_declare(queue.name, passive=True))

    problem = _asked(connection, passive)
    if not found:
        return QueueFacts(
            queue.name, False, mismatch=problem if "NOT_FOUND" not in problem and "404" not in problem else ""
        )
    mismatch = _asked(connection, lambda channel: queue(channel).queue_declare())
    return QueueFacts(
        queue.name,
        True,
        depth=int(found[0].message_count),
        consumers=int(found[0].consumer_count),
        mismatch=mismatch,
        bound=None if bindings is None else queue.name in bindings,
    )


def _asked(connection: Connection, ask: Callable[[Any], Any]) -> str:
    """Ask on a channel of its own, since a refusal closes it. The refusal's text, or nothing."""
    channel: Any = connection.channel()  # type: ignore[no-untyped-call]
    try:
        ask(channel)
    except connection.channel_errors as problem:
        return str(problem)[:300]
    finally:
        if channel.is_open:
            channel.close()
    return ""
