"""Schedules: a pipeline is submitted at times that a cron expression names.

    party.schedule("0 9 * * *", input={"host": "Mina"}, zone="Asia/Seoul")

Each due time is submitted under a key of its own, which the database holds unique: however many relays look,
there is one job. What was due while nobody looked is made up for once, or not at all.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ValidationError

from stagepass.engine.model.clock import Clock
from stagepass.errors import Conflict, DeclarationError, NotFound, RequestError

if TYPE_CHECKING:
    from stagepass.engine.commit.operations import Accepted
    from stagepass.declare.registry import Registry

log = logging.getLogger("stagepass.schedules")

Missed = Literal["once", "skip"]

LATE = 60.0
"""Seconds after which a firing counts as missed; a relay that is started again takes less."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What an author declares.

    Attributes:
        name: ``pipeline:name``, unique.
        missed: what was due while nobody looked is made up for ``"once"``, or not at all (``"skip"``).
    """

    name: str
    pipeline: str
    cron: str
    zone: str
    input: Mapping[str, Any]
    owner: str
    missed: Missed

    @property
    def timing(self) -> str:
        """What decides when it is due."""
        return f"{self.cron} {self.zone}"

    def after(self, moment: int) -> int:
        """The first due time after that moment, both in milliseconds since the epoch."""
        then = datetime.fromtimestamp(moment / 1000, UTC).astimezone(ZoneInfo(self.zone))
        return int(next(CronSim(self.cron, then)).timestamp() * 1000)


@dataclass(slots=True)
class ScheduleRow:
    """What the database keeps of one."""

    name: str
    timing: str
    paused: bool
    next_at: int
    last_at: int | None = None
    last_job: str | None = None


@dataclass(slots=True)
class Schedules:
    """The schedules of one pipeline, as it declares them."""

    pipeline: str
    input: type[BaseModel]
    declared: dict[str, Schedule] = field(default_factory=dict)

    def add(
        self, cron: str, input: BaseModel | Mapping[str, Any] | None, zone: str, name: str, owner: str, missed: Missed
    ) -> Schedule:
        """Raises `DeclarationError`."""
        where = f"pipeline {self.pipeline!r}: schedule {name!r}"
        if name in self.declared:
            raise DeclarationError(f"{where} is declared twice; give one of them another name")
        if len(f"{self.pipeline}:{name}") > 90:
            raise DeclarationError(f"{where}: the name is too long")
        if missed not in ("once", "skip"):
            raise DeclarationError(f'{where}: missed is "once" or "skip", not {missed!r}')
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise DeclarationError(f'{where}: there is no time zone {zone!r}; write one like "Asia/Seoul"') from None
        try:
            next(CronSim(cron, datetime.now(UTC)))
        except (CronSimError, StopIteration):
            raise DeclarationError(
                f'{where}: {cron!r} is not a cron expression; "0 9 * * *" is every day at nine'
            ) from None
        try:
            given = self.input.model_validate(input if input is not None else {})
        except ValidationError as problem:
            raise DeclarationError(f"{where}: the input does not fit: {problem.errors()[0]['msg']}") from None
        made = Schedule(
            f"{self.pipeline}:{name}", self.pipeline, cron, zone, given.model_dump(mode="json"), owner, missed
        )
        self.declared[name] = made
        return made


class Timetable(Protocol):
    """Where schedules are kept."""

    def schedules(self) -> list[ScheduleRow]: ...
    def add_schedule(self, row: ScheduleRow) -> None:
        """Keep a new one; nothing happens when another process was first."""
        ...

    def move_schedule(self, name: str, before: int, row: ScheduleRow) -> bool:
        """Write it, if it is still due when we read it. False when another process was first."""
        ...

    def pause_schedule(self, name: str, paused: bool, next_at: int) -> bool: ...


Submit = Callable[..., "Accepted"]


class Scheduler:
    """Fires what is due. Any number may look at once."""

    def __init__(self, timetable: Timetable, registry: "Registry", submit: Submit, clock: Clock) -> None:
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
