"""Schedules: what is declared, when it is due next, and stopping it for a while."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from stagepass.api.deps import PREFIX, Owner, SystemDep
from stagepass.api.show import at, maybe_at
from stagepass.bootstrap import System
from stagepass.declare.schedule import Schedule
from stagepass.engine.model.records import ScheduleRow
from stagepass.errors import NotFound

router = APIRouter(tags=["schedules"])


class ScheduleView(BaseModel):
    """One schedule of the caller."""

    name: str = Field(examples=["party:daily"])
    pipeline: str
    cron: str = Field(examples=["0 9 * * *"])
    zone: str = Field(examples=["Asia/Seoul"])
    paused: bool
    missed: str = Field(description="what was due while nobody looked is made up for once, or skipped")
    next_at: datetime
    last_at: datetime | None = None
    last_job: str | None = None


class ScheduleList(BaseModel):
    """The caller's schedules, by name."""

    schedules: list[ScheduleView]


@router.get(f"{PREFIX}/schedules", summary="List schedules")
def list_schedules(owner: Owner, system: SystemDep) -> ScheduleList:
    """Those whose jobs are the caller's."""
    found = system.scheduler.rows().values()
    return ScheduleList(schedules=[_view(*pair) for pair in found if pair[0].owner == owner])


@router.post(f"{PREFIX}/schedules/{{name}}/pause", summary="Pause a schedule")
def pause(name: str, owner: Owner, system: SystemDep) -> ScheduleView:
    """Nothing is submitted until it is resumed."""
    return _set(system, name, owner, paused=True)


@router.post(f"{PREFIX}/schedules/{{name}}/resume", summary="Resume a schedule")
def resume(name: str, owner: Owner, system: SystemDep) -> ScheduleView:
    """It goes on from its next due time; what was due meanwhile is not made up for."""
    return _set(system, name, owner, paused=False)


def _set(system: System, name: str, owner: str, *, paused: bool) -> ScheduleView:
    found = system.scheduler.rows().get(name)
    if found is None or found[0].owner != owner:
        raise NotFound("there is no schedule of this name")
    return _view(found[0], system.scheduler.pause(name, paused))


def _view(schedule: Schedule, row: ScheduleRow) -> ScheduleView:
    return ScheduleView(
        name=schedule.name,
        pipeline=schedule.pipeline,
        cron=schedule.cron,
        zone=schedule.zone,
        paused=row.paused,
        missed=schedule.missed,
        next_at=at(row.next_at),
        last_at=maybe_at(row.last_at),
        last_job=row.last_job,
    )
