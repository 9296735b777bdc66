"""Detects a stalled worker: alive, with free slots, and claiming nothing while work is waiting.

The heartbeat can continue in a process that claims nothing; then its leases hold, no one rescues what it
has, and its queues wait. The process itself is the best place to detect this.
"""

from enum import StrEnum

from stagepass.engine.execute.dispatcher import Dispatcher
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.store import Store
from stagepass.errors import StagepassError

ASK_EVERY = 2.0
"""Seconds between two questions for backlog; asked only while there is room and nothing moves."""

OVERDUE = 2.0
"""Seconds for which a run may be ready before it counts as backlog: a bell and a claim take less."""


class Work(StrEnum):
    """Activity of a process, as seen by itself."""

    BUSY = "busy"
    IDLE = "idle"
    STALLED = "stalled"
    """There is work for it and room, and it begins none."""
    NO_STORE = "no_database"
    """The database does not answer; another process would fare no better."""


class StallDetector:
    """Looks at a dispatcher with every heartbeat.

    Args:
        stalled_after: seconds of backlog, with free slots and no claim, after which it is stalled.
    """

    def __init__(self, store: Store, dispatcher: Dispatcher, clock: Clock, *, stalled_after: float) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._clock = clock
        self._stalled_after = stalled_after
        self._moved: tuple[int, frozenset[str]] | None = None
        self._asked = float("-inf")
        self._backlog_since: float | None = None

    def look(self, *, answered: bool) -> Work:
        """One look. `answered`: whether the database took the heartbeat."""
        if not answered:
            self._backlog_since = None
            return Work.NO_STORE
        running = frozenset(self._dispatcher.running)
        before, self._moved = self._moved, (self._dispatcher.settled, running)
        if before != self._moved or len(running) >= self._dispatcher.slots:
            self._backlog_since = None
        elif not self._look_for_backlog():
            return Work.NO_STORE
        if self.stalled_for() >= self._stalled_after:
            return Work.STALLED
        return Work.BUSY if running else Work.IDLE

    def stalled_for(self) -> float:
        """Seconds for which there was work and room, and nothing began."""
        return 0.0 if self._backlog_since is None else self._clock.steady() - self._backlog_since

    def _look_for_backlog(self) -> bool:
        """Returns whether the database answered."""
        steady = self._clock.steady()
        if steady - self._asked < ASK_EVERY:
            return True
        self._asked = steady
        try:
            ready = self._store.ready_since(self._clock.now() - int(OVERDUE * 1000))
        except StagepassError:
            self._backlog_since = None
            return False
        if not any(queue in self._dispatcher.queues for queue, _ in ready):
            self._backlog_since = None
        elif self._backlog_since is None:
            self._backlog_since = steady
        return True
