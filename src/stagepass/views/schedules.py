"""A schedule as JSON."""

from datetime import datetime

from pydantic import BaseModel, Field

from stagepass.declare.schedule import Schedule
from stagepass.engine.model.records import ScheduleRow
from stagepass.views.times import at, maybe_at


class ScheduleView(BaseModel):
    """One schedule of the caller."""

    name: str = Field(examples=["party:daily"])
    pipeline: str
    cron: str = Field(examples=["0 9 * * *"])
    owner: str = Field(description="whose jobs they are")
    zone: str = Field(examples=["Asia/Seoul"])
    paused: bool
    missed: str = Field(description="after an outage: once (one job for all missed due times) or skip")
    next_at: datetime
    last_at: datetime | None = None
    last_job: str | None = None


def schedule_view(schedule: Schedule, row: ScheduleRow) -> ScheduleView:
    """A schedule as it is declared, with what is kept of it."""
    return ScheduleView(
        name=schedule.name,
        pipeline=schedule.pipeline,
        cron=schedule.cron,
        owner=schedule.owner,
        zone=schedule.zone,
        paused=row.paused,
        missed=schedule.missed,
        next_at=at(row.next_at),
        last_at=maybe_at(row.last_at),
        last_job=row.last_job,
    )
