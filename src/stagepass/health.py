"""Notes that each worker process keeps about itself in the data folder, and their reading by a probe.

Local on purpose: a probe that asks over the broker finds a busy worker slow and kills it with all it
holds, and one that asks the database kills every worker when the database is away.
"""

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stagepass.engine.execute.stall_detector import Work
from stagepass.engine.model.machine import alive, place

log = logging.getLogger("stagepass.health")


WORKER, RELAY = "worker", "relay"


@dataclass(frozen=True, slots=True)
class Note:
    """A worker process's note about itself.

    Attributes:
        place: where it runs; notes of another machine or container are none of a probe's business.
        born: when the process began, in the kernel's ticks: its id may be given to another one later.
        stalled_for: seconds for which there was work and room, and nothing began.
        at: when the note was written, by the machine's steady clock, in seconds.
        role: `worker` or `relay`.
    """

    worker: str
    pid: int
    place: str
    born: int
    queues: tuple[str, ...]
    slots: int
    running: int
    work: str
    stalled_for: float
    at: float
    role: str = WORKER


@dataclass(frozen=True, slots=True)
class Check:
    """Result of a probe of one process. `state` is its own, or ``silent``."""

    note: Note
    state: str
    age: float

    @property
    def well(self) -> bool:
        """Whether it can be left alone."""
        return self.state not in ("silent", Work.STALLED.value)


class Notes:
    """The notes in one data folder.

    Args:
        silent_after: seconds without a note after which an existing process counts as stopped or hung: those
            after which the relay, too, takes it for dead.
    """

    def __init__(self, folder: Path, silent_after: float) -> None:
        self._folder = folder / "health"
        self._silent_after = silent_after
        self._complained = False

    def write(
        self,
        worker: str,
        queues: Sequence[str],
        slots: int,
        running: int,
        work: Work,
        stalled_for: float,
        role: str = WORKER,
    ) -> None:
        """Keep a note of this process, in place of the one before."""
        pid = os.getpid()
        at = time.monotonic()
        note = Note(worker, pid, place(), _born(pid), tuple(queues), slots, running, work.value, stalled_for, at, role)
        path = self._path(worker)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            unfinished = path.with_suffix(".new")
            unfinished.write_text(json.dumps(asdict(note)))
            unfinished.replace(path)
        except OSError as problem:  # a full disk must not end a worker
            if not self._complained:
                log.warning("no notes for `stagepass health` can be kept: %s", problem)
            self._complained = True

    def remove(self, worker: str) -> None:
        """This worker shuts down normally."""
        with contextlib.suppress(OSError):
            self._path(worker).unlink(missing_ok=True)

    def check(self, queues: Iterable[str] = (), role: str = WORKER) -> list[Check]:
        """Every process of this role and place that exists, or the workers that serve one of these queues."""
        wanted = set(queues)
        found = []
        for path in sorted(self._folder.glob("*.json")):
            note = _read(path)
            if note is None or note.place != place() or note.role != role:
                continue
            if not alive(note.pid) or _born(note.pid) != note.born:
                with contextlib.suppress(OSError):  # it was killed, and cannot tidy up any more
                    path.unlink(missing_ok=True)
                continue
            if not wanted or wanted & set(note.queues):
                age = max(0.0, time.monotonic() - note.at)
                found.append(Check(note, "silent" if age > self._silent_after else note.work, age))
        return found

    def _path(self, worker: str) -> Path:
        return self._folder / f"{worker}.json"


def _read(path: Path) -> Note | None:
    try:
        facts: dict[str, Any] = json.loads(path.read_text())
        return Note(**{**facts, "queues": tuple(facts["queues"])})
    except (OSError, ValueError, TypeError, KeyError):  # removed just now, or of another version
        return None


def _born(pid: int) -> int:
    """0 where the kernel does not say."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0
