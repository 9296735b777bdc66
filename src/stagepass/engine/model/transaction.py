"""A transaction of the committer: what it reads and locks, and the changes that it writes together."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from stagepass.declare.values import File
from stagepass.engine.model.actors import AuditEntry
from stagepass.engine.model.bulk import Bulk
from stagepass.engine.model.controls import Controls, Pause, RuntimeLimit, Scope
from stagepass.engine.model.orders import Order
from stagepass.engine.model.records import Attempt, Event, Job, Memo, Message, Spend, StageRun
from stagepass.engine.model.states import RunState
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
    tags: list[tuple[str, str, str | None]] = field(default_factory=list)
    """(job, name, value) to set; None as the value removes the tag."""
    bulks: list[Bulk] = field(default_factory=list)
    """New ones, and the progress of those that are there."""
    audit: list[AuditEntry] = field(default_factory=list)
    controls: list[Pause | RuntimeLimit] = field(default_factory=list)
    """In place of those of the same scope and name."""
    lifted: list[Pause | RuntimeLimit] = field(default_factory=list)
    """Pauses that end, and limits that hold no more."""


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
class Ahead:
    """What a transaction is going to read first."""

    jobs: Collection[str] = ()
    """To be locked; and their `runs`."""
    runs: Collection[str] = ()
    queues: Sequence[tuple[tuple[str, ...], int]] = ()
    """Arguments of `Tx.candidates`."""
    controls: bool = False
    """Whether `Tx.controls` is asked for."""
    keys: Collection[tuple[str, str]] = ()
    """Arguments of `Tx.job_by_key`."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What a look at the queues of a claim has found."""

    candidates: Sequence[Candidate]
    """Of all owners that are not paused."""
    controls: Controls


class Tx(Protocol):
    """One transaction. A job's row is the lock of everything that belongs to the job.

    Inputs and outputs may have a megabyte each, and a job thousands of them: they are read where it says so, and are
    `UNREAD` else.
    """

    def look_ahead(self, ahead: Ahead) -> None:
        """Read all of this in one trip to the database, where that can be done; the methods below then have it."""
        ...

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

    def run_outputs(self, run_ids: Sequence[str]) -> dict[str, str | None]:
        """The outputs of these runs."""
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

    def candidates(self, queues: Sequence[str], limit: int) -> Ready:
        """Ready runs, up to `limit` of each queue, in the order in which each queue's should go; and what an operator has set.

        One statement, so that a pause costs a claim no further one. Locks nothing.
        """
        ...

    def controls(self) -> Controls:
        """What an operator has set, for a claim that looks at no queue."""
        ...

    def tags(self, job_id: str) -> dict[str, str]:
        """The tags of a job."""
        ...

    def bulk(self, bulk_id: str) -> Bulk | None:
        """A bulk operation; it stays locked until the end."""
        ...

    def pause(self, scope: Scope, name: str) -> Pause | None: ...
    def limit(self, scope: Scope, name: str) -> RuntimeLimit | None: ...
    def count_running(self, queues: Sequence[str]) -> dict[str, int]:
        """By queue with a limit: the runs that run now. Their limits stay locked, so claims of them go one after another."""
        ...

    def take(self, ids: Sequence[str], limit: int) -> list[tuple[StageRun, Job]]:
        """Lock up to `limit` of these runs that are still ready, with their jobs; what others hold is left out.

        Both come with their inputs.
        """
        ...

    def outputs(self, wanted: Sequence[tuple[str, str]]) -> Outputs:
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
