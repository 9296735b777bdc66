"""What a stage is handed: to remember, to wait, to tell, to spend, and to keep files."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from pydantic import BaseModel, TypeAdapter

from stagepass.engine import approvals, failpoints
from stagepass.engine.approvals import MakeUrl, Verdict
from stagepass.engine.children import Nest
from stagepass.engine.classify import classify
from stagepass.engine.clock import Clock, SystemClock
from stagepass.engine.desk import Desk
from stagepass.engine.ids import new_token
from stagepass.engine.lease import Lease
from stagepass.engine.operations import Accepted, Claimed, Forget, Intend, Remember
from stagepass.engine.outcomes import Busy, Cancel, NotDone, Wait
from stagepass.engine.ports import Bus, FileStore, Gate, Limit, Store, Tick
from stagepass.engine.purse import Purse
from stagepass.engine.records import Job, Memo, Spend
from stagepass.engine.states import ENDED, JobState
from stagepass.engine.submission import Checks, Given
from stagepass.engine.using import using
from stagepass.engine.values import Duration, File, seconds
from stagepass.errors import OutcomeUnknown, TimedOut

T = TypeVar("T")

LONGEST_NAME = 80
"""Characters of a memo's name."""

ASK_EVERY = 0.1
"""Seconds between two looks at another pipeline's answer."""

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
        approval_url: MakeUrl | None = None,
        file_url: Callable[[File], str] | None = None,
        limits: dict[str, Limit] | None = None,
    ) -> None:
        self.store = store
        self.desk = desk
        self.bus = bus
        self.files = files
        self.gate = gate
        self.clock = clock or SystemClock()
        self.callback_url = callback_url
        self.approval_url = approval_url
        self.file_url = file_url
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

    def url(self, file: File) -> str | None:
        """A signed address that a provider elsewhere can fetch the file from, or None where there is none."""
        make = self._services.file_url
        return make(file) if make else None


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
        self._purse = Purse(services.store, services.desk, services.bus, run)

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
            with self._purse.buying(intent) as spends:
                value = await call()
        except BaseException as problem:
            await asyncio.to_thread(self._call_failed, name, intent, problem)
            raise
        await asyncio.to_thread(self._record, intent, value, adapter, spends)
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
        failpoints.hit("once.before_intent")
        memo = Memo(self._claimed.run.id, name, new_token(), None, self._services.clock.now())
        if self._services.desk.do(Intend(self._claimed, memo)):
            raise Cancel
        failpoints.hit("once.after_intent")
        return memo

    def _call(self, name: str, call: Callable[[], T], adapter: TypeAdapter[Any]) -> T:
        memo = self._intend(name)
        try:
            with self._purse.buying(memo) as spends:
                value = call()
        except BaseException as problem:
            self._call_failed(name, memo, problem)
            raise
        self._record(memo, value, adapter, spends)
        return value

    def _call_failed(self, name: str, memo: Memo, problem: BaseException) -> None:
        """A provider's answer means that nothing was bought; silence means that nobody knows."""
        not_done = isinstance(problem, ConnectionRefusedError) or (isinstance(problem, Busy) and problem.certain)
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

    def _record(self, memo: Memo, value: Any, adapter: TypeAdapter[Any], spends: Sequence[Spend]) -> None:
        """Keep the value of a call that was made, with what it cost."""
        failpoints.hit("once.after_call")
        kept = Memo(memo.run_id, memo.name, memo.token, adapter.dump_json(value).decode(), self._services.clock.now())
        self._services.desk.do(Remember(kept, spends))
        self._purse.noted(spends)
        if self._memos is not None:
            self._memos[memo.name] = kept
        failpoints.hit("once.after_record")

    def _found(self, name: str, memo: Memo, adapter: TypeAdapter[Any]) -> Any:
        """The value of a call whose answer was lost, or None when it is certain that it had no effect."""
        if self._recover is not None:
            try:
                with self._purse.buying(memo) as spends:
                    value = self._recover(name)
            except NotDone:
                self.forget(name)
                return None
            if value is not None:
                self._record(memo, value, adapter, spends)
                return value
        raise OutcomeUnknown(
            f"{name!r} may have been done by an earlier attempt, whose answer was lost",
            advice="look it up at the provider; then keep the value that it gave, or allow the call again",
        )

    # ── ask another pipeline ──

    def start(self, pipeline: str, input: dict[str, Any], *, key: str) -> Job:
        """Accept a job of another pipeline for the same owner, and do not wait for it.

        Args:
            key: the owner's idempotency key: with the same input, the job that is there.

        Raises:
            Conflict: the key was used with another input.
        """
        self.check()
        desk, now = self._services.desk, self._services.clock.now()
        given = Given(pipeline, input, self.owner, key, self._claimed.job.priority)
        accepted: Accepted = desk.do(Checks(desk.registry).submit(given, now))
        return accepted.job

    def ask(self, pipeline: str, input: dict[str, Any], *, at_most: Duration, saying: str | None = None) -> Any:
        """The result of another pipeline's job, waited for without a slot; None if that job failed.

        Asked again by a later attempt, it is the same job.

        Raises:
            TimedOut: there is no result after `at_most`.
        """
        job_id = self.start(pipeline, input, key=f"{self._claimed.run.id}>{pipeline}").id
        return self.wait(lambda: self._answer(job_id), every=ASK_EVERY, at_most=at_most, saying=saying)[0]

    def _answer(self, job_id: str) -> tuple[Any] | None:
        job = self._services.store.job(job_id)
        if job is None or job.state in ENDED:
            return (self._result(job) if job is not None and job.state is JobState.COMPLETED else None,)
        return None

    def _result(self, job: Job) -> Any:
        pipeline = self._services.desk.registry.find(job.pipeline, job.version)
        leaves = [stage.name for stage in pipeline.leaves] if pipeline else []
        stored = self._services.store.outputs([(job.id, name) for name in leaves]).get(job.id, {})
        values = {name: json.loads(stored[name][None][0] or "null") for name in leaves if name in stored}
        return next(iter(values.values())) if len(values) == 1 else values

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

    def sleep(self, duration: Duration, saying: str | None = None) -> None:
        """Give the slot back for so long, then go on from the top and past this line.

        Args:
            saying: what people see meanwhile; two sleeps of one stage need different texts.
        """
        self.check()
        key, now = f"sleep {saying or ''}", self._services.clock.now()
        since = self._waits.setdefault(key, now)
        left = seconds(duration) - (now - since) / 1000
        if left > 0:
            raise self._pause(left, saying, first=since == now)

    def _pause(self, wait: float, saying: str | None, *, first: bool) -> Wait:
        """A wait that keeps what this attempt knows of its waits. `first`: it is news."""
        self._lease.waits = self._waits
        self._lease.told_wait = first
        return Wait(wait, saying)

    # ── other jobs ──

    def run(
        self,
        pipeline: str,
        input: BaseModel | dict[str, Any],
        *,
        type: Any = None,
        name: str | None = None,
        at_most: Duration = "1h",
        every: Duration = "30s",
        saying: str | None = None,
    ) -> Any:
        """Start a job of another pipeline once, wait for its end without a slot, and give its result.

        The job has this one's owner and priority. It is cancelled with this stage run. Its end wakes this one at
        once; `every` is only the net. An attempt that begins after the job had failed sends it on from there.

        Args:
            type: what the result is read as; by default plain JSON values.
            name: of this call, unique within the stage; by default the pipeline's.
            at_most: from the first look of this attempt on; the stage's `time_limit` must be longer.

        Raises:
            ChildFailed: it failed or was cancelled. TimedOut: it took longer, and is cancelled.
        """
        nest = Nest(self, self._services.store, self._services.desk, self._claimed)
        return nest.run(pipeline, input, name or pipeline, type, at_most, every, saying)

    def approval(
        self,
        question: str,
        *,
        who: str,
        tell: Callable[[str], object],
        details: str = "",
        at_most: Duration = "7d",
        name: str = "approval",
    ) -> Verdict:
        """Ask a person, and wait for the answer without a slot.

        Args:
            who: whom the link is for; the answer is recorded as theirs.
            tell: called with the link; after a crash perhaps once more. The link is good for one answer.
            details: what they need to see to decide.
            at_most: the deadline; the stage's `time_limit` and `run_limit` must be longer.
            name: of this question, unique within the stage.

        Raises:
            Permanent: nobody answered in time.
        """
        make_url = self._services.approval_url
        run = self._claimed.run.id
        return approvals.ask(
            self, make_url, run, question, who=who, tell=tell, details=details, at_most=at_most, name=name
        )

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._services.clock.now()

    def _note(self, memo: Memo) -> None:
        """A memo that was kept just now."""
        if self._memos is not None:
            self._memos[memo.name] = memo

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
        self,
        *,
        provider: str,
        model: str = "",
        tokens_in: int = 0,
        tokens_out: int = 0,
        usd: float = 0.0,
        key: str | None = None,
    ) -> None:
        """Note what this attempt paid for. Best inside `once`: then it is kept together with what it bought.

        Args:
            key: names the payment within this stage run, such as the vendor's own id of it; noted again, it is
                not noted twice. By default it is told by the order of the payments of this attempt, so that the
                way through the stage after a wait does not note it again; give a key to what each look costs.
        """
        run, now = self._claimed.run, self._services.clock.now()
        model, provider = model[:100], provider[:60]
        self._purse.pay(
            Spend(run.id, run.job_id, run.attempts, provider, model, tokens_in, tokens_out, usd, now, run.queue), key
        )

    # ── keep within limits ──

    @contextmanager
    def using(self, provider: str, limit: Limit | None = None) -> Iterator[None]:
        """Call a provider within its limits, which hold across all workers.

        Where there is no place now, the slot is given back until there may be one; no attempt is spent.
        A `RateLimited` inside closes the provider to everyone for as long as it says; a `QuotaExhausted`
        parks what needs the provider until it answers again, and so do several calls in a row without an answer.
        """
        self.check()
        limit = limit or self._services.limits.get(provider) or Limit()
        with using(self._services.gate, provider, limit, at_most=self._lease.remaining() + 5):
            yield

    def check(self) -> None:
        """Raises `Cancel` once the job is cancelled, and `LeaseLost` once this attempt is no longer ours."""
        self._lease.check()
