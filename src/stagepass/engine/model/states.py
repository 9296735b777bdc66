"""The two state machines, as data: of a stage run, and of a job.

stage run                                             job
─────────                                             ───
          ┌───────── released, rescued ─────────┐     queued ──▶ running ◀──▶ held
          ▼                                     │        │          │           │
ready ──claim──▶ running ──▶ completed, skipped │        └──────────┴─────┬─────┘
  ▲ ▲               │                           │                         ▼
  │ │               ├──▶ waiting, retrying, parked ──due──▶ ready         completed, failed, cancelled
  │ │               ├──▶ held ──a person──▶ ready                         ▲
  │ │               ├──▶ failed ──redrive, resume──▶ ready                │
  │ └───────────────┴──▶ cancelled ──resume──▶ ready                      └─ resume, retry ──▶ running
  └── retry from a stage: from any state in which nothing runs

Facts that decide the next move, beside the state:

stage run     due_at            when `waiting`, `retrying` or `parked` ends by itself
              token             only its holder settles a running attempt
              notes.failures    with notes.codes and the stage's `Retry`: retrying, or failed
              notes.streaks     the same of a single `ctx` call, whose error left the stage
              crashes           with the stage's limit: ready again, or failed
              notes.resumes     the next claim continues an attempt, or begins one and counts it
              notes.unread      a wait that a running attempt asks for is over before it begins
              notes.awaits_all  only the end of its last child wakes it
              notes.busy        with notes.blocked_by: a waiting run that its provider may wake
              notes.again       calls of `ctx.run` whose failed child is sent on
              notes.alone       a claim gives it no company in a batch
              notes.cancelling  ready once more, only for `on_cancel`; then cancelled
              notes.counted     failed, but counted as done: the stage continues without it
              notes.cleanup     runs while its job is ending, and only then
              notes.step        held by the job's own step, so nothing was bought and `resume` may continue
job           tally             all runs of a stage are done: the next stages begin, or the job is completed
              cancel_requested  whatever comes to rest is cancelled
              ending            as failed or cancelled, once the undo stages and `on_failure` are over
              stepwise          the runs of the next stages begin as held
              parent            the stage run that is woken when the job ends
"""

from enum import StrEnum


class RunState(StrEnum):
    """State of a stage run."""

    READY = "ready"
    """May be claimed now."""
    RUNNING = "running"
    """A worker holds its lease."""
    WAITING = "waiting"
    """Waits for a time, or for a signal that may come before: a poll, a delay."""
    RETRYING = "retrying"
    """Failed in a way that may pass; the next attempt is due later."""
    PARKED = "parked"
    """No worker that met it knows its stage or version; it is offered again later."""
    HELD = "held"
    """Waits for a person: a purchase of unknown outcome, or a job that goes step by step."""
    COMPLETED = "completed"
    SKIPPED = "skipped"
    FAILED = "failed"
    """Out of attempts: a dead letter, kept with all that is needed to send it again."""
    DISCARDED = "discarded"
    """A dead letter that a person gave up."""
    CANCELLED = "cancelled"


class JobState(StrEnum):
    """State of a job."""

    QUEUED = "queued"
    """Accepted; no worker has begun."""
    RUNNING = "running"
    HELD = "held"
    """Nothing in it can continue until a person decides."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


R, J = RunState, JobState

TIMED = frozenset({R.WAITING, R.RETRYING, R.PARKED})
"""States that end automatically at `due_at`."""
DONE = frozenset({R.COMPLETED, R.SKIPPED})
"""States whose output, or its absence, the next stages may use."""
STOPPED = frozenset({R.FAILED, R.DISCARDED, R.CANCELLED})
"""States that a person can send on again."""
OPEN = frozenset({R.READY, R.RUNNING, R.WAITING, R.RETRYING, R.PARKED, R.HELD})
"""States from which a stage run can still finish, automatically or after a decision."""
ENDED = frozenset({J.COMPLETED, J.FAILED, J.CANCELLED})
"""States of a job in which nothing more happens, unless an operator asks for it."""

_AGAIN = frozenset({R.READY})

RUN_MOVES: dict[RunState, frozenset[RunState]] = {
    R.READY: frozenset({R.RUNNING, R.CANCELLED}),
    R.RUNNING: frozenset(
        {R.COMPLETED, R.SKIPPED, R.WAITING, R.RETRYING, R.PARKED, R.HELD, R.FAILED, R.CANCELLED, R.READY}
    ),
    R.WAITING: frozenset({R.READY, R.CANCELLED}),
    R.RETRYING: frozenset({R.READY, R.CANCELLED}),
    R.PARKED: frozenset({R.READY, R.CANCELLED}),
    R.HELD: frozenset({R.READY, R.CANCELLED}),
    R.COMPLETED: _AGAIN,
    R.SKIPPED: _AGAIN,
    R.FAILED: frozenset({R.READY, R.DISCARDED}),
    R.DISCARDED: _AGAIN,
    R.CANCELLED: _AGAIN,
}

JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    J.QUEUED: frozenset({J.RUNNING, J.HELD, J.COMPLETED, J.FAILED, J.CANCELLED}),
    J.RUNNING: frozenset({J.HELD, J.COMPLETED, J.FAILED, J.CANCELLED}),
    J.HELD: frozenset({J.RUNNING, J.FAILED, J.CANCELLED}),
    J.COMPLETED: frozenset({J.RUNNING}),
    J.FAILED: frozenset({J.RUNNING}),
    J.CANCELLED: frozenset({J.RUNNING}),
}
