"""What the engine needs of the database, outside the transaction that `stagepass.engine.model.transaction` describes."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from stagepass.declare.values import File
from stagepass.engine.model.actors import AuditEntry
from stagepass.engine.model.controls import Pause, RuntimeLimit
from stagepass.engine.model.process_locks import LockLook, ProcessLock
from stagepass.engine.model.records import Job, Memo, Message, Spend, WorkerRow
from stagepass.engine.model.states import JobState
from stagepass.engine.model.transaction import Outputs, Tx


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job stands, without what went into it."""

    id: str
    state: JobState
    error: dict[str, Any] | None
    finished_at: int | None
    pipeline: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Parked:
    """A run that some worker did not know, as far as another needs to know it to see whether it does."""

    run_id: str
    job_id: str
    queue: str
    pipeline: str
    version: int
    stage: str


class Store(Protocol):
    """The database, as committing, executing and maintaining need it."""

    def begin(self) -> AbstractContextManager[Tx]: ...
    def job(self, job_id: str) -> Job | None: ...
    def job_ends(self, ids: Sequence[str]) -> dict[str, JobEnd]:
        """By id: how these jobs stand; those that are not there are left out."""
        ...

    def outputs(self, wanted: Sequence[tuple[str, str]]) -> Outputs:
        """Like `Tx.outputs`, outside a transaction."""
        ...

    def memos(self, run_id: str) -> list[Memo]: ...
    def messages(self, job_id: str, name: str, limit: int) -> list[Message]:
        """Like `Tx.messages`, outside a transaction."""
        ...

    def spends(self, job_id: str) -> list[Spend]: ...
    def ready_since(self, before: int) -> list[tuple[str, int]]:
        """(queue, how many, counted up to a bound) of runs that have been ready since before that time.

        Without those that a pause holds, and queues that are as full as an operator allows.
        """
        ...

    def pauses(self) -> list[Pause]:
        """All pauses, the oldest first."""
        ...

    def runtime_limits(self) -> list[RuntimeLimit]:
        """All limits that were set at run time."""
        ...

    def due(self, now: int, limit: int) -> list[tuple[str, str]]:
        """(run, job) of runs whose waiting is over, the most overdue first."""
        ...

    def orphans(self, limit: int) -> list[str]:
        """Ids of jobs that are not over, though the stage run that started each does not wait for it any more."""
        ...

    def parked(self, limit: int) -> list[Parked]:
        """Runs that some worker did not know, those that are due first at the front."""
        ...

    def parked_at(self, provider: str, limit: int) -> list[tuple[str, str]]:
        """(run, job) of runs that sleep since the provider is closed, the one that was due first at the front."""
        ...

    def parking_providers(self) -> set[str]:
        """The closed providers for which any run sleeps."""
        ...

    def running_of(self, worker: str) -> list[tuple[str, str]]:
        """(run, job) of the runs whose lease this worker holds."""
        ...

    def add_worker(self, row: WorkerRow) -> None: ...
    def beat(
        self, worker: str, now: int, progress: Sequence[tuple[str, str, float, str | None]], *, clock_off: int = 0
    ) -> tuple[bool, list[tuple[str, str, bool]]]:
        """One heartbeat. Returns whether the worker's row still stands, and (run, token, cancel requested) of its runs."""
        ...

    def workers(self) -> list[WorkerRow]: ...
    def process_lock(self) -> ProcessLock:
        """A lock for this process to hold."""
        ...

    def note_lock(self, worker: str, key: int | None) -> None:
        """The worker's process holds that lock from now on, or none."""
        ...

    def locks(self) -> LockLook:
        """Which of the workers' locks are held."""
        ...

    def lost_workers(self) -> list[str]:
        """Workers that hold stage runs although they have no row (any more)."""
        ...

    def doom(self, uris: Sequence[str], owner: str, after: int) -> None:
        """Note files that are about to be written: unless a row claims them, they are deleted after that time."""
        ...

    def keep_file(self, file: File, job_id: str, run_id: str | None, owner: str, at: int) -> None: ...
    def check_writes(self) -> None:
        """Raises `StoreUnavailable` while the database takes no writes."""
        ...

    def close(self) -> None: ...


class Retention(Protocol):
    """The database, as deleting what is past its time needs it."""

    def forget_alerts(self, before: int) -> None: ...
    def note_audit(self, entry: AuditEntry) -> None:
        """Record an act that no transaction of the committer carries out."""
        ...

    def forget_audit(self, before: int) -> None:
        """Delete entries of before that time that are about no job; those about a job go with it."""
        ...

    def forget_person(self, owner: str, alias: str) -> None:
        """Replace a person's name in the audit log, and drop what was written about them."""
        ...

    def forget_events(self, pipeline: str, before: int, limit: int) -> int: ...
    def ended_jobs(self, pipeline: str, before: int, limit: int) -> list[str]: ...
    def owner_jobs(self, owner: str, limit: int) -> list[str]: ...
    def delete_jobs(
        self, job_ids: Sequence[str], files_after: int = 0, *, ended_before: int | None = None
    ) -> list[str]: ...

    def condemned(self, now: int, limit: int) -> list[str]:
        """Uris of files to delete now; they can no longer be claimed."""
        ...

    def forget_doomed(self, uris: Sequence[str]) -> None: ...
    def forget_ahead(self, *, now: int, before: int | None = None, owner: str | None = None) -> int:
        """Let go of files that were sent ahead of a job: those older than `before`, or an owner's. Returns how many."""
        ...

    def condemn_owner(self, owner: str) -> None: ...
    def forget_calls(self, *, owner: str = "", session: str = "", job_id: str = "", before: int = 0) -> None: ...
