"""SQLite's log, written into its database off the way of those who commit.

Left to itself, SQLite does that inside whichever commit finds more than a thousand pages in the log. That
commit then waits for the disk, a tenth of a second on a common one, and with it all slots of its process
and for all who wait for the write lock. Here a thread does it, in parallel with the commits.
"""

import logging
import threading
from contextlib import AbstractContextManager

from sqlalchemy.engine import Connection, Engine

from stagepass import forking
from stagepass.errors import StoreUnavailable
from stagepass.store import connect
from stagepass.store.writer import WriterLock

log = logging.getLogger("stagepass.store")

ROWS = 2000
"""Rows that a process writes between two looks at the log; some hundreds of pages."""

LONG = 4000
"""Pages of a log at which commits are paused briefly, so that the log can be restarted."""


class Checkpointer:
    """One thread per process that writes, begun when there is something to do.

    Args:
        reads: connections without a transaction of their own.
        writer: what those who commit hold.
        using: entered around each use of a connection.
    """

    def __init__(self, reads: Engine, writer: WriterLock, using: AbstractContextManager[None]) -> None:
        self._reads = reads
        self._writer = writer
        self._using = using
        self._closing = False
        self.renew()
        forking.renews(self)

    def renew(self) -> None:
        """A forked child looks after what it wrote itself."""
        self._change = threading.Condition()
        self._rows = 0
        self._thread: threading.Thread | None = None

    def wrote(self, rows: int) -> None:
        """A transaction with this many changed rows was committed."""
        with self._change:
            self._rows += rows
            if self._rows < ROWS or self._closing:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stagepass-checkpoint", daemon=True)
                self._thread.start()
            self._change.notify()

    def close(self) -> None:
        """End the thread; a checkpoint under way is finished first."""
        with self._change:
            self._closing = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._rows >= ROWS or self._closing)
                if self._closing:
                    return
                self._rows = 0
            try:
                with connect.translated(), self._using, self._reads.connect() as db:
                    long = _checkpoint(db) >= LONG
                if long:
                    with connect.translated(), self._writer.held(), self._using, self._reads.connect() as db:
                        _checkpoint(db)
            except StoreUnavailable as problem:  # a full disk; the log keeps everything meanwhile
                log.warning("the database's log could not be written back: %s", problem)


def _checkpoint(db: Connection) -> int:
    """Write back what no reader still needs. Returns how many pages the log has; 0 while another does the same."""
    busy, pages, _ = db.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one()
    return 0 if busy else int(pages)
