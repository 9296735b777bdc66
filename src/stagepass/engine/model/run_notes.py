"""The engine's notes about a stage run besides its state. `states` shows which transitions depend on which note.

Kept as one JSON text per run. A note at its default is not written, so most runs have an empty one. A key that this
release does not know was written by another one, and is kept as it is.
"""

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

EVERY = "*"
"""Among the calls that are tried again: all of them, since a person has sent the run on. ``-NAME`` is one that was
sent on since then."""


@dataclass(slots=True)
class RunNotes:
    """The notes of one stage run. Times are milliseconds since the epoch, durations milliseconds."""

    # attempts
    claims: int = 0
    """Claims by a worker that knows the stage; more than one where an attempt was continued or begun again."""
    resumes: bool = False
    """The next claim continues the attempt that gave its slot back, instead of beginning one."""
    failures: int = 0
    """Attempts that the stage's own code failed since the run was last sent again by a person."""
    codes: dict[str, int] = field(default_factory=dict)
    """The same by error code: an error may have its own number of retries."""
    streaks: dict[str, dict[str, int]] = field(default_factory=dict)
    """Consecutive failures of each call, by error code; a successful poll resets them."""
    alone: bool = False
    """It was in a failed batch, so from now on it runs alone."""
    lost_at: int | None = None
    """When its dead worker was last seen, until the next attempt begins."""
    parked: int = 0
    """Times that it was parked by a worker that does not know its stage or version."""

    # time that does not count towards its limits
    idle: int = 0
    """Waited for a slot, a provider, a person or another job, since its first attempt began."""
    idle_attempt: int = 0
    """The part of `idle` in the current attempt."""
    idle_since: int | None = None
    """When the present wait of that kind began."""

    # waiting
    waits: dict[str, int] = field(default_factory=dict)
    """When each wait that is under way began, by its name."""
    keeps_orders: bool = False
    """It was made before, and what it had bought is kept: there are memos although it has not run yet."""
    memoless: int = 0
    """Until this claim the run had no memos: the next one need not look for any."""
    again: list[str] = field(default_factory=list)
    """Calls of `ctx.run` that are tried again, so that a child that failed is sent on; see `EVERY`."""
    busy: str | None = None
    """Why its provider refused the last call; reported once, until it changes."""
    blocked_by: str | None = None
    """The closed provider that it waits for: woken when that one answers again. Also a column."""
    signal: Any = None
    """Payload of the last callback, written by an older release; callbacks are messages now."""
    looked: int = 0
    """The last callback that the present wait has looked at."""
    unread: bool = False
    """A callback or the end of a child arrived while it ran: skip its next wait."""

    # the job
    children: list[str] = field(default_factory=list)
    """Jobs that it started and waits for; cancelled when it is stopped."""
    begun: bool = False
    """It has begun jobs with `ctx.begin`: they are found by their parent, and are not in `children`."""
    awaits_all: bool = False
    """It waits for the last of its children, not for each."""
    cancelling: bool = False
    """It was cancelled after it had begun: the next claim calls its `on_cancel`, and then it is cancelled."""
    counted: bool = False
    """A failed item that its stage does without: it counts as done. Also a column."""
    cleanup: bool = False
    """Of an undo or `on_failure`: it runs while its job is ending, and only then."""
    step: bool = False
    """Held because its job runs step by step; it has not begun."""

    unknown: dict[str, Any] = field(default_factory=dict)
    """Keys of another release."""


_NAMES = tuple(note.name for note in fields(RunNotes) if note.name != "unknown")
_KNOWN = frozenset(_NAMES)
_values = attrgetter(*_NAMES)
_DEFAULTS = _values(RunNotes())


def to_json(notes: RunNotes) -> dict[str, Any]:
    """The notes that are not at their default, and the unknown ones."""
    written = {
        name: value for name, value, default in zip(_NAMES, _values(notes), _DEFAULTS, strict=True) if value != default
    }
    return {**notes.unknown, **written} if notes.unknown else written


def from_json(stored: dict[str, Any]) -> RunNotes:
    """The notes of a row, also of one that another release wrote."""
    if stored.keys() <= _KNOWN:
        notes = RunNotes(**stored)
    else:
        notes = RunNotes(**{name: value for name, value in stored.items() if name in _KNOWN})
        notes.unknown = {name: value for name, value in stored.items() if name not in _KNOWN}
    if notes.busy is None:  # the release before clears that one alone
        notes.blocked_by = None
    return notes
