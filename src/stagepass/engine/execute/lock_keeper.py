"""Holds the lock by which a worker's death is seen at once.

The worker's row names the lock while it is held. If only its connection breaks, the row is cleared before anything
else, and another lock is taken: until then, and where there can be none, the heartbeat is what counts.
"""

import logging
import threading

from stagepass.engine.model.process_locks import ProcessLock
from stagepass.engine.model.store import Store
from stagepass.errors import StagepassError

log = logging.getLogger("stagepass.lock")

AGAIN = 1.0
"""Seconds after which a lock is taken again that could not be."""

SELDOM = 60.0
"""The same, where a pool stands before the database."""

LOOK = 1.0
"""Seconds between two looks whether to stop."""


class LockKeeper:
    """One thread of a worker process."""

    def __init__(self, store: Store, worker: str) -> None:
        self._store = store
        self._worker = worker
        self._lock: ProcessLock = store.process_lock()
        self._stop = threading.Event()
        self.key: int | None = None
        """Of the lock that is held."""
        self._thread = threading.Thread(target=self._run, name="stagepass-lock", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let go of the lock, when the worker's row is gone or holds nothing any more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            pause = AGAIN
            try:
                pause = self._hold()
            except StagepassError as problem:
                log.warning("this worker's lock could not be taken: %s", problem)
            except Exception:
                log.exception("this worker's lock could not be taken")
            self._stop.wait(pause)
        self._lock.close()

    def _hold(self) -> float:
        """Take it, and keep it until it is lost. Returns the seconds until the next try."""
        key = self._lock.take()
        if key is None:
            log.info("no lock of this process's own can be had here; its death is seen by its heartbeat")
            return SELDOM
        self.key = key
        try:
            self._store.note_lock(self._worker, key)
            while not self._lock.lost_within(LOOK):
                if self._stop.is_set():
                    return 0.0
        finally:
            self.key = None
            if not self._stop.is_set():
                self._store.note_lock(self._worker, None)
        log.warning("the connection of this worker's lock broke; it takes another")
        return 0.0
