"""A worker process that monitors itself: it writes a note for the probe, and exits when it is stalled."""

import logging
import os
import threading
import time
from collections.abc import Callable

from stagepass import descriptors
from stagepass.bootstrap import System
from stagepass.engine.execute.dispatcher import Dispatcher
from stagepass.engine.execute.stall_detector import StallDetector, Work
from stagepass.health import Notes

log = logging.getLogger("stagepass.liveness")

WITHOUT = 3
"""Consecutive checks without a free file descriptor after which the process exits."""

GIVE_UP = 10.0
"""Seconds beyond the drain that a stalled process gets to exit before it is killed."""


NOTE_EVERY = 1.0
"""Seconds between two notes."""


class Liveness:
    """Checks the dispatcher after each heartbeat, and writes a note for the probe from a separate thread.

    The note does not wait for the database: while that does not answer, this process lives all the same.

    Args:
        replace: shuts this process down, so that its process manager starts another.
    """

    def __init__(self, system: System, dispatcher: Dispatcher, replace: Callable[[], None] | None) -> None:
        settings = system.settings
        self._dispatcher = dispatcher
        self._replace = replace
        self._patience = 2 * settings.stalled_after_seconds
        self._end_within = settings.drain_seconds + GIVE_UP
        self._stall_detector = StallDetector(
            system.store, dispatcher, system.engine.clock, stalled_after=settings.stalled_after_seconds
        )
        self._dead_after = settings.dead_after_seconds
        self._notes = Notes(settings.folder, self._dead_after)
        self._stalled = False
        self._without = 0
        """Looks in a row that found no file descriptor left."""
        self._work, self._looked_at = Work.IDLE, time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_note, name="stagepass-note", daemon=True)

    def start(self) -> None:
        """Keep a note from now on."""
        self._write_note()
        self._thread.start()

    def look(self, answered: bool) -> None:
        """One look: say when the state changes, and after twice the time give way to another process."""
        work = self._stall_detector.look(answered=answered)
        stalled_for = self._stall_detector.stalled_for()
        self._work, self._looked_at = work, time.monotonic()
        dispatcher = self._dispatcher
        running = len(dispatcher.running)
        if (work is Work.STALLED) != self._stalled:
            self._stalled = work is Work.STALLED
            if self._stalled:
                log.error(
                    "stalled: work has been waiting for %.0f s, %d slots are free, and none is claimed",
                    stalled_for,
                    dispatcher.slots - running,
                )
            else:
                log.warning("no longer stalled: work is claimed again")
        if self._stalled and stalled_for >= self._patience and self._replace is not None:
            replace, self._replace = self._replace, None
            log.error("stalled for %.0f s: this process ends, so that another can take its place", stalled_for)
            self._end(replace)

    def _check_descriptors(self) -> None:
        self._without = 0 if descriptors.are_left() else self._without + 1
        if self._without == WITHOUT:
            self._give_way()

    def _give_way(self) -> None:
        """What cannot open a file or a socket fails every attempt: it claims no more, and another process begins."""
        self._dispatcher.stop_claiming()
        log.error("no file descriptor is left: this process claims no more and ends; raise its limit (ulimit -n)")
        if self._replace is not None:
            replace, self._replace = self._replace, None
            self._end(replace)

    def leave(self) -> None:
        """This process begins nothing more, and that is in order."""
        self._replace = None

    def close(self) -> None:
        """Take the note away."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._notes.remove(self._dispatcher.worker)

    def _keep_note(self) -> None:
        while not self._stop.wait(NOTE_EVERY):
            self._check_descriptors()
            try:
                self._write_note()
            except Exception:  # a note that cannot be written must not end the notes
                log.exception("the note for `stagepass health` could not be kept")

    def _write_note(self) -> None:
        """Result of the last check; a slow heartbeat means that the database does not answer."""
        late = time.monotonic() - self._looked_at > self._dead_after
        work = Work.NO_STORE if late else self._work
        stalled_for = round(self._stall_detector.stalled_for(), 1)
        dispatcher = self._dispatcher
        running = len(dispatcher.running)
        self._notes.write(dispatcher.worker, dispatcher.queues, dispatcher.slots, running, work, stalled_for)

    def _end(self, replace: Callable[[], None]) -> None:
        """Shut down normally if possible; a hung process cannot, and other workers take over its work when it is gone."""
        timer = threading.Timer(self._end_within, os._exit, [1])
        timer.daemon = True
        timer.start()
        replace()
