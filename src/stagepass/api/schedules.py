"""Schedules: what is declared, when it is due next, and stopping it for a while."""

from fastapi import APIRouter
from pydantic import BaseModel

from stagepass.api.deps import Acting, Reader, SystemDep
from stagepass.bootstrap import System
from stagepass.errors import NotFound
from stagepass.sentences import sentence
from stagepass.views.jobs import PREFIX
from stagepass.views.schedules import ScheduleView, schedule_view

router = APIRouter(tags=["schedules"])


class ScheduleList(BaseModel):
    """The caller's schedules, by name."""

    schedules: list[ScheduleView]


@router.get(f"{PREFIX}/schedules", summary="List schedules")
def list_schedules(reader: Reader, system: SystemDep) -> ScheduleList:
    """Schedules whose jobs belong to the caller; all of them for viewers and operators."""
    found = system.scheduler.rows().values()
    return ScheduleList(schedules=[schedule_view(*pair) for pair in found if reader.scope in (None, pair[0].owner)])


@router.post(f"{PREFIX}/schedules/{{name}}/pause", summary="Pause a schedule")
def pause(name: str, actor: Acting, system: SystemDep) -> ScheduleView:
    """Nothing is submitted until it is resumed."""
    return _set(system, name, actor.scope, paused=True)


@router.post(f"{PREFIX}/schedules/{{name}}/resume", summary="Resume a schedule")
def resume(name: str, actor: Acting, system: SystemDep) -> ScheduleView:
    """Continues from the next due time; runs missed while paused are skipped."""
    return _set(system, name, actor.scope, paused=False)


def _set(system: System, name: str, owner: str | None, *, paused: bool) -> ScheduleView:
    found = system.scheduler.rows().get(name)
    if found is None or owner not in (None, found[0].owner):
        raise NotFound(sentence("there is no schedule with this name"))
    return schedule_view(found[0], system.scheduler.pause(name, paused))
