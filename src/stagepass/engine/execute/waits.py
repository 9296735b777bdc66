"""`ctx.wait` and `ctx.sleep`: the slot is given back, and the stage comes again from its top."""

from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from stagepass.declare.values import Duration, seconds
from stagepass.engine.execute.calls import Calls
from stagepass.engine.execute.lease import Lease
from stagepass.engine.execute.signals import Signals
from stagepass.engine.execute.steps import Steps, Store
from stagepass.engine.model import call_records
from stagepass.engine.model.call_records import Record
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.outcomes import LONGEST_MESSAGE, Wait
from stagepass.errors import Permanent, TimedOut
from stagepass.sentences import cleaned, sentence
from stagepass.spans import in_words


class Waits:
    """The waits of one pass.

    Args:
        limit: seconds that an attempt of this stage may take, by the stage's limits.
        tick: tells people what is waited for, and for how long.
    """

    def __init__(
        self,
        calls: Calls,
        signals: Signals,
        clock: Clock,
        lease: Lease,
        limit: float,
        tick: Callable[[str, float], None],
    ) -> None:
        self._signals = signals
        self._calls = calls
        self._clock = clock
        self._lease = lease
        self._limit = limit
        self._tick = tick

    def wait(
        self,
        look: Callable[[], Any],
        *,
        every: Duration,
        at_most: Duration,
        saying: str | None,
        name: str | None,
        type: Any,
    ) -> Steps[Any]:
        """See `Context.wait`; `look` returns a value, or in a coroutine an awaitable."""
        pause, limit = seconds(every), seconds(at_most)
        saying = saying and cleaned(saying, most=LONGEST_MESSAGE)
        self._refuse("wait", limit, at_most, self._limit)

        def body(own: str, _: Record | None) -> Steps[Any]:
            since = self.begin(own)
            value = yield from self._signals.looking(look)
            if value is not None:
                return value
            self._calls.worked.add(call_records.record_name("wait", own))
            waited = self.elapsed(since)
            if waited >= limit:
                raise TimedOut(sentence("{name}: not done after {limit}", name=own, limit=in_words(limit)))
            if waited:
                self._tick(own, waited)
            raise self.pause(min(pause, limit - waited), saying, own)

        adapter = None if type is None else TypeAdapter(type)
        return (yield from self._calls.made("wait", name or saying or "wait", (), body, adapter))

    def sleep(self, duration: Duration, saying: str | None, name: str | None) -> Steps[None]:
        """See `Context.sleep`. What is kept says until when: nothing more is written when it is over."""
        self._calls.check()
        length = seconds(duration)
        saying = saying and cleaned(saying, most=LONGEST_MESSAGE)
        plain = name or saying or ""
        own = self._calls.number("sleep", plain)
        key, call = call_records.record_name("sleep", own), call_records.digest("sleep", plain, length)
        record = yield Store(lambda: self._calls.record(key, call))
        now = self._clock.now()
        until = record.until if record is not None and record.until is not None else self._until(own, now, length)
        left = (until - now) / 1000
        if left <= 0:
            self._calls.passed.add(key)
            return
        if record is None:
            self._refuse("sleep", left, duration, self._lease.remaining())
            self._calls.settle_with(self._calls.new(key, call_records.under_way(call, until)))
            self._calls.first_pause = True
        else:
            self._calls.first_pause = False
        raise Wait(left, saying)

    def _until(self, own: str, now: int, length: float) -> int:
        """The end of a sleep that begins now, or that a release before this one has begun."""
        since = self._calls.waits.pop(f"sleep {own}", now)
        return int(since + length * 1000)

    # ── what others wait with ──

    def begin(self, own: str) -> int:
        """When this wait began: at its first look."""
        self._calls.first_pause = own not in self._calls.waits
        return self._calls.waits.setdefault(own, self._clock.now())

    def elapsed(self, since: int) -> float:
        """Seconds since then. The only place that decides whether a wait is too long."""
        return (self._clock.now() - since) / 1000

    def pause(
        self, wait: float, saying: str | None, own: str, *, idle: bool = False, at_most: float | None = None
    ) -> Wait:
        """Give the slot back. `idle`, `at_most`: see `Wait`."""
        pause = Wait(wait, saying)
        pause.idle, pause.at_most = idle, at_most
        return pause

    def _refuse(self, kind: str, wanted: float, given: Duration, limit: float) -> None:
        """Raises `Permanent` for a time that the stage's limits end before."""
        if wanted > limit:
            what = "at_most" if kind == "wait" else "a sleep"
            raise Permanent(
                f"ctx.{kind}: {what} of {given} cannot pass within the {in_words(limit)} that this attempt may take",
                advice="raise the stage's time_limit and run_limit above it, or wait for less",
            )
