"""The store's part in what each process says about itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from stagepass.store.base import Connections
from stagepass.store.tables import processes

KEPT = 86_400_000
"""Milliseconds after which the row of a process that died is deleted."""


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One process. `facts` is its own account; see `stagepass.doctor.presence`."""

    id: str
    role: str
    host: str
    pid: int
    started_at: int
    beat_at: int
    facts: dict[str, Any]


class Processes(Connections):
    """Part of `SqlStore`."""

    def add_process(self, row: ProcessRow) -> None:
        """Keep a new process's row, in place of those of processes that died long ago."""
        with self._writing(beat=True) as db:
            old = sa.select(processes.c.id).where(processes.c.beat_at < row.beat_at - KEPT).limit(100)
            if gone := [id for (id,) in db.execute(old)]:
                db.execute(sa.delete(processes).where(processes.c.id.in_(gone)))
            values = {name: getattr(row, name) for name in ("id", "role", "host", "pid", "started_at", "beat_at")}
            db.execute(sa.insert(processes).values(**values, facts=json.dumps(row.facts)))

    def beat_process(self, id: str, now: int) -> bool:
        """Say that it lives. False when its row is gone."""
        with self._writing(beat=True) as db:
            return db.execute(sa.update(processes).where(processes.c.id == id).values(beat_at=now)).rowcount == 1

    def drop_process(self, id: str) -> None:
        with self._writing(beat=True) as db:
            db.execute(sa.delete(processes).where(processes.c.id == id))

    def processes(self, since: int) -> Sequence[ProcessRow]:
        """The processes that were alive since then."""
        query = sa.select(processes).where(processes.c.beat_at >= since).order_by(processes.c.started_at)
        return [
            ProcessRow(row.id, row.role, row.host, row.pid, row.started_at, row.beat_at, json.loads(row.facts))
            for row in self._soon(query)
        ]
