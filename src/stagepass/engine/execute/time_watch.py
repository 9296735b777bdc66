"""Ends attempts whose time is up. A thread cannot be killed: its slot is replaced, its writes are refused."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stagepass.engine.commit.claims import Claimed
from stagepass.engine.execute.lease import Lease

AWAY = 5.0
"""Seconds by which an attempt's time is longer at each look that finds the store away."""


@dataclass(slots=True)
class Running:
    """An attempt that a slot is busy with."""

    claimed: Claimed
    lease: Lease


class TimeWatch:
    """Watches the attempts of one process, in a thread of its own.

    Args:
        change: wakes the thread; its lock guards `running`.
        away: whether the store does not answer now.
        time_up: called with an attempt that has ended here.
    """

    def __init__(
        self,
        change: threading.Condition,
        running: Mapping[str, Running],
        *,
        away: Callable[[], bool],
        time_up: Callable[[Running], None],
    ) -> None:
        self._change = change
        self._running = running
        self._away = away
        self._time_up = time_up
        self._next_end = float("inf")
        self._draining = False

    def start(self) -> None:
        threading.Thread(target=self._loop, name="stagepass-time_watch", daemon=True).start()

    def expect(self, lease: Lease) -> None:
        """An attempt has begun. Wakes the thread only for a deadline earlier than the one it waits for."""
        if lease.ends < self._next_end:
            self._change.notify()

    def drain(self) -> None:
        """End with the last attempt."""
        self._draining = True
        self._change.notify()

    def one_ended(self) -> None:
        """An attempt has ended: it may have been the last one."""
        if self._draining:
            self._change.notify()

    def _loop(self) -> None:
        while True:
            with self._change:
                self._next_end = min((running.lease.ends for running in self._running.values()), default=float("inf"))
                if self._draining and not self._running:
                    return
                pause = self._next_end - time.monotonic()
                self._change.wait(timeout=None if self._next_end == float("inf") else max(0.0, pause))
            for running in list(self._running.values()):
                if running.lease.remaining() > 0:
                    continue
                if self._away():  # the time in which nothing can be stored is not the attempt's
                    running.lease.extend(AWAY)
                elif running.lease.end():
                    self._time_up(running)
