"""The engine's ways out: what it needs of a database, a broker, a bus and a folder, and no more."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from stagepass.declare.values import File
from stagepass.engine.model.orders import Order
from stagepass.engine.model.records import Attempt, Event, Job, Memo, Message, ScheduleRow, Spend, StageRun, WorkerRow
from stagepass.engine.model.states import JobState, RunState
from stagepass.errors import StagepassError, StoreUnavailable


@dataclass(slots=True)
class Changes:
    """Writes of one transaction. Existing runs and jobs are written under the guard they were read with."""

    new_jobs: list[Job] = field(default_factory=list)
    new_runs: list[StageRun] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    runs: list[tuple[StageRun, RunState, str | None]] = field(default_factory=list)
    """Each with the state and the token that it must still have."""
    turns: list[tuple[str, int]] = field(default_factory=list)
    """New turns of ready runs; one that another transaction holds keeps its own."""
    dropped_runs: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    intents: list[Memo] = field(default_factory=list)
    memos: list[Memo] = field(default_factory=list)
    """Values for intents; each is written only where the intent's own token still stands."""
    forgotten: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    """Memos to drop, by run, name and token; None as the name drops all of the run's, None as the token any."""
    spends: list[Spend] = field(default_factory=list)
    files: list[tuple[Job, Sequence[File]]] = field(default_factory=list)
    """Uploads of new jobs, each noted by `Store.doom` before it was written."""
    messages: list[Message] = field(default_factory=list)
    taken: list[tuple[int, str]] = field(default_factory=list)
    """Messages that are read, each with the stage run that has taken it."""
    returned: list[str] = field(default_factory=list)
    """Stage runs whose messages are there again."""


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job stands, without what went into it."""

    id: str
    state: JobState
    error: dict[str, Any] | None
    finished_at: int | None
    pipeline: str = ""
    version: int = 0


Ended = tuple[str | None, dict[str, Any] | None]
"""Outcome of a run: its output as JSON text, or its error."""

Outputs = dict[str, dict[str, dict[int | None, Ended]]]
"""By job, by stage, by item."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ready run, as far as choosing needs to know it."""

    run_id: str
    queue: str
    priority: int
    turn: int
    due_at: int
    urgency: int = 0
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Parked:
    """A run that some worker did not know, as far as another needs to know it to see whether it does."""

    run_id: str
    job_id: str
    queue: str
    pipeline: str
    version: int
    stage: str


class Tx(Protocol):
    """One transaction. A job's row is the lock of everything that belongs to the job.

    Inputs and outputs may have a megabyte each, and a job thousands of them: they are read where it says so, and are
    `UNREAD` else.
    """

    def lock_jobs(self, ids: Iterable[str], *, skip_locked: bool = False) -> list[Job]:
        """Read these jobs and hold their rows until the end; in the order of their ids, so two never dead-lock."""
        ...

    def require_free(self, job_ids: Iterable[str], run_ids: Iterable[str]) -> None:
        """Lock these rows without waiting. Raises `Stale` if another transaction holds one of them."""
        ...

    def inputs(self, job_ids: Sequence[str]) -> dict[str, str]:
        """The inputs of these jobs."""
        ...

    def runs(self, ids: Iterable[str], *, skip_locked: bool = False) -> list[StageRun]:
        """These stage runs; with `skip_locked` only those that no other transaction holds, and they stay locked until the end."""
        ...

    def runs_of(self, job_id: str, states: Collection[RunState]) -> list[StageRun]:
        """The stage runs of a job that are in one of these states."""
        ...

    def has_run(self, job_id: str, stage: str, state: RunState) -> bool:
        """Whether any run of a job's stage is in that state."""
        ...

    def item_inputs(self, run_ids: Sequence[str]) -> dict[str, str | None]:
        """The items of these runs."""
        ...

    def job_by_key(self, owner: str, key: str) -> Job | None: ...
    def memo(self, run_id: str, name: str) -> Memo | None: ...
    def messages(self, job_id: str, name: str, limit: int) -> list[Message]:
        """Messages with that name that were not taken yet, oldest first."""
        ...

    def has_message(self, job_id: str, key: str) -> bool:
        """Whether a message with that key was ever kept for the job."""
        ...

    def unread(self, job_id: str, limit: int) -> int:
        """Number of untaken messages of the job, counted up to a bound."""
        ...

    def open_children(self, run_id: str, limit: int) -> list[str]:
        """Ids of jobs that the stage run has started and that are not over."""
        ...

    def begun(self, job_id: str) -> list[str]:
        """Ids of the job's runs that wait or run."""
        ...

    def orders(self, job_id: str, run_ids: Sequence[str]) -> list[Order]:
        """What these runs of a job, and runs of it that are gone, have bought and not given up."""
        ...

    def started(self, run_ids: Sequence[str]) -> dict[str, list[str]]:
        """By run: the ids of the jobs that it has started."""
        ...

    def open_calls(self, run_ids: Sequence[str]) -> list[tuple[str, str]]:
        """(run, memo's name) of calls that were begun and whose value was never kept."""
        ...

    def line_up(self, groups: Sequence[tuple[str, int, str, int]]) -> list[tuple[int | None, int | None]]:
        """For each (queue, priority, owner, urgency): two turns of ready runs of that queue and priority.

        The last one of the owner's runs that are at least as urgent, and the first one of all owners.
        """
        ...

    def candidates(self, queues: Sequence[str], limit: int) -> list["Candidate"]:
        """Ready runs, up to `limit` of each queue, in the order in which each queue's should go. Locks nothing."""
        ...

    def take(self, ids: Sequence[str], limit: int) -> list[tuple[StageRun, Job]]:
        """Lock up to `limit` of these runs that are still ready, with their jobs; what others hold is left out.

        Both come with their inputs.
        """
        ...

    def outputs(self, wanted: Sequence[tuple[str, str]]) -> "Outputs":
        """Stored ends of the runs of these (job, stage)."""
        ...

    def holds_leases(self, worker: str) -> bool:
        """Whether any stage run is leased to this worker."""
        ...

    def drop_worker(self, worker: str, *, lost_at: int | None = None) -> None:
        """Delete a worker's row; with a time, record that the worker was lost, once, by the caller that deletes the row."""
        ...

    def save(self, changes: Changes) -> None:
        """Write it all. Raises `Stale` if a guarded row was not as it was read."""
        ...


class Stale(StoreUnavailable):
    """A row changed between being read and being written, or is locked: the transaction is done again."""


class Taken(StagepassError):
    """A row with this key already exists."""

    code = "taken"


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list. `owner` None means all owners, for the relay and the CLI only."""

    owner: str | None
    pipeline: str | None = None
    states: tuple[JobState, ...] = ()
    before: str | None = None
    """Only jobs with a smaller id: a page's cursor, since ids sort by time."""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which stage runs to list."""

    owner: str | None
    states: tuple[RunState, ...]
    pipeline: str | None = None
    stage: str | None = None
    code: str | None = None
    before: str | None = None
    limit: int = 50


class Store(Protocol):
    """The database."""

    def begin(self) -> AbstractContextManager[Tx]: ...

    # reads outside a transaction
    def job(self, job_id: str) -> Job | None: ...
    def job_by_key(self, owner: str, key: str) -> Job | None: ...
    def jobs(self, which: JobFilter) -> list[Job]: ...
    def job_ends(self, ids: Sequence[str]) -> dict[str, JobEnd]:
        """By id: how these jobs stand; those that are not there are left out."""
        ...

    def jobs_by_id(self, ids: Sequence[str]) -> list[Job]: ...
    def runs_of(self, job_id: str) -> list[StageRun]: ...
    def look(self, job_id: str) -> tuple[Job, list[StageRun]] | None:
        """A job and its stage runs as they were at one moment, without what went into and came out of the runs."""
        ...

    def run(self, run_id: str) -> StageRun | None: ...
    def outputs(self, wanted: Sequence[tuple[str, str]]) -> Outputs:
        """Like `Tx.outputs`, outside a transaction."""
        ...

    def stage_states(self, job_id: str) -> list[tuple[str, RunState, int]]:
        """(stage, state, how many) of a job's runs."""
        ...

    def find_runs(self, which: RunFilter) -> list[StageRun]: ...
    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[Event]: ...
    def last_events(self, job_ids: Sequence[str]) -> dict[str, int]:
        """By job: the number of its last event."""
        ...

    def open_progress(self, job_ids: Sequence[str]) -> dict[str, dict[str, float]]:
        """By job and stage: the progress of the open runs, summed; without those that report none."""
        ...

    def attempts(self, run_ids: Sequence[str]) -> list[Attempt]: ...
    def memos(self, run_id: str) -> list[Memo]: ...
    def messages(self, job_id: str, name: str, limit: int) -> list[Message]:
        """Like `Tx.messages`, outside a transaction."""
        ...

    def spends(self, job_id: str) -> list[Spend]: ...
    def spends_of(self, job_ids: Sequence[str]) -> dict[str, list[Spend]]:
        """By job; jobs that spent nothing are left out."""
        ...

    def further_attempts(self, job_ids: Sequence[str]) -> dict[str, list[Attempt]]:
        """By job: attempts that are not the first of their stage run."""
        ...

    def paying_jobs(self, pipeline: str | None, since: int, after: str, limit: int) -> list[str]:
        """Ids greater than `after`, in order, of jobs that spent something since that time."""
        ...

    def usual_spend(self, queue: str, sample: int) -> list[float]:
        """Total cost of each of the last completed runs of a stage, in US dollars."""
        ...

    def ready_since(self, before: int) -> list[tuple[str, int]]:
        """(queue, how many, counted up to a bound) of runs that have been ready since before that time."""
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

    def count_parked(self, provider: str, owner: str | None = None) -> list[tuple[str, int]]:
        """(queue, how many) of those runs, of one owner or of all."""
        ...

    def unfinished(self) -> list[tuple[str, str, int]]:
        """(queue, state, how many) of runs that are not done: ready, running, waiting, held, and dead letters."""
        ...

    def due(self, now: int, limit: int) -> list[tuple[str, str]]:
        """(run, job) of runs whose waiting is over, the most overdue first."""
        ...

    # workers
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
    def lost_workers(self) -> list[str]:
        """Workers that hold stage runs although they have no row (any more)."""
        ...

    # retention
    def forget_alerts(self, before: int) -> None: ...
    def forget_events(self, pipeline: str, before: int, limit: int) -> int: ...
    def ended_jobs(self, pipeline: str, before: int, limit: int) -> list[str]: ...
    def keep_file(self, file: File, job_id: str, run_id: str | None, owner: str, at: int) -> None: ...
    def files_of(self, job_ids: Sequence[str]) -> list[str]: ...
    def owner_jobs(self, owner: str, limit: int) -> list[str]: ...
    def delete_jobs(
        self, job_ids: Sequence[str], files_after: int = 0, *, ended_before: int | None = None
    ) -> list[str]: ...
    def doom(self, uris: Sequence[str], owner: str, after: int) -> None:
        """Note files that are about to be written: unless a row claims them, they are deleted after that time."""
        ...

    def condemned(self, now: int, limit: int) -> list[str]:
        """Uris of files to delete now; they can no longer be claimed."""
        ...

    def forget_doomed(self, uris: Sequence[str]) -> None: ...
    def forget_ahead(self, *, now: int, before: int | None = None, owner: str | None = None) -> int:
        """Let go of files that were sent ahead of a job: those older than `before`, or an owner's. Returns how many."""
        ...

    def condemn_owner(self, owner: str) -> None: ...
    def note_calls(self, rows: Sequence[dict[str, Any]]) -> None: ...
    def forget_calls(self, *, owner: str = "", session: str = "", job_id: str = "", before: int = 0) -> None: ...
    def check(self) -> None:
        """Raises `StoreUnavailable` or `SettingsError` when the database cannot be used as it is."""
        ...

    def check_writes(self) -> None:
        """Raises `StoreUnavailable` while the database takes no writes."""
        ...

    def close(self) -> None: ...


class Bell(Protocol):
    """The broker: says that a queue has work. Never blocks its caller."""

    def ring(self, queue: str, job_id: str = "", run_id: str = "", *, full: bool = False) -> None:
        """Ring once, soon. `full`: the caller serves the queue itself and has no slot free; that can ring seldom."""
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

    def pause_schedule(self, name: str, paused: bool, next_at: int) -> bool: ...
