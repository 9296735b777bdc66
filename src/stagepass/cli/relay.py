"""``stagepass relay``: wakes runs that are due and rescues runs of dead workers."""

import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stagepass.bootstrap import System
    from stagepass.engine.maintain.relay import Relay

log = logging.getLogger("stagepass.relay")

NOTE_EVERY = 1.0
"""Seconds between two notes for `stagepass health --role relay`."""

HANGS_AFTER = 60.0
"""Seconds without a look after which the relay counts as stalled: far more than any look may wait for a server."""


def relay() -> None:
    """Run the relay: wakes stage runs that are due, rescues the work of dead workers, deletes old data.

    Run one or more per installation; `stagepass up` runs one. Stop it with SIGTERM or Ctrl-C.

    [bold]Example[/bold]

      DATABASE_URL=postgresql://me@db/stagepass BROKER_URL=amqp://mq stagepass relay
    """
    from stagepass import heap, preflight
    from stagepass.cli.service import begin
    from stagepass.doctor.presence import Presence

    system = begin()
    preflight.wait_for_services(system, "relay")
    system.store.check()
    loop = system.relay()

    def stop(*_: Any) -> None:
        loop.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("the relay runs")
    ended = threading.Event()
    notes = threading.Thread(target=_keep_note, args=(system, loop, ended), name="stagepass-note", daemon=True)
    notes.start()
    presence = Presence(system.sources, "relay").start()
    heap.settle()
    loop.run()
    presence.stop()
    ended.set()
    notes.join(NOTE_EVERY)


def _keep_note(system: "System", loop: "Relay", ended: threading.Event) -> None:
    """Tell the probe of this machine that the loop comes round; on a thread of its own, since a look may wait."""
    from stagepass.engine.execute.stall_detector import Work
    from stagepass.health import RELAY, Notes

    notes = Notes(system.settings.folder, system.settings.dead_after_seconds)
    name = f"relay.{os.getpid()}"
    while True:
        silent = time.monotonic() - loop.looked_at
        work = Work.STALLED if silent > HANGS_AFTER else Work.IDLE
        notes.write(name, (), 0, 0, work, silent if work is Work.STALLED else 0.0, RELAY)
        if ended.wait(NOTE_EVERY):
            notes.remove(name)
            return
