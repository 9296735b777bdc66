"""What is read to explain one job; each part once, when a reason first asks for it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

from stagepass.declare.stage import Stage
from stagepass.doctor.sources import Sources
from stagepass.engine.model.controls import Pause, RuntimeLimit
from stagepass.engine.model.limits import Breaker
from stagepass.engine.model.records import Job, Memo, StageRun, WorkerRow
from stagepass.errors import Unavailable

T = TypeVar("T")

RELAY_LATE = 5_000
"""Milliseconds that a due run may still wait before it is evidence that no relay works; a relay looks 4 times a second."""

PACE_OVER = 300_000
"""Milliseconds over which the pace of a queue is measured."""


class Look:
    """One look at an installation, for one job."""

    def __init__(self, sources: Sources, job: Job, runs: Sequence[StageRun]) -> None:
        self.sources = sources
        self.job = job
        self.runs = runs
        self.now = sources.clock.now()
        self.unseen: list[str] = []
        self._memos: dict[str, list[Memo]] = {}

    # ── workers ──

    @cached_property
    def workers(self) -> dict[str, WorkerRow]:
        """Every worker's row, also of those that died."""
        return {worker.id: worker for worker in self.sources.store.workers()}

    def alive(self, worker: WorkerRow) -> bool:
        return self.sources.liveness.alive(worker, self.now)

    def serving(self, queue: str) -> list[WorkerRow]:
        """The live workers of a queue."""
        return [worker for worker in self.workers.values() if queue in worker.queues and self.alive(worker)]

    @cached_property
    def living(self) -> list[WorkerRow]:
        return [worker for worker in self.workers.values() if self.alive(worker)]

    @cached_property
    def running(self) -> dict[str, int]:
        """Stage runs by worker."""
        return self.sources.store.running_by_worker([worker.id for worker in self.living])

    def free(self, workers: Sequence[WorkerRow]) -> int:
        """Free slots of these workers together."""
        return sum(max(0, worker.slots - self.running.get(worker.id, 0)) for worker in workers)

    # ── what an operator has set ──

    @cached_property
    def pauses(self) -> list[Pause]:
        return self.sources.store.pauses()

    @cached_property
    def limits(self) -> dict[str, RuntimeLimit]:
        """By queue or provider: the limits that were set at run time."""
        return {limit.name: limit for limit in self.sources.store.runtime_limits()}

    # ── the relay, the broker, the providers ──

    @cached_property
    def overdue_since(self) -> int | None:
        """When the longest overdue wait of the installation should have ended; None while a relay keeps up."""
        due = self.sources.store.next_due()
        return due if due is not None and self.now - due > RELAY_LATE else None

    def broker_answers(self, queue: str) -> bool:
        return self.sources.bell().depth(queue) is not None

    @cached_property
    def breakers(self) -> dict[str, Breaker] | None:
        """The closed providers by name; None if Redis does not answer."""
        found = self._asked("redis", lambda: self.sources.limits().breakers())
        return None if found is None else {breaker.provider: breaker for breaker in found}

    def position(self, provider: str, run_id: str) -> int | None:
        """Runs before this one in a provider's waiting list."""
        return self._asked("redis", lambda: self.sources.limits().position(provider, run_id))

    def _asked(self, what: str, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except Unavailable:
            if what not in self.unseen:
                self.unseen.append(what)
            return None

    # ── the job ──

    def memos(self, run: StageRun) -> list[Memo]:
        if run.id not in self._memos:
            self._memos[run.id] = self.sources.store.memos(run.id)
        return self._memos[run.id]

    def stage(self, run: StageRun) -> Stage | None:
        return self.sources.registry.stage(run.pipeline, run.version, run.stage)

    def pace(self, queue: str) -> float:
        """Attempts per minute that ended in this queue within the last minutes."""
        ended = self.sources.store.recent_ends(queue, self.now - PACE_OVER)
        return ended / (PACE_OVER / 60_000)
