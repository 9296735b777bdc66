"""Calling a provider within its limits and past its circuit breaker; what `ctx.using` is."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stagepass.engine.execute.classify import classify
from stagepass.engine.model.ids import new_token
from stagepass.engine.model.limits import PARKING, Limit, ProviderLimits, Waiter
from stagepass.engine.model.outcomes import Busy, Wait
from stagepass.errors import Blocked, InvalidOutput, QuotaExhausted, RateLimited, TaskFailed, Transient

QUOTA_PAUSE = 60.0
"""Seconds after which a provider without credit is tried again, by one call."""

PARKED_FOR = 600.0
"""Seconds after which, at the latest, a parked run looks by itself; before that the relay wakes it."""


@contextmanager
def using(
    provider_limits: ProviderLimits,
    provider: str,
    limit: Limit,
    *,
    at_most: float,
    waiter: Waiter | None = None,
    called: Callable[[list[str]], None] = lambda _: None,
) -> Iterator[None]:
    """One call, or several, in one place at a provider. See `Context.using`.

    Args:
        at_most: seconds after which the place is free again, should this process die.
        waiter: the stage run that calls.
        called: told the stage runs whose turn it is at the end.
    """
    ticket = new_token()
    pause, reason = provider_limits.enter(provider, limit, ticket, at_most=at_most, waiter=waiter)
    if pause > 0:
        raise _parked(provider, pause, reason)
    healthy = False
    try:
        yield
        healthy = True
    except Wait:  # it was asked, and said: not yet
        healthy = True
        raise
    except RateLimited as problem:
        provider_limits.close_for(provider, problem.retry_after or 1.0, "rate_limited")
        raise
    except QuotaExhausted as problem:
        provider_limits.close_for(provider, QUOTA_PAUSE, "quota_exhausted")
        raise _parked(provider, QUOTA_PAUSE, "quota_exhausted") from problem
    except (TaskFailed, InvalidOutput, Blocked):
        healthy = True  # an answer, though not the one that was hoped for
        raise
    except (Transient, OSError) as problem:
        if tried := provider_limits.failed(
            provider, ticket
        ):  # it tried a closed provider, and pays no attempt for that
            certain = isinstance(problem, ConnectionRefusedError) or classify(problem).not_done
            raise _parked(provider, tried, "down", certain=certain) from problem
        raise
    finally:
        if runs := provider_limits.leave(provider, ticket, healthy=healthy, limit=limit):
            called(runs)


def _parked(provider: str, pause: float, reason: str, *, certain: bool = True) -> Busy:
    """Thousands of runs may meet a closed provider: they do not all come back when its pause is over."""
    closed = reason in PARKING
    if closed:
        pause += PARKED_FOR * random.uniform(0.5, 1.0)
    return Busy(provider, pause, f"{provider}: {reason}", certain=certain, closed=closed)
