"""Time, as the engine reads it. Tests put a clock in its place that they move by hand."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two kinds of time: what the calendar says, and what only ever goes forward."""

    def now(self) -> int:
        """Milliseconds since the epoch; may jump when the machine's clock is set."""
        ...

    def steady(self) -> float:
        """Seconds of a clock that never jumps; only differences mean something."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def steady(self) -> float:
        return time.monotonic()
