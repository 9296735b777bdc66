"""Fires what schedules have due.

Each due time is submitted under a key of its own, which the database holds unique: however many relays look,
there is one job. A time that was due while no relay ran is made up for once, or not at all.
"""

import logging
from collections.abc import Callable, Iterator

from stagepass.declare.registry import Registry
from stagepass.declare.schedule import Schedule
from stagepass.engine.commit.operations import Accepted
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ports import Timetable
from stagepass.engine.model.records import ScheduleRow
from stagepass.errors import Conflict, NotFound, RequestError

log = logging.getLogger("stagepass.schedules")

LATE = 60.0
"""Seconds after which a firing counts as missed; a relay that is started again takes less."""


Submit = Callable[..., Accepted]


class Scheduler:
    """Fires what is due. Any number may look at once."""

    def __init__(self, timetable: Timetable, registry: Registry, submit: Submit, clock: Clock) -> None:
        self._timetable = timetable
        self._registry = registry
        self._submit = submit
        self._clock = clock

    def declared(self) -> Iterator[Schedule]:
        for pipeline in self._registry:
            yield from pipeline.schedules.declared.values()

    def rows(self) -> dict[str, tuple[Schedule, ScheduleRow]]:
        """Every declared schedule with what is kept of it; a new one is kept first."""
        known = {row.name: row for row in self._timetable.schedules()}
        found: dict[str, tuple[Schedule, ScheduleRow]] = {}
        for schedule in self.declared():
            row = known.get(schedule.name)
            if row is None:
                row = ScheduleRow(schedule.name, schedule.timing, False, schedule.after(self._clock.now()))
                self._timetable.add_schedule(row)
            elif row.timing != schedule.timing:  # declared anew: what was due by the old timing is not
                before, row.timing, row.next_at = row.next_at, schedule.timing, schedule.after(self._clock.now())
                self._timetable.move_schedule(row.name, before, row)
            found[schedule.name] = (schedule, row)
        return found

    def fire(self) -> list[str]:
        """Submit what is due. Returns the ids of the jobs that this call made."""
        if next(self.declared(), None) is None:
            return []
        made = []
        for schedule, row in self.rows().values():
            if not row.paused and row.next_at <= self._clock.now():
                job = self._fire(schedule, row)
                made += [job] if job else []
        return made

    def _fire(self, schedule: Schedule, row: ScheduleRow) -> str | None:
        now, due = self._clock.now(), row.next_at
        job, created = None, False
        if schedule.missed == "once" or now - due <= LATE * 1000:
            try:
                accepted = self._submit(
                    schedule.pipeline, schedule.input, owner=schedule.owner, key=f"schedule:{schedule.name}:{due}"
                )
                job, created = accepted.job.id, accepted.created
            except Conflict:  # another version of the code had another input, and was first
                log.info("%s: was fired by another process with another input", schedule.name)
            except RequestError as problem:
                log.error("%s: could not be submitted: %s", schedule.name, problem.code)
        moved = ScheduleRow(row.name, row.timing, row.paused, schedule.after(now), due, job or row.last_job)
        self._timetable.move_schedule(row.name, due, moved)
        return job if created else None

    def pause(self, name: str, paused: bool) -> ScheduleRow:
        """Stop it, or let it go on from the next due time. Raises `NotFound`."""
        found = self.rows().get(name)
        if found is None:
            raise NotFound(f"there is no schedule {name!r}", name=name)
        schedule, row = found
        next_at = row.next_at if paused else schedule.after(self._clock.now())
        self._timetable.pause_schedule(name, paused, next_at)
        row.paused, row.next_at = paused, next_at
        return row
