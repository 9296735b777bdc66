"""The engine's ways out beside the database: a broker, a bus, a folder and a timetable.

The database's own are in `stagepass.engine.model.store` and `transaction`; their types are importable from here too.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from stagepass.declare.values import File
from stagepass.engine.model.actors import AuditEntry
from stagepass.engine.model.filters import JobFilter as JobFilter
from stagepass.engine.model.filters import RunFilter as RunFilter
from stagepass.engine.model.records import Event, ScheduleRow
from stagepass.engine.model.store import JobEnd as JobEnd
from stagepass.engine.model.store import Parked as Parked
from stagepass.engine.model.store import Store as Store
from stagepass.engine.model.transaction import Candidate as Candidate
from stagepass.engine.model.transaction import Changes as Changes
from stagepass.engine.model.transaction import Ended as Ended
from stagepass.engine.model.transaction import Outputs as Outputs
from stagepass.engine.model.transaction import Stale as Stale
from stagepass.engine.model.transaction import Taken as Taken
from stagepass.engine.model.transaction import Tx as Tx


class Bell(Protocol):
    """The broker: says that a queue has work. Never blocks its caller."""

    def ring(self, queue: str, job_id: str = "", run_id: str = "", *, full: bool = False) -> None:
        """Ring once, soon. `full`: there was work before, which a worker was called for; that can ring seldom."""
        ...

    def depth(self, queue: str) -> int | None:
        """Number of messages in the queue; None if the broker does not report it."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Tick:
    """Progress that is published once and not stored."""

    job_id: str
    stage: str
    item: int | None
    fraction: float
    message: str | None
    at: int


class Bus(Protocol):
    """Redis: carries the news. Never blocks its caller, and may lose everything at any time."""

    def publish(self, news: Sequence[Event | Tick]) -> None: ...
    def count(self, name: str, *labels: str, amount: float = 1.0) -> None:
        """Raise a counter of the whole installation, soon."""
        ...

    def observe(self, name: str, seconds: float, *labels: str) -> None:
        """Add a value to a histogram of the whole installation, soon. `name` is in `observe.catalogue`."""
        ...

    def close(self) -> None: ...


class FileStore(Protocol):
    """Store for large values."""

    def reserve(self, name: str, folder: str = "") -> str:
        """A new uri, for a file that is not there yet."""
        ...

    def put(
        self, source: BinaryIO | bytes | Path, *, name: str, type: str, folder: str = "", uri: str | None = None
    ) -> File:
        """Keep a copy, under a uri that was reserved or a new one."""
        ...

    def local_copy(self, file: File) -> AbstractContextManager[Path]: ...
    def stream(self, file: File, start: int = 0, end: int | None = None) -> Iterator[bytes]: ...
    def delete(self, uri: str) -> None: ...
    def sweep(self, older_than: float) -> int:
        """Delete files left unfinished for longer than this many seconds. Returns their number."""
        ...


class Timetable(Protocol):
    """Store for schedules."""

    def schedules(self) -> list[ScheduleRow]: ...
    def add_schedule(self, row: ScheduleRow) -> None:
        """Keep a new one; nothing happens when another process was first."""
        ...

    def move_schedule(self, name: str, before: int, row: ScheduleRow) -> bool:
        """Write it, if it is still due when we read it. False when another process was first."""
        ...

    def pause_schedule(self, name: str, paused: bool, next_at: int, entry: AuditEntry | None = None) -> bool:
        """With the entry of the audit log in the same transaction. Returns whether there is one."""
        ...
