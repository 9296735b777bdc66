"""Claims work for the slots of one process: first what others parked and this process knows, then what is ready."""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import cast

from stagepass.engine.commit.claims import Claim, ClaimResult
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operations import OnRuns
from stagepass.engine.rules import attempt

log = logging.getLogger("stagepass.dispatcher")


class Claiming:
    """The claims of one process."""

    def __init__(self, committer: Committer, queues: tuple[str, ...], worker: str) -> None:
        self._committer = committer
        self._queues = queues
        self._worker = worker
        self._parked: deque[tuple[str, str]] = deque()
        self._lock = threading.Lock()

    def fetch(self, parked: Sequence[tuple[str, str]]) -> None:
        """Note which (run, job) others parked, as the heartbeat found them last; the next claims take them."""
        with self._lock:
            self._parked = deque(parked)

    @property
    def has_parked(self) -> bool:
        return bool(self._parked)

    def next(self) -> Claim:
        """The claim of one more run, for the transaction that settles one."""
        return Claim(self._queues, 1, self._worker)

    def claim(self, wanted: int) -> ClaimResult:
        """Claim up to `wanted` runs now. It never raises: the next bell finds a loop that still turns."""
        with self._lock:
            parked = [self._parked.popleft() for _ in range(min(wanted, len(self._parked)))]
        try:
            if parked:
                return self._fetched(parked)
            return cast(ClaimResult, self._committer.do(Claim(self._queues, wanted, self._worker)))
        except Exception as problem:
            log.warning("could not look for work: %s", problem)
            return ClaimResult([])

    def _fetched(self, parked: list[tuple[str, str]]) -> ClaimResult:
        """Make these parked runs ready and claim them in one transaction, without notifying workers that lack this version."""
        only = frozenset(run for run, _ in parked)
        _, claim = self._committer.put(
            OnRuns(parked, attempt.fetch, skip_locked=True), Claim((), len(parked), self._worker, only=only)
        )
        return ClaimResult(cast(ClaimResult, claim.result()).claimed)
