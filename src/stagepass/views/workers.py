"""A worker process as JSON."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from stagepass.engine.model.records import WorkerRow
from stagepass.views.times import at


class WorkerView(BaseModel):
    """A worker process."""

    id: str
    host: str
    pid: int
    queues: list[str]
    slots: int = Field(ge=0)
    alive: bool = Field(description="whether its heartbeat holds its leases")
    watched_by: Literal["lock", "heartbeat"] = Field(
        description="what shows its death: a lock that it releases, within a second, or only that its heartbeat stops"
    )
    started_at: datetime
    beat_at: datetime
    clock_off_seconds: float = Field(
        description="by how much its machine's clock is ahead of the database's, whose time is used; negative: behind"
    )


def worker_view(worker: WorkerRow, alive: bool) -> WorkerView:
    """A worker process. `alive`: as `Liveness` has it."""
    return WorkerView(
        id=worker.id,
        host=worker.host.split("/")[0],
        pid=worker.pid,
        queues=list(worker.queues),
        slots=worker.slots,
        alive=alive,
        watched_by="lock" if worker.lock_key is not None else "heartbeat",
        started_at=at(worker.started_at),
        beat_at=at(worker.beat_at),
        clock_off_seconds=round(worker.clock_off / 1000, 1),
    )
