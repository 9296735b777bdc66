"""Outcomes of an attempt. Planned outcomes are values; failures are exceptions until they arrive here.

Completed, Skipped          done
Waiting                     gives the slot back until a time, or a signal
Failure                     an error; the rules say whether it is tried again
Held                        a person decides
Cancelled, Released         stopped by the job's owner; given back by a worker that goes away
Each                        a batch: one of the above for each of its runs
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stagepass.declare.values import Duration, seconds
from stagepass.engine.model.records import Memo
from stagepass.errors import StageError
from stagepass.sentences import cleaned
from stagepass.text import clean

LONGEST_MESSAGE = 500
"""Characters of a text that tells what a stage run waits for, or how far it is."""


class Wait(BaseException):
    """Return or raise it to give the slot back for a while; the stage is then called again from its top.

    A `BaseException`, so that an author's ``except Exception`` does not swallow it.
    """

    def __init__(self, wait: Duration, saying: str | None = None) -> None:
        super().__init__(saying or "")
        self.seconds = seconds(wait)
        self.saying = saying and cleaned(saying, most=LONGEST_MESSAGE)
        self.idle = False
        """Whether the wait is for a person or a job with its own deadline, so that it does not count as this stage's time."""
        self.at_most: float | None = None
        """Seconds until that deadline; `seconds` is until the next look."""


class Cancel(BaseException):
    """Return or raise it to cancel the whole job. Also raised by `ctx` calls once the owner cancelled it."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = clean(reason, most=LONGEST_MESSAGE)


class LeaseLost(BaseException):
    """This worker no longer owns the stage run: whatever it still does is dropped."""


class Busy(BaseException):
    """A provider's limit is reached or its breaker is open: come back later, no attempt is spent.

    `certain` is False if a call was made and its outcome is unknown; `closed` is True if the
    provider may be closed for hours.
    """

    def __init__(self, provider: str, wait: float, reason: str, *, certain: bool = True, closed: bool = False) -> None:
        super().__init__(reason)
        self.certain = certain
        self.closed = closed
        self.provider = provider
        self.wait = wait
        self.reason = clean(reason, most=LONGEST_MESSAGE)


class NotDone(Exception):
    """Raised by a `recover` hook that is certain that the call it was asked about had no effect."""


@dataclass(slots=True)
class Completed:
    """The stage returned: its output, as JSON text."""

    output: str


@dataclass(slots=True)
class Skipped:
    """The stage's `when` said no."""


@dataclass(slots=True)
class Waiting:
    """Look again in `wait` seconds.

    Attributes:
        waits: when each wait of this attempt began, by its name; None leaves what was noted.
        busy: why its provider takes no call now; `blocked_by`: that provider, if it is closed.
        emit: emit an event: the first wait of its kind.
        idle: it waits for a place at a provider, a person or another job, which does not count towards its time limits.
    """

    wait: float
    saying: str | None = None
    waits: dict[str, int] | None = None
    busy: str | None = None
    blocked_by: str | None = None
    emit: bool = True
    idle: bool = False
    at_most: float | None = None
    """Seconds until the wait's own deadline, where that is not the next look."""
    looked: int = 0
    """The last callback that the wait's poll has seen."""
    awaits_all: bool = False
    """It waits for the end of its last child."""
    memoless: bool = False
    """The run has no memos, so the next pass need not look for any."""
    memos: Sequence[Memo] = ()
    """Records of calls that have begun, kept together with the wait."""
    worked: Sequence[str] = ()
    """Calls with a successful poll, which resets their consecutive failures."""


@dataclass(slots=True)
class Failure:
    """The attempt failed.

    Attributes:
        call: whose error it is; empty where the stage's own code raised it. Failures are counted by call.
        drop: memos that are dropped, so that this call is tried again.
        again: calls of `ctx.run` whose child is sent on by the next attempt.
    """

    error: StageError
    trace: str | None = None
    call: str = ""
    drop: Sequence[str] = ()
    again: Sequence[str] = ()
    waits: dict[str, int] | None = None
    looked: int = 0
    memoless: bool = False
    worked: Sequence[str] = ()


@dataclass(slots=True)
class Held:
    """Only a person can decide how to continue."""

    error: StageError


@dataclass(slots=True)
class Cancelled:
    """The stage asked for it, or noticed that the owner did."""

    reason: str = ""


@dataclass(slots=True)
class Released:
    """The run is given back, by a worker that goes away or out of a batch that broke; no attempt is spent.

    Attributes:
        alone: from now on it is a batch by itself.
    """

    alone: bool = False


@dataclass(slots=True)
class Unknown:
    """This worker knows no such stage, or not this version of it."""

    reason: str


@dataclass(slots=True)
class Each:
    """A batch was called: how each of its runs ended, in the order of the claim."""

    outcomes: list["RunOutcome"]


RunOutcome = Completed | Skipped | Waiting | Failure | Held | Cancelled | Released | Unknown
"""Outcome of an attempt for one stage run. A match on it ends with `assert_never`."""

Outcome = RunOutcome | Each
