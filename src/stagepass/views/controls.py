"""Pauses and limits as JSON."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from stagepass.engine.model.controls import EVERYTHING, Pause, RuntimeLimit, Scope
from stagepass.engine.model.limits import Limit
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import ENDED
from stagepass.views.times import at, maybe_at


class PauseNote(BaseModel):
    """Why nothing starts."""

    scope: Scope
    name: str = Field(description="of the queue, pipeline, owner or provider; * for everything")
    since: datetime
    why: str | None = Field(default=None, description="the reason that was given", examples=["vendor maintenance"])


class PauseView(PauseNote):
    """A pause that an operator has set: nothing of it starts, and what runs continues."""

    actor: str = Field(description="who paused it")


class LimitView(BaseModel):
    """A limit of a provider's calls, or of a queue's stage runs that run at the same time."""

    scope: Literal[Scope.PROVIDER, Scope.QUEUE]
    name: str
    concurrency: int | None = None
    rate: int | None = Field(default=None, description="calls per `per_seconds`")
    per_seconds: float = 1.0
    source: Literal["operator", "settings"] = Field(description="operator: set at run time, in place of the settings")
    since: datetime | None = None
    actor: str | None = None
    why: str | None = None


def pause_view(pause: Pause) -> PauseView:
    """A pause, for those who see everything."""
    return PauseView(scope=pause.scope, name=pause.name, since=at(pause.since), why=pause.why, actor=pause.actor)


def pause_note(pauses: Iterable[Pause], job: Job, queues: Iterable[str]) -> PauseNote | None:
    """The pause that keeps an open job from continuing. `queues`: those of its next stage runs."""
    if job.state in ENDED:
        return None
    queues = list(queues)
    for pause in pauses:
        whole = pause.scope in (Scope.ALL, Scope.OWNER, Scope.PIPELINE) and pause.holds(f"{job.pipeline}.", job.owner)
        if whole or any(pause.scope is Scope.QUEUE and pause.name == queue for queue in queues):
            name = EVERYTHING if pause.scope is Scope.ALL else pause.name
            return PauseNote(scope=pause.scope, name=name, since=at(pause.since), why=pause.why)
    return None


def limit_view(limit: RuntimeLimit) -> LimitView:
    """A limit that was set at run time."""
    shown = _limit(limit.scope, limit.name, limit.limit, "operator")
    return shown.model_copy(update={"since": maybe_at(limit.since), "actor": limit.actor, "why": limit.why})


def limit_views(limits: Iterable[RuntimeLimit], settings: dict[str, Limit]) -> list[LimitView]:
    """All limits in use, by scope and name."""
    views = {(one.scope, one.name): limit_view(one) for one in limits}
    for name, limit in settings.items():
        views.setdefault((Scope.PROVIDER, name), _limit(Scope.PROVIDER, name, limit, "settings"))
    return [views[key] for key in sorted(views)]


def _limit(scope: Scope, name: str, limit: Limit, source: Literal["operator", "settings"]) -> LimitView:
    return LimitView(
        scope=scope,
        name=name,
        concurrency=limit.concurrency,
        rate=limit.rate,
        per_seconds=limit.per,
        source=source,
    )
