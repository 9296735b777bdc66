"""Calling a provider within its limits and past its circuit breaker; what `ctx.using` is."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from stagepass.engine.execute import stillness
from stagepass.engine.execute.classify import classify
from stagepass.engine.model.ids import new_token
from stagepass.engine.model.limits import PARKING, Limit, ProviderLimits, Waiter
from stagepass.engine.model.outcomes import Busy, Wait
from stagepass.errors import Blocked, InvalidOutput, QuotaExhausted, RateLimited, TaskFailed, Transient

QUOTA_PAUSE = 60.0
"""Seconds after which a provider without credit is tried again, by one call."""

PARKED_FOR = 600.0
"""Maximum seconds until a waiting run polls without a wake-up; usually the relay wakes it earlier."""


class Using:
    """One call, or several, in one slot at a provider. See `Context.using`.

    Args:
        at_most: seconds after which the slot is free again, should this process die.
        waiter: the stage run that calls.
        called: given the stage runs whose turn it is at the end.
        retry_after_at_most: seconds for which a rate limit closes the provider, however long it says.
        observe: given a histogram's name, seconds and labels: how long the slot was held, and how it ended.
    """

    def __init__(
        self,
        provider_limits: ProviderLimits,
        provider: str,
        limit: Limit,
        *,
        at_most: float,
        waiter: Waiter | None = None,
        called: Callable[[list[str]], None] = lambda _: None,
        retry_after_at_most: float = 3600.0,
        observe: Callable[..., None] = lambda *_: None,
    ) -> None:
        self._provider_limits = provider_limits
        self._provider = provider
        self._limit = limit
        self._at_most = at_most
        self._waiter = waiter
        self._called = called
        self._retry_after_at_most = retry_after_at_most
        self._observe = observe
        self._began = 0.0
        self._ticket = new_token()

    @contextmanager
    def held(self) -> Iterator[None]:
        """The slot, for as long as the block lasts."""
        with stillness.inside():
            self._enter()
        try:
            yield
        except BaseException as problem:
            self._ended(problem)
            raise
        self._measure("ok")
        self._leave(healthy=True)

    @asynccontextmanager
    async def held_async(self) -> AsyncIterator[None]:
        """`held`, without blocking the event loop."""
        await asyncio.to_thread(self._enter)
        try:
            yield
        except BaseException as problem:
            await asyncio.to_thread(self._ended, problem)
            raise
        self._measure("ok")
        await asyncio.to_thread(self._leave, healthy=True)

    def _enter(self) -> None:
        pause, reason = self._provider_limits.enter(
            self._provider, self._limit, self._ticket, at_most=self._at_most, waiter=self._waiter
        )
        if pause > 0:
            raise _parked(self._provider, pause, reason)
        self._began = time.monotonic()

    def _leave(self, *, healthy: bool) -> None:
        if runs := self._provider_limits.leave(self._provider, self._ticket, healthy=healthy, limit=self._limit):
            self._called(runs)

    def _ended(self, problem: BaseException) -> None:
        """The block raised: note what that says of the provider. Raises `Busy` where the run is to come back."""
        healthy = isinstance(problem, (Wait, TaskFailed, InvalidOutput, Blocked))  # an answer, of whatever kind
        failure = classify(problem).code if isinstance(problem, Exception) else "ok"
        self._measure("ok" if isinstance(problem, Wait) else failure)
        try:
            self._note(problem, healthy)
        finally:
            self._leave(healthy=healthy)

    def _measure(self, outcome: str) -> None:
        seconds = time.monotonic() - self._began
        self._observe("stagepass_provider_call_seconds", seconds, self._provider, outcome)

    def _note(self, problem: BaseException, healthy: bool) -> None:
        limits, provider = self._provider_limits, self._provider
        if isinstance(problem, RateLimited):
            if problem.retry_after is not None:  # of this run's own retry, too
                problem.retry_after = min(problem.retry_after, self._retry_after_at_most)
            limits.close_for(provider, problem.retry_after or 1.0, "rate_limited")
        elif isinstance(problem, QuotaExhausted):
            limits.close_for(provider, QUOTA_PAUSE, "quota_exhausted")
            raise _parked(provider, QUOTA_PAUSE, "quota_exhausted") from problem
        elif isinstance(problem, Exception) and not healthy:
            error = classify(problem)
            # a call that tried a closed provider spends no attempt
            if isinstance(error, Transient) and (tried := limits.failed(provider, self._ticket)):
                raise _parked(provider, tried, "down", certain=error.not_done) from problem


def _parked(provider: str, pause: float, reason: str, *, certain: bool = True) -> Busy:
    """Thousands of runs may meet a closed provider: they do not all come back when its pause is over."""
    closed = reason in PARKING
    if closed:
        pause += PARKED_FOR * random.uniform(0.5, 1.0)
    return Busy(provider, pause, f"{provider}: {reason}", certain=certain, closed=closed)
