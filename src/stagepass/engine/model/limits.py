"""Port to the limits of providers, shared by all workers: limits, waiting lines, and breakers."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limit:
    """Limits of one provider, across all workers.

    Attributes:
        concurrency: calls at the same time; None for no limit.
        rate: calls per `per` seconds; None for no limit.
    """

    concurrency: int | None = None
    rate: int | None = None
    per: float = 1.0


@dataclass(frozen=True, slots=True)
class Waiter:
    """A stage run that may have to wait for its turn at a provider. Owners take turns within a priority (across owners)."""

    run_id: str
    owner: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Breaker:
    """A provider that is not to be called for now.

    Attributes:
        reason: ``quota_exhausted``, ``rate_limited``, ``down`` (several calls in a row got no answer), or ``operator``.
        since: when it opened, in milliseconds since the epoch.
        until: when the next call may try it; in the past where one may now.
        tried: a call tries it at this moment.
    """

    provider: str
    reason: str
    since: int
    until: int
    tried: bool = False


BY_OPERATOR = "operator"
"""Reason of a provider that an operator has closed: until one opens it."""

TROUBLE = ("quota_exhausted", "down")
"""Reasons that call for a person."""

PARKING = (*TROUBLE, BY_OPERATOR)
"""Reasons that may last for hours: what meets such a breaker sleeps until the relay wakes it."""


class ProviderLimits(Protocol):
    """Limits and circuit breakers of providers, shared by all workers."""

    def enter(
        self, provider: str, limit: Limit, ticket: str, *, at_most: float, waiter: Waiter | None = None
    ) -> tuple[float, str]:
        """Take a place.

        Args:
            ticket: names the call.
            at_most: seconds after which a place that was not given back is free again.
            waiter: who gets a place in the provider's line if there is none now.

        Returns:
            0 when the place was given, else the seconds after which to ask again unless called before, and the
            reason: ``"concurrency"``, ``"rate"``, or why the provider is closed.
        """
        ...

    def leave(self, provider: str, ticket: str, *, healthy: bool, limit: Limit | None = None) -> list[str]:
        """Give the place back. A healthy call opens a provider that was on trial.

        Returns:
            The stage runs whose turn it is now; their places are kept for two seconds.
        """
        ...

    def call(self, provider: str, limit: Limit, gone: list[str]) -> list[str]:
        """The next runs of the line, because these were woken and no longer wait."""
        ...

    def close_for(self, provider: str, seconds: float, reason: str) -> None:
        """No calls to this provider for a while: it said so, or its credit is used up. Then one call probes it."""
        ...

    def failed(self, provider: str, ticket: str) -> float:
        """A call got no answer. Several in a row, by whichever workers, open the provider's breaker.

        Returns:
            Seconds of the new pause, if this was the call that tried a closed provider; else 0.
        """
        ...

    def position(self, provider: str, run_id: str) -> int | None:
        """Number of stage runs before this one in the provider's waiting list; None if it is not in it."""
        ...

    def breakers(self) -> list[Breaker]:
        """The providers that are closed now, or on trial. Raises `Unavailable` when that is not known."""
        ...

    # What operators set holds for every process at once. SQL keeps it, and the relay copies it here again.

    def close_by_hand(self, provider: str) -> None:
        """No calls to this provider until it is opened. Raises `Unavailable`."""
        ...

    def open(self, provider: str) -> list[str]:
        """Opens the provider, whatever closed it. Returns runs from its waiting list to wake. Raises `Unavailable`."""
        ...

    def override(self, provider: str, limit: Limit | None) -> list[str]:
        """Use this limit in place of every caller's; None: use theirs again.

        Returns:
            Runs of the provider's line, which may find a place now. Raises `Unavailable`.
        """
        ...

    def overrides(self) -> dict[str, Limit]:
        """The limits in use by `override`. Raises `Unavailable`."""
        ...
