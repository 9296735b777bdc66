"""What a stage is handed: to remember, to wait, to tell, to spend, and to keep files."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from pydantic import TypeAdapter

from stagepass.engine import failpoints
from stagepass.engine.classify import classify
from stagepass.engine.clock import Clock, SystemClock
from stagepass.engine.desk import Desk
from stagepass.engine.ids import new_token
from stagepass.engine.lease import Lease
from stagepass.engine.operations import Claimed, Forget, Intend, Remember, Spent
from stagepass.engine.outcomes import Busy, Cancel, NotDone, Wait
from stagepass.engine.ports import Bus, FileStore, Gate, Limit, Store, Tick
from stagepass.engine.records import Memo, Spend
from stagepass.engine.values import Duration, File, seconds
from stagepass.errors import OutcomeUnknown, QuotaExhausted, RateLimited, TimedOut

T = TypeVar("T")

QUOTA_PAUSE = 60.0
"""Seconds after which a provider without credit is tried again, by one call."""

LONGEST_NAME = 80
"""Characters of a memo's name."""

TICKS_APART = 0.1
"""Seconds between two ticks of progress of one stage run; what comes faster is not told."""


class Services:
    """What the contexts of one process share."""

    def __init__(
        self,
        store: Store,
        desk: Desk,
        bus: Bus,
        files: FileStore,
        gate: Gate,
        *,
        clock: Clock | None = None,
        callback_url: Callable[[str, str], str] | None = None,
        limits: dict[str, Limit] | None = None,
    ) -> None:
        self.store = store
        self.desk = desk
        self.bus = bus
        self.files = files
        self.gate = gate
        self.clock = clock or SystemClock()
        self.callback_url = callback_url
        self.limits = limits or {}


class Files:
    """`ctx.files`: large values of this stage run. What is put is complete before it can be referred to."""

    def __init__(self, services: Services, claimed: Claimed) -> None:
        self._services = services
        self._claimed = claimed

    def put(self, source: BinaryIO | bytes | Path, *, name: str, type: str) -> File:
        """Keep a file; the returned reference belongs into the stage's output."""
        run = self._claimed.run
        file = self._services.files.put(source, name=name, type=type, folder=run.job_id)
        self._services.store.keep_file(file, run.job_id, run.id, run.owner, self._services.clock.now())
        return file

    @contextmanager
    def local(self, file: File) -> Iterator[Path]:
        """A path of this machine that holds the file, for as long as the block lasts."""
        with self._services.files.local_copy(file) as path:
            yield path


class Context:
    """Handed to a stage as ``ctx``. Every call notices a cancel, and a lease that was lost."""

    def __init__(self, services: Services, claimed: Claimed, lease: Lease, log: Any) -> None:
        run = claimed.run
        self.job_id = run.job_id
        self.owner = run.owner
        self.stage = run.stage
        self.item = run.item
        self.attempt = run.attempts
        self.files = Files(services, claimed)
        self.log = log
        self._services = services
        self._claimed = claimed
        self._lease = lease
        self._memos: dict[str, Memo] | None = None
        self._waits: dict[str, Any] = dict(run.scratch.get("waits", {}))
        self._last_tick = 0.0
        self._recover: Callable[[str], Any] | None = None

    # ── remember ──

    def once(self, name: str, call: Callable[[], T], *, type: Any = None, free: bool = False) -> T:
        """Run `call` once for the life of the job, and keep its value.

        If the process dies between the call and the record, the next attempt asks the stage's `on_recover`
        hook; without an answer the stage run is held for a person. It is never silently called a second time.

        Args:
            name: of the memo, unique within the stage.
            type: what the value must fit (anything that Pydantic can read); by default it must be JSON.
            free: a second call would cost nothing and harm nobody, so after a crash it is simply made again.
        """
        adapter: TypeAdapter[Any] = TypeAdapter(type or Any)
        memo = self._memo(name)
        if memo is None and free:
            return self._keep(name, call(), adapter)
        if memo is None:
            return self._call(name, call, adapter)
        if memo.value is not None:
            return cast(T, adapter.validate_json(memo.value))
        found = self._found(name, memo, adapter)
        return self._call(name, call, adapter) if found is None else cast(T, found)

    async def once_async(
        self, name: str, call: Callable[[], Awaitable[T]], *, type: Any = None, free: bool = False
    ) -> T:
        """`once` for stages that are `async def`: `call` gives an awaitable. The event loop is never blocked."""
        adapter: TypeAdapter[Any] = TypeAdapter(type or Any)
        memo = await asyncio.to_thread(self._memo, name)
        if memo is not None and memo.value is not None:
            return cast(T, adapter.validate_json(memo.value))
        if memo is not None:
            found = await asyncio.to_thread(self._found, name, memo, adapter)
            if found is not None:
                return cast(T, found)
        if free:
            return await asyncio.to_thread(self._keep, name, await call(), adapter)
        intent = await asyncio.to_thread(self._intend, name)
        try:
            value = await call()
        except BaseException as problem:
            await asyncio.to_thread(self._call_failed, name, intent, problem)
            raise
        await asyncio.to_thread(self._record, intent, value, adapter)
        return value

    def forget(self, name: str) -> None:
        """Drop a memo whose subject is over for good, such as a remote task that failed, so that it can be made anew."""
        memo = self._memo(name)
        if memo is not None:
            self._services.desk.do(Forget(memo))
        if self._memos is not None:
            self._memos.pop(name, None)

    def remembered(self, name: str) -> Any:
        """The stored value of `name`, or None."""
        memo = self._memo(name)
        return json.loads(memo.value) if memo is not None and memo.value is not None else None

    def _memo(self, name: str) -> Memo | None:
        if not 1 <= len(name) <= LONGEST_NAME:
            raise ValueError(f"a memo's name has 1 to {LONGEST_NAME} characters, not {len(name)}")
        self.check()
        if self._memos is None:
            run = self._claimed.run
            first = run.attempts == 1 and run.scratch.get("claims") == 1  # then there cannot be any yet
            stored = [] if first else self._services.store.memos(run.id)
            self._memos = {memo.name: memo for memo in stored}
        return self._memos.get(name)

    def _intend(self, name: str) -> Memo:
        """Note that the call is about to be made."""
        memo = Memo(self._claimed.run.id, name, new_token(), None, self._services.clock.now())
        if self._services.desk.do(Intend(self._claimed, memo)):
            raise Cancel
        failpoints.hit("once.after_intent")
        return memo

    def _call(self, name: str, call: Callable[[], T], adapter: TypeAdapter[Any]) -> T:
        memo = self._intend(name)
        try:
            value = call()
        except BaseException as problem:
            self._call_failed(name, memo, problem)
            raise
        self._record(memo, value, adapter)
        return value

    def _call_failed(self, name: str, memo: Memo, problem: BaseException) -> None:
        """A provider's answer means that nothing was bought; silence means that nobody knows."""
        not_done = isinstance(problem, (Busy, ConnectionRefusedError))
        if isinstance(problem, Exception):
            error = classify(problem)
            not_done = not_done or error.not_done or (error.answered and isinstance(problem, type(error)))
        if not_done:
            self._services.desk.do(Forget(memo))
        elif self._memos is not None:
            self._memos[name] = memo

    def _keep(self, name: str, value: T, adapter: TypeAdapter[Any]) -> T:
        text = adapter.dump_json(value).decode()
        memo = Memo(self._claimed.run.id, name, new_token(), text, self._services.clock.now())
        if self._services.desk.do(Intend(self._claimed, memo)):
            raise Cancel
        if self._memos is not None:
            self._memos[name] = memo
        return value

    def _record(self, memo: Memo, value: Any, adapter: TypeAdapter[Any]) -> None:
        """Keep the value of a call that was made."""
        failpoints.hit("once.after_call")
        kept = Memo(memo.run_id, memo.name, memo.token, adapter.dump_json(value).decode(), self._services.clock.now())
        self._services.desk.do(Remember(kept))
        if self._memos is not None:
            self._memos[memo.name] = kept
        failpoints.hit("once.after_record")

    def _found(self, name: str, memo: Memo, adapter: TypeAdapter[Any]) -> Any:
        """The value of a call whose answer was lost, or None when it is certain that it had no effect."""
        if self._recover is not None:
            try:
                value = self._recover(name)
            except NotDone:
                self.forget(name)
                return None
            if value is not None:
                self._record(memo, value, adapter)
                return value
        raise OutcomeUnknown(
            f"{name!r} may have been done by an earlier attempt, whose answer was lost",
            advice="look it up at the provider; then keep the value that it gave, or allow the call again",
        )

    # ── wait ──

    def wait(self, look: Callable[[], T | None], *, every: Duration, at_most: Duration, saying: str | None = None) -> T:
        """Look; while it gives None, give the slot back and come again.

        Waiting costs no slot, no thread and no connection. A callback to `callback_url` ends it at once.

        Raises:
            TimedOut: `at_most` has passed since the first look of this attempt.
        """
        self.check()
        return self._waited(look(), every, at_most, saying)

    async def wait_async(
        self, look: Callable[[], Awaitable[T | None]], *, every: Duration, at_most: Duration, saying: str | None = None
    ) -> T:
        """`wait` for stages that are `async def`: `look` gives an awaitable."""
        self.check()
        return self._waited(await look(), every, at_most, saying)

    def _waited(self, value: T | None, every: Duration, at_most: Duration, saying: str | None) -> T:
        key = saying or "wait"
        if value is not None:
            self._waits.pop(key, None)
            return value
        since = self._waits.setdefault(key, self._services.clock.now())
        waited = (self._services.clock.now() - since) / 1000
        limit = seconds(at_most)
        if waited >= limit:
            self._waits.pop(key, None)
            raise TimedOut(f"{key}: not done after {limit:g} s")
        if not waited and limit > self._lease.remaining():
            self.log.warning("a wait is longer than the attempt may take: raise the stage's time_limit", at_most=limit)
        self._lease.waits = self._waits
        self._lease.told_wait = waited == 0
        if waited:
            self._tick(self._claimed.run.progress, f"{key}, {waited:.0f} s")
        raise Wait(min(seconds(every), limit - waited), saying)

    @property
    def signal(self) -> Any:
        """What the last callback to this stage run carried, or None."""
        return self._claimed.run.scratch.get("signal")

    def callback_url(self) -> str | None:
        """A signed URL that wakes this stage run, or None where this installation has no public address."""
        make = self._services.callback_url
        return make(self._claimed.run.id, self._claimed.run.job_id) if make else None

    # ── tell ──

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Say how far this stage is, from 0 to 1. Cheap: it may be called as often as one likes."""
        self.check()
        fraction = min(1.0, max(0.0, fraction))
        self._lease.progress = (fraction, message)
        self._tick(fraction, message)

    def _tick(self, fraction: float, message: str | None) -> None:
        now = self._services.clock.steady()
        if now - self._last_tick >= TICKS_APART:
            self._last_tick = now
            self._services.bus.publish(
                [Tick(self.job_id, self.stage, self.item, fraction, message, self._services.clock.now())]
            )

    def spend(
        self, *, provider: str, model: str = "", tokens_in: int = 0, tokens_out: int = 0, usd: float = 0.0
    ) -> None:
        """Note what this attempt paid for."""
        run = self._claimed.run
        spend = Spend(
            run.id,
            run.job_id,
            run.attempts,
            provider[:60],
            model[:100],
            tokens_in,
            tokens_out,
            usd,
            self._services.clock.now(),
        )
        self._services.desk.do(Spent(spend))

    # ── keep within limits ──

    @contextmanager
    def using(self, provider: str, limit: Limit | None = None) -> Iterator[None]:
        """Call a provider within its limits, which hold across all workers.

        Where there is no place now, the slot is given back until there may be one; no attempt is spent.
        A `RateLimited` inside closes the provider to everyone for as long as it says; a `QuotaExhausted`
        parks what needs the provider until it answers again.
        """
        self.check()
        gate, ticket = self._services.gate, new_token()
        limit = limit or self._services.limits.get(provider) or Limit()
        pause, reason = gate.enter(provider, limit, ticket, at_most=self._lease.remaining() + 5)
        if pause > 0:
            raise Busy(provider, pause, f"{provider}: {reason}")
        healthy = False
        try:
            yield
            healthy = True
        except RateLimited as problem:
            gate.close_for(provider, problem.retry_after or 1.0, "rate_limited")
            raise
        except QuotaExhausted as problem:
            gate.close_for(provider, QUOTA_PAUSE, "quota_exhausted")
            raise Busy(provider, QUOTA_PAUSE, f"{provider}: {problem.message or 'no credit left'}") from problem
        finally:
            gate.leave(provider, ticket, healthy=healthy)

    def check(self) -> None:
        """Raises `Cancel` once the job is cancelled, and `LeaseLost` once this attempt is no longer ours."""
        self._lease.check()
