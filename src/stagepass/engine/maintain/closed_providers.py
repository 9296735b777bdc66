"""Stage runs that wait for a closed provider: which one probes it, and when all of them continue.

Part of the relay. Without it, a parked run still looks by itself some minutes later.
"""

from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operations import OnRuns
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.limits import PARKING, ProviderLimits
from stagepass.engine.model.store import Store
from stagepass.engine.rules import attempt
from stagepass.errors import Unavailable

PAGE = 500

LATE = 10.0
"""Seconds for which a breaker that closed is still looked after: a run may have been about to park."""

ASK_EVERY = 15.0
"""Seconds between two looks at who sleeps at all: a breaker may close, or be lost, while no relay looks."""


class ClosedProviders:
    """One look per second; any number of relays may do it."""

    def __init__(self, store: Store, committer: Committer, provider_limits: ProviderLimits, clock: Clock) -> None:
        self._store = store
        self._committer = committer
        self._provider_limits = provider_limits
        self._clock = clock
        self._open: set[str] = set()
        self._late: dict[str, float] = {}
        self._asked = float("-inf")

    def look(self) -> None:
        """Send one run to each provider whose pause is over, and all to one that answers again."""
        try:
            breakers = {b.provider: b for b in self._provider_limits.breakers() if b.reason in PARKING}
        except Unavailable:  # what is parked is not lost by that
            return
        steady = self._clock.steady()
        if steady - self._asked >= ASK_EVERY:
            self._asked = steady
            self._open |= self._store.parking_providers()
        self._late = {name: until for name, until in self._late.items() if steady < until and name not in breakers}
        self._late |= dict.fromkeys(self._open - breakers.keys(), steady + LATE)
        self._open = set(breakers)
        for name in self._late:
            while self._wake(name, PAGE) == PAGE:
                pass
        for name, breaker in breakers.items():
            if breaker.until <= self._clock.now() and not breaker.tried:
                self._wake(name, 1)

    def _wake(self, provider: str, limit: int) -> int:
        found = self._store.parked_at(provider, limit)
        return self._committer.do(OnRuns(found, attempt.wake, skip_locked=True)) if found else 0
