"""What a stage is handed: to remember, to wait, to tell, to spend, and to keep files."""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from stagepass.declare.values import Duration, seconds
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.commit.operations import Accepted
from stagepass.engine.commit.submission import prepare
from stagepass.engine.execute import approvals
from stagepass.engine.execute.approvals import Verdict
from stagepass.engine.execute.child_jobs import ChildJobs
from stagepass.engine.execute.lease import Lease
from stagepass.engine.execute.memos import Memos
from stagepass.engine.execute.payments import Payments
from stagepass.engine.execute.services import Files, Services
from stagepass.engine.execute.using import using
from stagepass.engine.model.limits import Limit, Waiter
from stagepass.engine.model.outcomes import LONGEST_MESSAGE, Wait
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import Job, Spend
from stagepass.errors import TimedOut
from stagepass.text import clean

T = TypeVar("T")

TICKS_APART = 0.1
"""Seconds between two ticks of progress of one stage run; what comes faster is not told."""


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
        self._waits = dict(run.notes.waits)
        self._last_tick = 0.0
        self._payments = Payments(services.store, services.committer, services.bus, run)
        self._memos = Memos(services.store, services.committer, services.clock, claimed, self._payments)

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
        self.check()
        return self._memos.once(name, call, TypeAdapter(type or Any), free=free)

    async def once_async(
        self, name: str, call: Callable[[], Awaitable[T]], *, type: Any = None, free: bool = False
    ) -> T:
        """`once` for stages that are `async def`: `call` gives an awaitable. The event loop is never blocked."""
        self.check()
        return await self._memos.once_async(name, call, TypeAdapter(type or Any), free=free)

    def forget(self, name: str) -> None:
        """Drop a memo whose subject is over for good, such as a remote task that failed, so that it can be made anew."""
        self.check()
        self._memos.forget(name)

    def remembered(self, name: str) -> Any:
        """The stored value of `name`, or None."""
        self.check()
        memo = self._memos.get(name)
        return json.loads(memo.value) if memo is not None and memo.value is not None else None

    # ── ask another pipeline ──

    def start(self, pipeline: str, input: dict[str, Any], *, key: str) -> Job:
        """Accept a job of another pipeline for the same owner, and do not wait for it.

        Args:
            key: the owner's idempotency key: with the same input, the job that is there.

        Raises:
            Conflict: the key was used with another input.
        """
        self.check()
        committer, now = self._services.committer, self._services.clock.now()
        priority = self._claimed.job.priority
        submit = prepare(committer.registry, pipeline, input, owner=self.owner, now=now, key=key, priority=priority)
        accepted: Accepted = committer.do(submit)
        return accepted.job

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
        saying = saying and clean(saying, most=LONGEST_MESSAGE)
        key, now = f"sleep {saying or ''}", self._services.clock.now()
        since = self._waits.setdefault(key, now)
        left = seconds(duration) - (now - since) / 1000
        if left > 0:
            raise self._pause(left, saying, first=since == now)

    def _pause(self, wait: float, saying: str | None, *, first: bool, idle: bool = False) -> Wait:
        """A wait that keeps what this attempt knows of its waits. `first`: it is news. `idle`: see `Wait`."""
        self._lease.waits = self._waits
        self._lease.told_wait = first
        pause = Wait(wait, saying)
        pause.idle = idle
        return pause

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
            at_most: from the first look of this attempt on. It does not count towards the stage's own limits.

        Raises:
            ChildFailed: it failed or was cancelled. TimedOut: it took longer, and is cancelled.
        """
        child_jobs = ChildJobs(self, self._services.store, self._services.committer, self._claimed)
        return child_jobs.run(pipeline, input, name or pipeline, type, at_most, every, saying)

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
            at_most: the deadline. The wait does not count towards the stage's own limits.
            name: of this question, unique within the stage.

        Raises:
            Permanent: nobody answered in time.
        """
        make_url = self._services.approval_url
        run = self._claimed.run.id
        return approvals.ask(
            self, make_url, run, question, who=who, tell=tell, details=details, at_most=at_most, name=name
        )

    def time_left(self) -> float:
        """Seconds until this attempt is over. Give a call to others a share of it, and it follows the stage's limit."""
        return self._lease.remaining()

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._services.clock.now()

    def _waited(self, value: T | None, every: Duration, at_most: Duration, saying: str | None) -> T:
        saying = saying and clean(saying, most=LONGEST_MESSAGE)
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
        return self._claimed.run.notes.signal

    def callback_url(self) -> str | None:
        """A signed URL that wakes this stage run, or None where this installation has no public address."""
        make = self._services.callback_url
        return make(self._claimed.run.id, self._claimed.run.job_id) if make else None

    # ── tell ──

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Say how far this stage is, from 0 to 1. Cheap: it may be called as often as one likes."""
        self.check()
        fraction = min(1.0, max(0.0, fraction))
        message = message and clean(str(message), most=LONGEST_MESSAGE)
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
            queues: stand in the provider's line where there is no place; off where another provider would do.
        """
        self.check()
        services, run = self._services, self._claimed.run
        limit = limit or services.limits.get(provider) or Limit()
        with using(
            services.provider_limits,
            provider,
            limit,
            at_most=self._lease.remaining() + 5,
            waiter=Waiter(run.id, run.owner, run.priority) if queues else None,
            called=lambda runs: services.call(provider, limit, runs),
        ):
            yield

    def check(self) -> None:
        """Raises `Cancel` once the job is cancelled, and `LeaseLost` once this attempt is no longer ours."""
        self._lease.check()
