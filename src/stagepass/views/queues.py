"""A queue as JSON: what it holds, who serves it, and what an operator has set for it."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from pydantic import BaseModel, Field

from stagepass.bootstrap import System
from stagepass.engine.model.controls import Pause, Scope
from stagepass.views.controls import LimitView, PauseNote, limit_view
from stagepass.views.times import at


class QueueView(BaseModel):
    """The queue of one stage."""

    name: str = Field(examples=["promo.song"])
    pipeline: str
    stage: str
    ready: int = Field(ge=0, description="stage runs that could start now")
    running: int = Field(ge=0)
    waiting: int = Field(ge=0, description="for an order, a time, a provider, a message; retries included")
    held: int = Field(ge=0)
    parked: int = Field(ge=0)
    failed: int = Field(ge=0, description="dead letters")
    workers: int = Field(ge=0, description="live worker processes that serve it")
    slots: int = Field(ge=0, description="of these workers; shared with their other queues")
    paused: PauseNote | None = Field(default=None, description="the pause that holds all of it")
    limit: LimitView | None = Field(default=None, description="stage runs at the same time, over all workers")


def queue_views(system: System) -> list[QueueView]:
    """Every queue of the pipelines here, and those in the database that no pipeline here has."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for queue, state, count in system.store.unfinished():
        counts[queue][state] += count
    workers: dict[str, list[int]] = defaultdict(list)
    for worker in system.liveness.living(system.store.workers(), system.engine.clock.now()):
        for queue in worker.queues:
            workers[queue].append(worker.slots)
    pauses = system.store.pauses()
    limits = {one.name: limit_view(one) for one in system.store.runtime_limits() if one.scope is Scope.QUEUE}
    names = dict.fromkeys([*system.registry.queues(), *sorted(counts)])
    return [_view(name, counts[name], workers[name], pauses, limits.get(name)) for name in names]


def _view(
    name: str, counts: Counter[str], slots: Sequence[int], pauses: Sequence[Pause], limit: LimitView | None
) -> QueueView:
    pipeline, _, stage = name.partition(".")
    held = next((pause for pause in pauses if pause.scope is not Scope.OWNER and pause.holds(name, "")), None)
    return QueueView(
        name=name,
        pipeline=pipeline,
        stage=stage,
        ready=counts["ready"],
        running=counts["running"],
        waiting=counts["waiting"] + counts["retrying"],
        held=counts["held"],
        parked=counts["parked"],
        failed=counts["failed"],
        workers=len(slots),
        slots=sum(slots),
        paused=PauseNote(scope=held.scope, name=held.name, since=at(held.since), why=held.why) if held else None,
        limit=limit,
    )
