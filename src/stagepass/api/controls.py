"""Pauses, limits, queues and workers: what operators set at run time, and what they look at first."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from stagepass.api.body import json_body, read_model
from stagepass.api.deps import PREFIX, Observer, Operator, SystemDep
from stagepass.engine.model.controls import Scope
from stagepass.engine.model.limits import Limit
from stagepass.providers.registry import parse_limits
from stagepass.views.controls import LimitView, PauseView, limit_view, limit_views, pause_view
from stagepass.views.queues import QueueView, queue_views
from stagepass.views.workers import WorkerView, worker_view

router = APIRouter(tags=["operations"])

Pausable = Annotated[Scope, Path(description="what to pause; a paused provider is closed")]
Limitable = Annotated[Literal[Scope.PROVIDER, Scope.QUEUE], Path(description="what to limit")]
ScopedName = Annotated[
    str, Path(min_length=1, max_length=200, description="of the queue, pipeline, owner or provider; * with all")
]
ProviderName = Annotated[str, Path(min_length=1, max_length=60)]


class PauseList(BaseModel):
    """All pauses, the oldest first."""

    pauses: list[PauseView]


class LimitList(BaseModel):
    """All limits in use, by scope and name."""

    limits: list[LimitView]


class QueueList(BaseModel):
    """All queues."""

    queues: list[QueueView]


class WorkerList(BaseModel):
    """All worker processes, dead ones until the relay has handed on their work."""

    workers: list[WorkerView]


class LimitGiven(BaseModel):
    """A limit: `concurrency`, or `rate` with `per_seconds`, or both. A queue takes `concurrency` only."""

    model_config = ConfigDict(extra="forbid")

    concurrency: int | None = Field(default=None, ge=1, le=1_000_000, description="at the same time, over all workers")
    rate: int | None = Field(default=None, ge=1, le=1_000_000, description="calls per `per_seconds`")
    per_seconds: float = Field(default=1.0, ge=0.001, le=86_400)


@router.get(f"{PREFIX}/queues", summary="List queues")
def list_queues(_: Observer, system: SystemDep) -> QueueList:
    """Every queue with what it holds, who serves it, and whether it is paused or limited."""
    return QueueList(queues=queue_views(system))


@router.get(f"{PREFIX}/workers", summary="List workers")
def list_workers(_: Observer, system: SystemDep) -> WorkerList:
    """Every worker process."""
    now = system.engine.clock.now()
    return WorkerList(workers=[worker_view(one, system.liveness.alive(one, now)) for one in system.store.workers()])


@router.get(f"{PREFIX}/pauses", summary="List pauses")
def list_pauses(_: Observer, system: SystemDep) -> PauseList:
    """What is paused, since when, by whom and why."""
    return PauseList(pauses=[pause_view(pause) for pause in system.store.pauses()])


@router.put(f"{PREFIX}/pauses/{{scope}}/{{name:path}}", summary="Pause something")
def pause(scope: Pausable, name: ScopedName, _: Operator, system: SystemDep) -> PauseView:
    """Nothing of it starts from now on; what runs continues. Submits are accepted, and wait. Again: the same pause."""
    return pause_view(system.controls.pause(scope, name))


@router.delete(f"{PREFIX}/pauses/{{scope}}/{{name:path}}", summary="Resume what was paused")
def resume(scope: Pausable, name: ScopedName, _: Operator, system: SystemDep) -> PauseView:
    """It starts at once. Returns the pause that has ended; 404 if there was none."""
    return pause_view(system.controls.resume(scope, name))


@router.get(f"{PREFIX}/limits", summary="List limits")
def list_limits(_: Observer, system: SystemDep) -> LimitList:
    """Limits of providers and queues, from the settings of this process and set at run time."""
    settings = parse_limits(system.settings.provider_limits)
    return LimitList(limits=limit_views(system.store.runtime_limits(), settings))


async def _given(request: Request, _: Operator, system: SystemDep) -> LimitGiven:
    return await read_model(request, LimitGiven, system.settings.max_input_bytes)


@router.put(f"{PREFIX}/limits/{{scope}}/{{name}}", summary="Set a limit", openapi_extra=json_body(LimitGiven))
def limit(
    scope: Limitable, name: ScopedName, _: Operator, system: SystemDep, given: Annotated[LimitGiven, Depends(_given)]
) -> LimitView:
    """Holds at once in every worker, without a restart, until it is reset."""
    wanted = Limit(given.concurrency, given.rate, given.per_seconds)
    return limit_view(system.controls.limit(scope, name, wanted))


@router.delete(f"{PREFIX}/limits/{{scope}}/{{name}}", summary="Reset a limit")
def reset_limit(scope: Limitable, name: ScopedName, _: Operator, system: SystemDep) -> LimitView:
    """The limit of the settings holds again. Returns the one that was set; 404 if there was none."""
    return limit_view(system.controls.reset_limit(scope, name))


@router.post(f"{PREFIX}/providers/{{name}}/close", summary="Close a provider", status_code=202, tags=["providers"])
def close_provider(name: ProviderName, _: Operator, system: SystemDep) -> PauseView:
    """No calls to it until it is opened; stage runs that need it wait without using an attempt."""
    return pause_view(system.controls.pause(Scope.PROVIDER, name))


@router.post(f"{PREFIX}/providers/{{name}}/open", summary="Open a provider", status_code=204, tags=["providers"])
def open_provider(name: ProviderName, _: Operator, system: SystemDep) -> None:
    """Whatever closed it; stage runs that wait for it continue. 404 if it is not closed."""
    system.controls.open_provider(name)
