"""Time, as the engine reads it. Tests put a clock in its place that they move by hand.

Every time that another process compares (due, ready since, began, ended, beat, next firing) is the database's:
each process measures its own clock against it once a second, and relies on its monotonic clock in between. A machine
whose clock is wrong, or jumps, so writes the same times as all others.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from stagepass import forking
from stagepass.errors import StoreUnavailable

log = logging.getLogger("stagepass.clock")

MEASURE_EVERY = 1.0
"""Seconds between two looks at the database's clock."""

WRONG = 2.0
"""Maximum clock deviation in seconds before a warning is logged."""


class Clock(Protocol):
    """Two kinds of time: what the calendar says, and what only ever goes forward."""

    def now(self) -> int:
        """Milliseconds since the epoch; may jump when the machine's clock is set."""
        ...

    def steady(self) -> float:
        """Seconds of a clock that never jumps; only differences mean something."""
        ...

    def refresh(self) -> None:
        """Compare with the database's clock, if that was not done within the last second."""
        ...

    @property
    def off(self) -> float:
        """Seconds by which this machine's calendar is ahead of the database's; negative: behind."""
        ...


class SystemClock:
    """The machine's own clocks."""

    off = 0.0

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def steady(self) -> float:
        return time.monotonic()

    def refresh(self) -> None:
        """There is no clock to compare with."""


class StoreClock:
    """The database's calendar.

    Args:
        ask: gives the database's time in milliseconds, or None where it runs on this very machine.
    """

    def __init__(self, ask: Callable[[], int | None]) -> None:
        self._ask = ask
        self.renew()
        forking.renews(self)
        self._measured = float("-inf")
        self._anchor: tuple[int, float] | None = None
        """The database's time, and the steady clock's at the same moment."""
        self._complained = False
        self.off = 0.0

    def renew(self) -> None:
        """A forked child may measure while its parent does."""
        self._lock = threading.Lock()

    def now(self) -> int:
        if self._anchor is None:
            return time.time_ns() // 1_000_000
        at, steady = self._anchor
        return at + round((time.monotonic() - steady) * 1000)

    def steady(self) -> float:
        return time.monotonic()

    def refresh(self) -> None:
        """See `Clock`. Raises `StoreUnavailable` when the database has never answered."""
        if time.monotonic() - self._measured < MEASURE_EVERY or not self._lock.acquire(blocking=False):
            return
        try:
            before = time.monotonic()
            at = self._ask()
            after = time.monotonic()
            if at is None:
                at = time.time_ns() // 1_000_000
            elif after - before > MEASURE_EVERY and self._anchor is not None:
                return  # an answer that took this long is not precise
            self._anchor = at, (before + after) / 2
            self._measured = after
            self.off = (time.time_ns() // 1_000_000 - self.now()) / 1000
            self._complain()
        except StoreUnavailable:
            if self._anchor is None:
                raise
        finally:
            self._lock.release()

    def _complain(self) -> None:
        wrong = abs(self.off) > WRONG
        if wrong and not self._complained:
            word = "ahead of" if self.off > 0 else "behind"
            log.warning(
                "this machine's clock is %.1f s %s the database's, whose time is used; set it by NTP",
                abs(self.off),
                word,
            )
        self._complained = wrong
