"""Fires what schedules have due.

Each due time is submitted under its own key, which the database keeps unique: however many relays look,
there is one job. A time that was due while no relay ran is made up for once, or not at all.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

from stagepass.declare.registry import Registry
from stagepass.declare.schedule import Schedule
from stagepass.engine.commit.operations import Accepted
from stagepass.engine.model.actors import AuditEntry, current_actor
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ports import Timetable
from stagepass.engine.model.records import ScheduleRow
from stagepass.errors import Conflict, NotFound, RequestError
from stagepass.sentences import sentence

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
        self._began: int | None = None

    def declared(self) -> Iterator[tuple[int, Schedule]]:
        """Each schedule with the version of its pipeline."""
        for pipeline in self._registry:
            for schedule in pipeline.schedules.declared.values():
                yield pipeline.version, schedule

    def rows(self) -> dict[str, tuple[Schedule, ScheduleRow]]:
        """Every declared schedule with what is kept of it; a new one is kept first.

        Where releases differ, the newest one's timing holds: the higher version's, and of one version that of the
        process that started last. So each process writes its timing at most once, and an old one that still runs beside
        the new fires by what is kept.
        """
        if self._began is None:
            self._began = self._clock.now()
        known = {row.name: row for row in self._timetable.schedules()}
        found: dict[str, tuple[Schedule, ScheduleRow]] = {}
        for version, schedule in self.declared():
            row = known.get(schedule.name)
            if row is None:
                due = schedule.after(self._clock.now())
                row = ScheduleRow(schedule.name, schedule.timing, False, due, version=version, declared_at=self._began)
                self._timetable.add_schedule(row)
            elif row.timing != schedule.timing and (row.version, row.declared_at) < (version, self._began):
                row = self._take_over(schedule, row, version, self._began)
            found[schedule.name] = (_as_kept(schedule, row), row)
        return found

    def _take_over(self, schedule: Schedule, row: ScheduleRow, version: int, began: int) -> ScheduleRow:
        """The row with this declaration's timing. A due time of now still fires; later ones are computed again."""
        now = self._clock.now()
        is_due = row.next_at <= now < row.next_at + LATE * 1000
        next_at = row.next_at if is_due else schedule.after(now)
        taken = replace(row, timing=schedule.timing, next_at=next_at, version=version, declared_at=began)
        return taken if self._timetable.move_schedule(row.name, row.next_at, taken) else row

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
                    schedule.pipeline,
                    schedule.input,
                    owner=schedule.owner,
                    key=f"schedule:{schedule.name}:{due}",
                    tags=schedule.tags,
                )
                job, created = accepted.job.id, accepted.created
            except Conflict:  # another version of the code had another input, and was first
                log.info("%s: was fired by another process with another input", schedule.name)
            except RequestError as problem:
                log.error("%s: could not be submitted: %s", schedule.name, problem.code)
        moved = replace(row, next_at=schedule.after(now), last_at=due, last_job=job or row.last_job)
        self._timetable.move_schedule(row.name, due, moved)
        return job if created else None

    def pause(self, name: str, paused: bool) -> ScheduleRow:
        """Pause it, or resume it from the next due time. Raises `NotFound`."""
        found = self.rows().get(name)
        if found is None:
            raise NotFound(sentence("there is no schedule {name}", name=f"{name!r}"), name=name)
        schedule, row = found
        next_at = row.next_at if paused else schedule.after(self._clock.now())
        by, before, after = current_actor(), {"paused": row.paused}, {"paused": paused}
        act, subject = "pause" if paused else "resume", f"schedule:{name}"
        now, whose = self._clock.now(), schedule.owner
        entry = AuditEntry(now, by, act, subject, owner=whose, before=before, after=after) if by else None
        self._timetable.pause_schedule(name, paused, next_at, entry)
        row.paused, row.next_at = paused, next_at
        return row


def _as_kept(schedule: Schedule, row: ScheduleRow) -> Schedule:
    """The declaration with the timing that is kept, which may be that of a newer release."""
    cron, _, zone = row.timing.rpartition(" ")
    return replace(schedule, cron=cron, zone=zone)
