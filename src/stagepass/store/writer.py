"""SQLite's one writer, chosen without polling.

SQLite lets a process that finds the database locked sleep and try again, for up to a tenth of a second
at a time. With several processes that commit in quick succession most of their time goes there. A lock
on a file beside the database wakes the next one at once, and ends with its process, however that ends.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from stagepass import forking
from stagepass.errors import StoreUnavailable

try:
    import fcntl
except ImportError:  # Windows: SQLite's own waiting has to do
    fcntl = None  # type: ignore[assignment]


class WriterLock:
    """Held during each transaction that writes; for all threads and processes of one database.

    Args:
        path: the database file.
        patience: seconds to wait for it: a process suspended in a transaction never releases it.
    """

    def __init__(self, path: str, patience: float = 10.0) -> None:
        self._path = f"{path}-writer"
        self._patience = patience
        self.renew()
        forking.renews(self)

    def renew(self) -> None:
        """A forked child opens the file by itself: a lock on a shared one would not keep the two apart."""
        self._threads = threading.Lock()
        self._descriptor: int | None = None
        self._queued: _Queued | None = None
        """A wait for another process that a thread of ours gave up; the next one takes it over."""

    @contextmanager
    def held(self, patience: float | None = None) -> Iterator[None]:
        """Wait for it, and hold it inside. Raises `StoreUnavailable` when it is not free in time."""
        patience = self._patience if patience is None else patience
        if not self._threads.acquire(timeout=patience):
            raise StoreUnavailable("another thread of this process holds the database's write lock")
        try:
            descriptor = self._opened()
            if fcntl is None or descriptor is None:
                yield
                return
            self._lock(descriptor, patience)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def close(self) -> None:
        """Let go of the file."""
        if self._threads.acquire(timeout=self._patience):
            try:
                if self._descriptor is not None and self._queued is None:
                    os.close(self._descriptor)
                    self._descriptor = None
            finally:
                self._threads.release()

    def _lock(self, descriptor: int, patience: float) -> None:
        if self._queued is None or not self._queued.go_on():
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._queued = None
                return
            self._queued = _Queued(descriptor)
            self._queued.start()
        if not self._queued.wait(patience):
            raise StoreUnavailable(f"another process has held the database's write lock for {patience:g} s")
        self._queued = None

    def _opened(self) -> int | None:
        # opened by the process that uses it: a lock that a fork shares would not keep the two apart
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:  # a folder that cannot be written: the transaction will say so
                return None
        return self._descriptor


class _Queued(threading.Thread):
    """Stands in the kernel's line for the lock, which knows no deadline, so that a caller can have one."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(name="stagepass-writer-lock", daemon=True)
        self._descriptor = descriptor
        self._change = threading.Condition()
        self._wanted = True
        self._has_it = False
        self._over = False

    def wait(self, seconds: float) -> bool:
        """Whether the lock is the caller's. If not, it is let go as soon as it comes."""
        with self._change:
            self._wanted = self._change.wait_for(lambda: self._has_it, seconds)
            return self._wanted

    def go_on(self) -> bool:
        """Stand in line for the next caller; False when the line was left already."""
        with self._change:
            self._wanted = not self._over
            return self._wanted

    def run(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except OSError:  # closed meanwhile
            self._over = True
            return
        with self._change:
            if self._wanted:
                self._has_it = True
                self._change.notify_all()
            else:
                self._over = True
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
