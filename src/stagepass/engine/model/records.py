"""The engine's records, as plain objects. The store turns them into rows and back.

Times are milliseconds since the epoch. JSON texts are kept as text: what a stage wrote is what the
next one reads, byte for byte.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from stagepass.engine.model.run_notes import RunNotes
from stagepass.engine.model.states import ENDED, JobState, RunState

UNREAD: Final = ""
"""Stands where a transaction has not read a large value, and does not write it: no JSON text is empty."""


@dataclass(slots=True)
class Tally:
    """Progress of a job's stage. Most rules use it, and read stage runs only if it is not enough."""

    total: int
    """Stage runs of the stage."""
    done: int = 0
    """Runs that are completed or skipped, or that the stage continues without."""
    most_held: int | None = 0
    """Maximum number of held ones; None: unknown, written by an older release."""

    @property
    def all_done(self) -> bool:
        return self.total == self.done


@dataclass(slots=True)
class Job:
    """One submitted input of a pipeline. Its row is also the lock of everything that belongs to it."""

    id: str
    pipeline: str
    version: int
    owner: str
    input: str
    """JSON; `UNREAD` in a transaction that has no need of it."""
    created_at: int
    updated_at: int
    state: JobState = JobState.QUEUED
    priority: int = 0
    key: str | None = None
    """The client's idempotency key, unique per owner."""
    body_hash: str = ""
    seq: int = 0
    """The number of the job's last event."""
    tally: dict[str, Tally] = field(default_factory=dict)
    """By stage that has begun."""
    stepwise: bool = False
    """Hold after each stage until it is resumed."""
    cancel_requested: bool = False
    error: dict[str, Any] | None = None
    finished_at: int | None = None
    parent: str | None = None
    """The stage run that started it and waits for it, if one did."""
    across: bool = False
    """Whether its priority also holds beside the jobs of other owners."""
    keeps_orders: bool = False
    """A stage was made again, and what had been bought for the stages after it is kept for them."""
    traceparent: str | None = None
    """Where its trace began, as W3C Trace Context has it."""
    ending: JobState | None = None
    """Its end is decided, and it cleans up first: its undo stages and its `on_failure` run."""

    def done(self, stage: str) -> bool:
        """Whether all runs of `stage` are done."""
        entry = self.tally.get(stage)
        return entry is not None and entry.all_done

    def needs(self, run: "StageRun") -> bool:
        """Whether the run may continue: not once the job has ended or is being cancelled; while it is ending, only
        what cleans up."""
        over = self.cancel_requested or self.state in ENDED
        return not over and run.notes.cleanup is (self.ending is not None)


@dataclass(slots=True)
class StageRun:
    """One stage of one job; one row, whatever happens. A `map` stage has one per item."""

    id: str
    job_id: str
    pipeline: str
    version: int
    stage: str
    queue: str
    owner: str
    created_at: int
    item: int | None = None
    state: RunState = RunState.READY
    priority: int = 0
    turn: int = 0
    """Its place between owners: within a queue and priority, lower goes first."""
    urgency: int = 0
    """Its job's priority, which orders the runs of one owner; `priority` is 0 unless it also holds across owners."""
    due_at: int = 0
    """When it may be claimed, or when its waiting ends."""
    attempts: int = 0
    """Counted when claimed; given back when the attempt ended in a wait or was released."""
    crashes: int = 0
    """Attempts during which the worker died."""
    token: str | None = None
    worker: str | None = None
    started_at: int | None = None
    """When its first attempt began."""
    attempt_at: int | None = None
    """When its current or last attempt began."""
    finished_at: int | None = None
    item_input: str | None = None
    """Of a `map` stage: its item, as JSON. `UNREAD` in a transaction, unless the run is claimed there."""
    output: str | None = None
    """JSON. `UNREAD` in a transaction, unless the run ends there."""
    error: dict[str, Any] | None = None
    notes: RunNotes = field(default_factory=RunNotes)
    progress: float = 0.0
    message: str | None = None


@dataclass(slots=True, frozen=True)
class OpenStage:
    """The open runs of a stage that are in the same state, and what one of them says."""

    queue: str
    stage: str
    state: RunState
    message: str | None


@dataclass(slots=True, frozen=True)
class Event:
    """A numbered, durable fact about a job."""

    job_id: str
    seq: int
    type: str
    at: int
    stage: str | None = None
    item: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    queue: str | None = field(default=None, compare=False)
    """Of its stage run, for counters; not stored."""


TERMINAL = frozenset({"job.completed", "job.failed", "job.cancelled"})
"""The types of event that end a job's stream."""


@dataclass(slots=True, frozen=True)
class Attempt:
    """One try at a stage run, written when it is over."""

    run_id: str
    job_id: str
    number: int
    worker: str
    began_at: int
    ended_at: int
    outcome: str
    error: dict[str, Any] | None = None


@dataclass(slots=True, frozen=True)
class Memo:
    """A stored value inside a stage. Without a value it is only the intent: the call may have been made."""

    run_id: str
    name: str
    token: str
    value: str | None
    made_at: int
    free: bool = False
    """Making the call again would cost nothing."""


@dataclass(slots=True, frozen=True)
class Message:
    """A value that was sent to a job: kept in order from the moment that the job is accepted, and taken once."""

    job_id: str
    name: str
    """Name under which the job's messages are taken; callbacks of a stage run have their own name."""
    payload: str
    """JSON."""
    sent_at: int
    key: str | None = None
    """The sender's: within a job the same key is kept once."""
    id: int = 0
    """Its place in the order; given by the store."""


@dataclass(slots=True, frozen=True)
class Spend:
    """A payment of an attempt."""

    run_id: str
    job_id: str
    attempt: int
    provider: str
    model: str
    tokens_in: int
    tokens_out: int
    usd: float
    at: int
    queue: str | None = None
    """Of its stage run."""
    key: str | None = None
    """Identity of the payment: of a run's payments with the same key only the first is stored."""
    memo: str | None = None
    """The `ctx.once` that paid; while its value is kept, the same is not bought again."""
    given_up: bool = False
    """The paid result was dropped on purpose: by `ctx.forget`, or by retrying the stage."""


@dataclass(slots=True, frozen=True)
class WorkerRow:
    """One process that runs stages. While `beat` goes up, its leases hold."""

    id: str
    host: str
    pid: int
    queues: tuple[str, ...]
    slots: int
    beat: int
    started_at: int
    beat_at: int
    supervisor: str | None = None
    clock_off: int = 0
    """Milliseconds by which its machine's clock is ahead of the database's, whose time it uses."""
    lock_key: int | None = None
    """The lock that its process holds; None where its heartbeat alone shows that it lives."""


@dataclass(slots=True)
class ScheduleRow:
    """A schedule as the database keeps it: when it is due next, and whether it is paused."""

    name: str
    timing: str
    paused: bool
    next_at: int
    last_at: int | None = None
    last_job: str | None = None
    version: int = 0
    """Of the pipeline whose declaration it follows."""
    declared_at: int = 0
    """When the process began that wrote its timing."""
