"""Rings: sends a task name with two ids from a separate thread, so that no broker can delay a commit.

Bells for one queue that come within a moment are one bell: a worker that hears it fills all of its
slots, and rings on when it has none left.
"""

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from celery import Celery

from stagepass import forking
from stagepass.engine.model import failpoints

log = logging.getLogger("stagepass.bell")

APART = 0.01
"""Seconds between two bells for one queue from this process."""

APART_WHEN_FULL = 0.05
"""The same, where work was ready before: a worker that comes for that, or settles a run, sees this, too."""

PATIENCE = 15.0
"""Seconds that a send may take. After that its thread is left alone with it, and another takes over."""


@dataclass(slots=True)
class _Waiting:
    job_id: str
    run_id: str
    due: float


class CeleryBell:
    """See `stagepass.engine.model.ports.Bell`."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._closing = False
        self.renew()
        forking.renews(self)

    def renew(self) -> None:
        """A forked child has a sender of its own; the parent still rings what it had to."""
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._last: dict[str, float] = {}
        self._wake = threading.Condition()
        self._sender: _Sender | None = None
        self._lost = 0

    def ring(self, queue: str, job_id: str = "", run_id: str = "", *, full: bool = False) -> None:
        """Say that this queue has work. Returns at once; a bell that cannot be sent is the relay's business."""
        apart = APART_WHEN_FULL if full else APART
        with self._wake:
            if self._closing:
                return
            due = self._last.get(queue, 0.0) + apart
            if queue in self._waiting:
                due = min(due, self._waiting[queue].due)
            self._waiting[queue] = _Waiting(job_id, run_id, due)
            if self._sender is None or self._sender.is_late():
                self._sender = _Sender(self)
                self._sender.start()
            self._wake.notify_all()

    def depth(self, queue: str) -> int | None:
        """Messages that lie in the queue; None when the broker does not answer."""
        try:
            with self._app.connection_for_read() as connection:
                connection.ensure_connection(max_retries=1, timeout=2)
                return _depth(connection, queue)
        except Exception as problem:
            log.debug("the depth of %s is not known: %s", queue, type(problem).__name__)
            return None

    def close(self) -> None:
        """Send what waits, for a moment, and stop."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
            sender = self._sender
        if sender is not None:
            sender.join(timeout=2)

    # ── for the sender ──

    def _next(self, sender: "_Sender") -> tuple[str, str, str] | None:
        """The next bell to send; waits for one. None ends the sender."""
        with self._wake:
            while True:
                if self._sender is not sender or (self._closing and not self._waiting):
                    return None
                now = time.monotonic()
                for queue, bell in self._waiting.items():
                    if self._closing or now >= bell.due:
                        del self._waiting[queue]
                        self._last[queue] = now
                        return queue, bell.job_id, bell.run_id
                first = min((bell.due for bell in self._waiting.values()), default=None)
                self._wake.wait(timeout=None if first is None else first - now)

    def _failed(self, problem: Exception) -> None:
        self._lost += 1
        if self._lost == 1 or self._lost % 100 == 0:
            log.warning("a bell could not be sent (%s); the relay rings again", type(problem).__name__)

    def _sent(self) -> None:
        if self._lost:
            log.info("the broker is back; %d bells were missed", self._lost)
            self._lost = 0


class _Sender(threading.Thread):
    """Holds one connection, and may be abandoned with it."""

    def __init__(self, bell: CeleryBell) -> None:
        super().__init__(name="stagepass-bell", daemon=True)
        self._bell = bell
        self._since: float | None = None

    def is_late(self) -> bool:
        """Whether a send has taken too long, or the thread has ended."""
        since = self._since
        return (since is not None and time.monotonic() - since > PATIENCE) or (
            self.ident is not None and not self.is_alive()
        )

    def run(self) -> None:
        connection: Any = None
        producer: Any = None
        while (bell := self._bell._next(self)) is not None:
            queue, job_id, run_id = bell
            self._since = time.monotonic()
            try:
                if producer is None:
                    connection = self._bell._app.connection_for_write()
                    connection.ensure_connection(max_retries=1, timeout=4)
                    producer = self._bell._app.amqp.Producer(connection)
                failpoints.hit("bell.before_send")
                self._bell._app.send_task(
                    queue, args=(job_id, run_id), queue=queue, producer=producer, ignore_result=True, retry=False
                )
                failpoints.hit("bell.after_send")
                self._bell._sent()
            except Exception as problem:
                self._bell._failed(problem)
                _let_go(connection)
                connection = producer = None
            finally:
                self._since = None
        _let_go(connection)


def _let_go(connection: Any) -> None:
    if connection is not None:
        try:
            connection.release()
        except Exception as problem:
            log.debug("a broken connection: %s", type(problem).__name__)


def _depth(connection: Any, queue: str) -> int:
    channel = connection.channel()
    try:
        if hasattr(channel, "_size"):  # on Redis, a passive declare forgets the keys' prefix (kombu 5.7)
            return int(channel._size(queue))
        return int(channel.queue_declare(queue, passive=True).message_count)
    except connection.channel_errors:
        return 0  # there is no such queue yet, or, on Redis, it is empty
    finally:
        if getattr(channel, "is_open", True):
            channel.close()
