"""The store's timetable: when each schedule is due next, and whether it is paused."""

import sqlalchemy as sa

from stagepass.engine.model.actors import AuditEntry
from stagepass.engine.model.records import ScheduleRow
from stagepass.engine.model.transaction import Taken
from stagepass.store import connect
from stagepass.store.audit import audit_row
from stagepass.store.base import Connections
from stagepass.store.tables import audit, schedules


class Timetable(Connections):
    """Part of `SqlStore`; see `stagepass.engine.model.ports.Timetable`."""

    def schedules(self) -> list[ScheduleRow]:
        """All of them, by name."""
        with connect.translated(), self._reads.connect() as connection:
            return [
                ScheduleRow(
                    row.name,
                    row.timing,
                    bool(row.paused),
                    row.next_at,
                    row.last_at,
                    row.last_job,
                    row.version or 0,
                    row.declared_at or 0,
                )
                for row in connection.execute(sa.select(schedules).order_by(schedules.c.name))
            ]

    def add_schedule(self, row: ScheduleRow) -> None:
        """Keep a new one; nothing happens when another process was first."""
        values = {"name": row.name, "timing": row.timing, "paused": row.paused, "next_at": row.next_at}
        values |= {"version": row.version, "declared_at": row.declared_at}
        try:
            with self._writing() as connection:
                connection.execute(sa.insert(schedules), values)
        except Taken:
            pass

    def move_schedule(self, name: str, before: int, row: ScheduleRow) -> bool:
        """Write it, if it is still due when we read it. False when another process was first."""
        c = schedules.c
        values = {"timing": row.timing, "next_at": row.next_at, "last_at": row.last_at, "last_job": row.last_job}
        values |= {"version": row.version, "declared_at": row.declared_at}
        with self._writing() as connection:
            moved = connection.execute(sa.update(schedules).where(c.name == name, c.next_at == before).values(**values))
        return bool(moved.rowcount == 1)

    def pause_schedule(self, name: str, paused: bool, next_at: int, entry: AuditEntry | None = None) -> bool:
        """See `stagepass.engine.model.ports.Timetable`."""
        with self._writing() as connection:
            done = connection.execute(
                sa.update(schedules).where(schedules.c.name == name).values(paused=paused, next_at=next_at)
            )
            if entry is not None and done.rowcount == 1:
                connection.execute(sa.insert(audit), audit_row(entry))
        return bool(done.rowcount == 1)
