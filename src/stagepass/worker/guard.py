"""Filters a worker's messages from the broker: accepts bells and queries, drops and counts garbage, ignores commands.

Anyone with access to the broker can send any message, and Celery ends its process on some of them. It also obeys
orders from there: to stop, to kill, to consume from elsewhere.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import consumer
from celery.worker.control import Panel
from kombu.transport import redis

log = logging.getLogger("stagepass.worker")

_GARBAGE = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, OverflowError)
"""Errors of reading a message that Stagepass did not write. Connection errors are not among them."""

_REVEALING = {"conf", "dump_conf", "report", "memdump", "memsample", "objgraph"}
"""Questions whose answers tell settings, or fill memory and disk."""

_HARMLESS = {"enable_events", "disable_events", "heartbeat"}
"""Commands of Flower that only change what is reported."""


def take_no_orders() -> None:
    """Answer what `celery inspect` asks, and obey nothing else."""
    for name in set(Panel.data):
        kind = getattr(Panel.meta.get(name), "type", "control")
        if name in _REVEALING or (kind == "control" and name not in _HARMLESS and not _is_alias(name)):
            del Panel.data[name]


def _is_alias(name: str) -> bool:
    """An older name of a question, which Celery keeps beside its own."""
    return name.startswith("dump_")


def drop_garbage(count: Callable[[], None]) -> None:
    """Let messages that cannot be read end here, on Redis and on RabbitMQ.

    Args:
        count: called for each of them.
    """

    def dropped(problem: Exception) -> None:
        count()
        log.warning("a message that cannot be read was dropped: %s", type(problem).__name__)

    for name in ("_brpop_read", "_receive_one"):
        setattr(redis.Channel, name, _guarded(getattr(redis.Channel, name), dropped))
    make = consumer.Consumer.create_task_handler

    def create_task_handler(self: Any, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        handle = make(self, *args, **kwargs)

        def on_message(message: Any) -> Any:
            try:
                return handle(message)
            except _GARBAGE as problem:
                dropped(problem)
                message.ack_log_error(log, self.connection_errors)

        return on_message

    consumer.Consumer.create_task_handler = create_task_handler


def _guarded(read: Callable[..., Any], dropped: Callable[[Exception], None]) -> Callable[..., Any]:
    @functools.wraps(read)
    def reads(*args: Any, **kwargs: Any) -> Any:
        try:
            return read(*args, **kwargs)
        except _GARBAGE as problem:
            dropped(problem)
            return True

    return reads
