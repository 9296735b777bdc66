"""SQLite's one writer, chosen without polling.

SQLite lets a process that finds the database locked sleep and try again, for up to a tenth of a second
at a time. With several processes that commit in quick succession most of their time goes there. A lock
on a file beside the database wakes the next one at once, and ends with its process, however that ends.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

try:
    import fcntl
except ImportError:  # Windows: SQLite's own waiting has to do
    fcntl = None  # type: ignore[assignment]


class WriterLock:
    """Held during each transaction that writes; for all threads and processes of one database.

    Args:
        path: the database file.
    """

    def __init__(self, path: str) -> None:
        self._path = f"{path}-writer"
        self._threads = threading.Lock()
        self._descriptor: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for it, and hold it inside."""
        with self._threads:
            descriptor = self._opened()
            if fcntl is None or descriptor is None:
                yield
                return
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        with self._threads:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _opened(self) -> int | None:
        # opened by the process that uses it: a lock that a fork shares would not keep the two apart
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:  # a folder that cannot be written: the transaction will say so
                return None
        return self._descriptor
