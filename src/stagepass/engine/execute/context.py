"""The context of a stage: progress, payments, files and limits; memos, waits and other jobs are its bases."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from stagepass.declare.parameter import JobFailure
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.execute.approvals import Approvals
from stagepass.engine.execute.calls import Calls
from stagepass.engine.execute.child_jobs import ChildJobs
from stagepass.engine.execute.context_jobs import JobCalls
from stagepass.engine.execute.context_memos import MemoCalls
from stagepass.engine.execute.context_waits import WaitCalls
from stagepass.engine.execute.lease import Lease
from stagepass.engine.execute.memos import Memos
from stagepass.engine.execute.messages import Messages
from stagepass.engine.execute.payments import Payments
from stagepass.engine.execute.services import Files, Services
from stagepass.engine.execute.side_by_side import SideBySide
from stagepass.engine.execute.signals import Signals
from stagepass.engine.execute.using import Using
from stagepass.engine.execute.waits import Waits
from stagepass.engine.model.limits import Limit, Waiter
from stagepass.engine.model.outcomes import LONGEST_MESSAGE
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import Spend
from stagepass.engine.model.states import JobState
from stagepass.sentences import cleaned
from stagepass.text import clean

TICKS_APART = 0.1
"""Seconds between two ticks of progress of one stage run; what comes faster is left out."""


class Context(MemoCalls, WaitCalls, JobCalls):
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

    # ── report ──

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Report this stage's progress, from 0 to 1. Cheap: call it as often as you like."""
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

    @property
    def failure(self) -> JobFailure | None:
        """In an undo or an `on_failure`: why the job has failed, or None for one that was cancelled."""
        job = self._claimed.job
        if not self._claimed.run.notes.cleanup or job.ending is not JobState.FAILED or not job.error:
            return None
        return JobFailure(**{name: value for name, value in job.error.items() if name in JobFailure.model_fields})

    def time_left(self) -> float:
        """Seconds until this attempt is over. Pass a fraction of this as the timeout of an external call."""
        return self._lease.remaining()

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._services.clock.now()

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
            retry_after_at_most=services.retry_after_at_most,
            observe=services.bus.observe,
        )

    def check(self) -> None:
        """Raises `Cancel` once the job is cancelled, and `LeaseLost` once this attempt is no longer ours."""
        self._calls.check()
