"""Which workers are dead by their locks."""

from dataclasses import dataclass, field

from stagepass.engine.model.clock import Clock
from stagepass.engine.model.store import Store
from stagepass.errors import StagepassError

FREE_FOR = 0.5
"""Seconds for which a lock has to be free: a worker whose connection broke clears its row well before that."""


@dataclass(slots=True)
class DeathWatch:
    """Of one relay.

    A free lock proves a death only where nothing else releases locks. So after the relay's own connection broke, as
    when the database is restarted, the locks of then count again once their workers' beats have gone up; a beat also
    takes back what was suspected.
    """

    store: Store
    clock: Clock
    _beats: dict[str, int] = field(default_factory=dict)
    """By worker: the beat above which its lock counts."""
    _free: dict[str, tuple[float, int]] = field(default_factory=dict)
    """By worker: since when its lock is free, and its beat then."""

    _troubled: bool = False
    """The last look failed."""

    def dead(self) -> list[str]:
        """One look: workers that have died. Raises `StoreUnavailable`."""
        try:
            look = self.store.locks()
        except StagepassError:
            self._troubled = True
            raise
        anew = self._troubled or not look.same_session
        if anew:
            self._beats, self._free, self._troubled = {}, {}, False
        now, dead, free = self.clock.steady(), [], {}
        for one in look.workers:
            trusted = one.beat > self._beats.setdefault(one.worker, one.beat if anew else -1)
            if not (one.is_free and trusted):
                continue
            since, beat = self._free.get(one.worker, (now, one.beat))
            if beat != one.beat:
                since = now
            free[one.worker] = since, one.beat
            if now - since >= FREE_FOR:
                dead.append(one.worker)
        self._free = free
        self._beats = {one.worker: self._beats[one.worker] for one in look.workers}
        return dead
