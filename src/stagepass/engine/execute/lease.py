"""The right of this process to run one attempt, as the process itself knows it.

The store's row is what counts; this is the news of it, brought by the heartbeat, so that a stage that
was cancelled or taken over stops at its next `ctx` call instead of at its end.
"""

import threading
import time
from collections.abc import Callable

from stagepass.engine.model.outcomes import Cancel, LeaseLost


class Lease:
    """One attempt's lease. Written by the heartbeat and the watch, read by the stage's thread."""

    def __init__(self, run_id: str, token: str, seconds: float) -> None:
        self.run_id = run_id
        self.token = token
        self.ends = time.monotonic() + seconds
        """When the attempt's time is up."""
        self.lost = False
        self.cancelled = False
        self.progress: tuple[float, str | None] | None = None
        self.interrupt: Callable[[], object] | None = None
        """Stops what can be stopped from outside: a coroutine."""
        self._ended = False
        self._lock = threading.Lock()

    def remaining(self) -> float:
        """Seconds until the attempt's time is up."""
        return max(0.0, self.ends - time.monotonic())

    def extend(self, seconds: float) -> None:
        """Extend the attempt's deadline to that long from now."""
        self.ends = time.monotonic() + seconds

    def end(self) -> bool:
        """End the attempt. True for the first who does: the stage's thread, or the watch when its time is up."""
        with self._lock:
            first, self._ended = not self._ended, True
        return first

    def lose(self) -> None:
        """Another worker owns the run now."""
        self.lost = True
        if self.interrupt:
            self.interrupt()

    def check(self) -> None:
        """Raises `LeaseLost` or `Cancel`."""
        if self.lost or self._ended:
            raise LeaseLost(self.run_id)
        if self.cancelled:
            raise Cancel
