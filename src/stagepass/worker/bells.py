"""How a worker of threads hears a bell: it wakes the dispatcher, and that is all.

Celery's own way makes a request of each message, gives it to a thread and traces it there, which costs more than the
stage run that it announces. That way is kept while task events are watched (``-E``, Flower), and for prefork,
where a bell lasts as long as the work.
"""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.strategy import default

log = logging.getLogger("stagepass.worker")

WAYS = "stagepass.worker.bells:strategy"
"""For Celery's setting of a task."""

_hearers: list[Callable[[], object]] = []


def heard_by(wake: Callable[[], object]) -> None:
    """From now on bells call this, on the thread that reads from the broker; it must not block."""
    _hearers[:] = [wake]


def strategy(task: Any, app: Any, consumer: Any, **options: Any) -> Callable[..., Any]:
    """What to do with the messages of a task; called by Celery."""
    usual: Callable[..., Any] = default(task, app, consumer, **options)
    if "prefork" in type(consumer.pool).__module__:
        return usual
    events = consumer.event_dispatcher

    def tells() -> bool:
        return bool(events and events.enabled and (not events.groups or "task" in events.groups))

    def hear(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any, **further: Any) -> Any:
        if not _hearers or tells():  # events may be asked for at any time
            return usual(message, body, ack, reject, callbacks, **further)
        message.payload  # noqa: B018  (raises where it cannot be read)
        ack(log, consumer.connection_errors)
        return _hearers[0]()

    return hear
