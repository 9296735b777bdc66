"""The context of a stage: memos, waits, progress, payments and files."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from stagepass.declare.values import Duration
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.execute import stillness
from stagepass.engine.execute.approvals import Approvals, Verdict
from stagepass.engine.execute.calls import Calls
from stagepass.engine.execute.child_jobs import ChildJobs
from stagepass.engine.execute.lease import Lease
from stagepass.engine.execute.memos import Memos
from stagepass.engine.execute.messages import Messages
from stagepass.engine.execute.payments import Payments
from stagepass.engine.execute.services import Files, Services
from stagepass.engine.execute.side_by_side import Begun, SideBySide
from stagepass.engine.execute.signals import Signals
from stagepass.engine.execute.steps import Steps, drive, drive_async
from stagepass.engine.execute.using import Using
from stagepass.engine.execute.waits import Waits
from stagepass.engine.model.limits import Limit, Waiter
from stagepass.engine.model.outcomes import LONGEST_MESSAGE
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import Job, Spend
from stagepass.sentences import cleaned
from stagepass.text import clean

T = TypeVar("T")

TICKS_APART = 0.1
"""Seconds between two ticks of progress of one stage run; what comes faster is left out."""


class Context:
    """Handed to a stage as ``ctx``. Every call notices a cancel, and a lease that was lost.

    Within a stage run a call that returned or raised gives the same again at every later pass, attempt and crash,
    until that very call is tried again: by a retry because its error left the stage, or by a person. Calls are
    identified by kind, name and a number of their own: the second ``run("square")`` is ``square#2``.
    """

    def __init__(
        self, services: Services, claimed: Claimed, lease: Lease, log: Any, limit: float = float("inf")
    ) -> None:
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
        self._last_tick = float("-inf")
        store, committer, clock = services.store, services.committer, services.clock
        self._calls = Calls(store, committer, clock, claimed, lease)
        self._payments = Payments(store, committer, services.bus, run)
        self._memos = Memos(self._calls, committer, self._payments)
        self._signals = Signals(self._calls, store)
        self._waits = Waits(self._calls, self._signals, clock, lease, limit, self._tick_wait)
        self._messages = Messages(self._calls, self._waits, store, committer)
        self._child_jobs = ChildJobs(self._calls, self._waits, clock, store, committer)
        self._side_by_side = SideBySide(self._calls, self._waits, self._child_jobs, store, committer)
        self._approvals = Approvals(self._calls, self._waits, clock, run.id, services.approval_url)

    @staticmethod
    def _now(steps: Steps[Any]) -> Any:
        with stillness.inside():
            return drive(steps)

    @staticmethod
    async def _soon(steps: Steps[Any]) -> Any:
        with stillness.inside():
            return await drive_async(steps)

    # ── remember ──

    def once(self, name: str, call: Callable[[], T], *, type: Any = None, free: bool = False) -> T:
        """Run `call` once for the life of the job, and keep its value.

        If the process dies between the call and the record, the next attempt asks the stage's `on_recover`
        hook; without an answer the stage run is held for a person. It is never silently called a second time.

        Args:
            name: of the memo, unique within the stage.
            type: what the value must fit (anything that Pydantic can read); by default it must be JSON.
            free: a second call costs nothing and does no harm, so it is repeated after a crash.
        """
        found: T = self._now(self._memos.once(name, call, TypeAdapter(type or Any), free=free))
        return found

    async def once_async(
        self, name: str, call: Callable[[], Awaitable[T]], *, type: Any = None, free: bool = False
    ) -> T:
        """`once` for `async def` stages: `call` returns an awaitable. The event loop is never blocked."""
        found: T = await self._soon(self._memos.once(name, call, TypeAdapter(type or Any), free=free))
        return found

    def forget(self, name: str) -> None:
        """Drop a memo whose subject has ended, such as a remote task that failed, so that it can be made again.

        Of several calls of that name, the last one of this pass is meant.
        """
        self._now(self._memos.forget(name))

    def keep(self, name: str, value: Any) -> None:
        """Keep a value that changes, such as the row that an import has come to; `remembered` reads it.

        The value of before is replaced in one commit: whenever the process dies, one of the two is there.
        """
        self._calls.check(clean_up=True)
        self._now(self._memos.replace(name, value))

    async def keep_async(self, name: str, value: Any) -> None:
        """`keep` for stages that are `async def`."""
        self._calls.check(clean_up=True)
        await self._soon(self._memos.replace(name, value))

    def remembered(self, name: str) -> Any:
        """The stored value of `name`, or None."""
        self._calls.check(clean_up=True)
        memo = self._calls.memo(name)
        return json.loads(memo.value) if memo is not None and memo.value is not None else None

    # ── wait ──

    def wait(
        self,
        look: Callable[[], T | None],
        *,
        every: Duration,
        at_most: Duration,
        saying: str | None = None,
        name: str | None = None,
        type: Any = None,
    ) -> T:
        """Poll; while `look` returns None, give the slot back and poll again later.

        Waiting costs no slot, no thread and no connection. A callback to `callback_url` ends it at once. When it is
        over, its value is kept, and is not looked for again.

        Args:
            at_most: from the first look on. An attempt that failed meanwhile does not prolong it.
            saying: what people see meanwhile.
            name: of this call; by default `saying`.
            type: what the value is read as at a later pass; by default its own class (a Pydantic model, a
                dataclass, a list of them), else plain JSON.

        Raises:
            TimedOut: `at_most` has passed. Permanent: `at_most` is longer than an attempt may take.
        """
        found: T = self._now(self._waits.wait(look, every=every, at_most=at_most, saying=saying, name=name, type=type))
        return found

    async def wait_async(
        self,
        look: Callable[[], Awaitable[T | None]],
        *,
        every: Duration,
        at_most: Duration,
        saying: str | None = None,
        name: str | None = None,
        type: Any = None,
    ) -> T:
        """`wait` for `async def` stages: `look` returns an awaitable."""
        steps = self._waits.wait(look, every=every, at_most=at_most, saying=saying, name=name, type=type)
        found: T = await self._soon(steps)
        return found

    def sleep(self, duration: Duration, saying: str | None = None, *, name: str | None = None) -> None:
        """Give the slot back for that time, then start from the first line and continue after this one.

        Args:
            saying: what people see meanwhile.
            name: of this call; by default `saying`.

        Raises:
            Permanent: the stage's limits end before. CallChanged: the same call had another duration before;
            put a computed one in `once`.
        """
        self._now(self._waits.sleep(duration, saying, name))

    async def sleep_async(self, duration: Duration, saying: str | None = None, *, name: str | None = None) -> None:
        """`sleep` for stages that are `async def`."""
        await self._soon(self._waits.sleep(duration, saying, name))

    # ── other jobs ──

    def start(self, pipeline: str, input: BaseModel | dict[str, Any], *, key: str) -> Job:
        """Accept a job of another pipeline for the same owner, and do not wait for it.

        Args:
            key: the owner's idempotency key: with the same input, the job that is there.

        Raises:
            Conflict: the key was used with another input.
        """
        found: Job = self._now(self._child_jobs.start(pipeline, input, key))
        return found

    async def start_async(self, pipeline: str, input: BaseModel | dict[str, Any], *, key: str) -> Job:
        """`start` for stages that are `async def`."""
        found: Job = await self._soon(self._child_jobs.start(pipeline, input, key))
        return found

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
        once; `every` is only the fallback. When this call is retried after its job failed, that job continues
        from where it failed.

        Args:
            type: what the result is read as; by default plain JSON values.
            name: of this call; by default the pipeline's.
            at_most: from the first look on. It does not count towards the stage's own limits.

        Raises:
            ChildFailed: it failed or was cancelled. TimedOut: it took longer, and is cancelled.
        """
        name = name or pipeline
        return self._now(
            self._child_jobs.run(pipeline, input, name=name, type=type, at_most=at_most, every=every, saying=saying)
        )

    async def run_async(
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
        """`run` for stages that are `async def`."""
        name = name or pipeline
        return await self._soon(
            self._child_jobs.run(pipeline, input, name=name, type=type, at_most=at_most, every=every, saying=saying)
        )

    def begin(
        self, pipeline: str, input: BaseModel | dict[str, Any], *, type: Any = None, name: str | None = None
    ) -> Begun:
        """Start a job of another pipeline once, without waiting for it: `gather` or `first` does.

        It is a job like one of `run`: with this one's owner and priority, cancelled with this stage run.

        Args:
            type: what its result is read as.
            name: of this call; by default the pipeline's.
        """
        begun: Begun = self._now(self._side_by_side.begin(pipeline, input, name=name or pipeline, type=type))
        return begun

    async def begin_async(
        self, pipeline: str, input: BaseModel | dict[str, Any], *, type: Any = None, name: str | None = None
    ) -> Begun:
        """`begin` for stages that are `async def`."""
        begun: Begun = await self._soon(self._side_by_side.begin(pipeline, input, name=name or pipeline, type=type))
        return begun

    def gather(
        self,
        begun: Sequence[Begun],
        *,
        settled: bool = False,
        at_most: Duration = "1h",
        every: Duration = "30s",
        saying: str | None = None,
    ) -> list[Any]:
        """Wait without a slot until all of these jobs have ended, and give their results in the same order.

        Args:
            settled: give a `Settled` for each, with its output or its error, instead of raising.
            at_most: from the first look on. It does not count towards the stage's own limits.

        Raises:
            ChildFailed: one of them failed. TimedOut: they took longer; those that still ran are cancelled.
        """
        steps = self._side_by_side.gather(begun, settled=settled, at_most=at_most, every=every, saying=saying)
        found: list[Any] = self._now(steps)
        return found

    async def gather_async(
        self,
        begun: Sequence[Begun],
        *,
        settled: bool = False,
        at_most: Duration = "1h",
        every: Duration = "30s",
        saying: str | None = None,
    ) -> list[Any]:
        """`gather` for stages that are `async def`."""
        steps = self._side_by_side.gather(begun, settled=settled, at_most=at_most, every=every, saying=saying)
        found: list[Any] = await self._soon(steps)
        return found

    def first(
        self, begun: Sequence[Begun], *, at_most: Duration = "1h", every: Duration = "30s", saying: str | None = None
    ) -> Any:
        """Wait without a slot for the first of these jobs that completes, cancel the others, and give its result.

        Raises:
            ChildFailed: all of them failed. TimedOut: none completed in time; all are cancelled.
        """
        return self._now(self._side_by_side.first(begun, at_most=at_most, every=every, saying=saying))

    async def first_async(
        self, begun: Sequence[Begun], *, at_most: Duration = "1h", every: Duration = "30s", saying: str | None = None
    ) -> Any:
        """`first` for stages that are `async def`."""
        return await self._soon(self._side_by_side.first(begun, at_most=at_most, every=every, saying=saying))

    def approval(
        self,
        question: str,
        *,
        who: str,
        tell: Callable[[str], object],
        details: str = "",
        at_most: Duration = "7d",
        name: str = "approval",
        type: Any = None,
    ) -> Verdict:
        """Ask a person, and wait for the answer without a slot.

        Args:
            who: whom the link is for; the answer is recorded as theirs.
            tell: called with the link; after a crash perhaps once more. The link is good for one answer.
            details: what they need to see to decide.
            at_most: the deadline. The wait does not count towards the stage's own limits.
            name: of this question.
            type: a Pydantic model that the person fills in; the verdict's `answer` is one, where it is approved.

        Raises:
            Permanent: the deadline passed without an answer.
        """
        found: Verdict = self._now(
            self._approvals.ask(question, who=who, tell=tell, details=details, at_most=at_most, name=name, type=type)
        )
        return found

    async def approval_async(
        self,
        question: str,
        *,
        who: str,
        tell: Callable[[str], object],
        details: str = "",
        at_most: Duration = "7d",
        name: str = "approval",
        type: Any = None,
    ) -> Verdict:
        """`approval` for stages that are `async def`; `tell` may be a coroutine function."""
        found: Verdict = await self._soon(
            self._approvals.ask(question, who=who, tell=tell, details=details, at_most=at_most, name=name, type=type)
        )
        return found

    def time_left(self) -> float:
        """Seconds until this attempt is over. Give a call to others a share of it, and it follows the stage's limit."""
        return self._lease.remaining()

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._services.clock.now()

    # ── messages ──

    def receive(self, name: str, *, type: Any = None, at_most: Duration, saying: str | None = None) -> Any:
        """Wait without a slot for the next message of that name, and take it.

        Messages are sent by `POST /api/v1/jobs/{id}/messages/{name}`, by `callback_url(name)`, or by `Engine.send`.
        They are kept in order from the moment that the job is accepted, and each is taken once.

        Args:
            type: what the message is read as; by default plain JSON values.
            at_most: then it gives None. The wait does not count towards the stage's own limits.

        Raises:
            InvalidOutput: the message does not fit its type; it is taken all the same.
        """
        return self._now(self._messages.receive(name, type, at_most, saying))

    async def receive_async(self, name: str, *, type: Any = None, at_most: Duration, saying: str | None = None) -> Any:
        """`receive` for stages that are `async def`."""
        return await self._soon(self._messages.receive(name, type, at_most, saying))

    @property
    def signal(self) -> Any:
        """Payload of a callback to this stage run, or None.

        In the look of a wait: the first that no wait has taken yet, then the next; the wait that ends takes what
        its look has seen. Elsewhere it shows a callback from the place on that the stage had come to when it
        arrived, so that what was decided before stays decided.
        """
        return self._signals.current()

    def callback_url(self, name: str | None = None) -> str | None:
        """A signed URL that wakes this stage run, or None where this installation has no public address.

        Args:
            name: what is posted there is a message of that name, for `receive`; else it is for `signal`.
        """
        make = self._services.callback_url
        if make is None:
            return None
        run = self._claimed.run
        return make(run.id, run.job_id) if name is None else f"{make(run.id, run.job_id)}/{name}"

    # ── tell ──

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Say how far this stage is, from 0 to 1. Cheap: it may be called often."""
        self._calls.check(clean_up=True)
        fraction = min(1.0, max(0.0, fraction))
        message = message and cleaned(message, most=LONGEST_MESSAGE)
        self._lease.progress = (fraction, message)
        self._tick(fraction, message)

    def _tick_wait(self, name: str, waited: float) -> None:
        self._tick(self._claimed.run.progress, f"{name}, {waited:.0f} s")

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
                not recorded twice. By default it is identified by its position in this attempt, so that the
                way through the stage after a wait does not note it again; give a key to what each look costs.
        """
        run, now = self._claimed.run, self._services.clock.now()
        model, provider = clean(model, most=100), clean(provider, most=60)
        self._payments.pay(
            Spend(run.id, run.job_id, run.attempts, provider, model, tokens_in, tokens_out, usd, now, run.queue), key
        )

    # ── keep within limits ──

    @contextmanager
    def using(self, provider: str, limit: Limit | None = None, *, queues: bool = True) -> Iterator[None]:
        """Call a provider within its limits, which hold across all workers.

        Where there is no place now, the slot is given back until there may be one; no attempt is spent.
        A `RateLimited` inside closes the provider to everyone for as long as it says; a `QuotaExhausted`
        parks what needs the provider until it answers again, and so do several calls in a row without an answer.

        Args:
            queues: wait in the provider's line if there is no free place; off if another provider would do.
        """
        self.check()
        with self._using(provider, limit, queues).held():
            yield

    @asynccontextmanager
    async def using_async(
        self, provider: str, limit: Limit | None = None, *, queues: bool = True
    ) -> AsyncIterator[None]:
        """`using` for `async def` stages: Redis is called on a thread."""
        self.check()
        async with self._using(provider, limit, queues).held_async():
            yield

    def _using(self, provider: str, limit: Limit | None, queues: bool) -> Using:
        services, run = self._services, self._claimed.run
        limit = limit or services.limits.get(provider) or Limit()
        return Using(
            services.provider_limits,
            provider,
            limit,
            at_most=self._lease.remaining() + 5,
            waiter=Waiter(run.id, run.owner, run.priority) if queues else None,
            called=lambda runs: services.call(provider, limit, runs),
        )

    def check(self) -> None:
        """Raises `Cancel` once the job is cancelled, and `LeaseLost` once this attempt is no longer ours."""
        self._calls.check()
