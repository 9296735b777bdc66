"""Keeps SQLite quiet while its process forks.

The library's own locks, and what it knows of those of the file, are copied into a child as they are at that moment:
one that another thread holds is never released there.
"""

import threading
from types import TracebackType

from stagepass import forking

PATIENCE = 10.0
"""Seconds that a fork waits for what is under way; then it goes ahead all the same."""


class Gate:
    """Entered by each use of a connection; closed during a fork. A thread that is inside may enter again."""

    def __init__(self) -> None:
        self.renew()
        forking.renews(self)

    def renew(self) -> None:
        """Nothing of the parent's is under way in a child."""
        self._change = threading.Condition()
        self._mine = threading.local()
        self._inside = 0
        self._closed = False

    def before_fork(self) -> None:
        """Close, and wait until every thread is out."""
        with self._change:
            self._closed = True
            self._change.wait_for(lambda: self._inside == 0, PATIENCE)

    def forked(self) -> None:
        """The parent continues."""
        with self._change:
            self._closed = False
            self._change.notify_all()

    def __enter__(self) -> None:
        depth = getattr(self._mine, "depth", 0)
        if depth == 0:
            with self._change:
                self._change.wait_for(lambda: not self._closed)
                self._inside += 1
        self._mine.depth = depth + 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mine.depth -= 1
        if self._mine.depth == 0:
            with self._change:
                self._inside -= 1
                if self._closed:
                    self._change.notify_all()
