"""Live workers: the one definition, by `DEAD_AFTER_SECONDS`, for relay, API, CLI, alerts and metrics."""

from collections.abc import Iterable
from dataclasses import dataclass

from stagepass.engine.model.machine import alive, place
from stagepass.engine.model.records import WorkerRow


@dataclass(frozen=True, slots=True)
class Liveness:
    """A worker lives while its heartbeat is recent, and, on this machine, while its process exists.

    Attributes:
        dead_after: seconds without a heartbeat after which a worker is dead.
    """

    dead_after: float

    def alive(self, worker: WorkerRow, now: int) -> bool:
        """Whether a worker lives. `now`: milliseconds since the epoch, by the clock that wrote its heartbeat."""
        return now - worker.beat_at < self.dead_after * 1000 and not gone(worker)

    def living(self, workers: Iterable[WorkerRow], now: int) -> list[WorkerRow]:
        return [worker for worker in workers if self.alive(worker, now)]

    def served(self, workers: Iterable[WorkerRow], now: int) -> set[str]:
        """The queues that some living worker serves."""
        return {queue for worker in self.living(workers, now) for queue in worker.queues}


def gone(worker: WorkerRow) -> bool:
    """Whether its process ran on this machine and is there no more: dead at once, whatever its heartbeat."""
    return worker.host == place() and not alive(worker.pid)
