"""Pauses and limits that operators set at run time: as rows, and as claims see them."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from stagepass.engine.model.controls import Controls, Pause, RuntimeLimit, Scope
from stagepass.engine.model.limits import Limit
from stagepass.engine.model.transaction import Candidate, Ready
from stagepass.store import texts
from stagepass.store.base import Connections
from stagepass.store.tables import pauses, runtime_limits, stage_runs


class ControlReads(Connections):
    """Part of `SqlStore`."""

    def pauses(self) -> list[Pause]:
        """All pauses, the oldest first."""
        return [_pause_of(row) for row in self._all(sa.select(pauses).order_by(pauses.c.since, pauses.c.name))]

    def runtime_limits(self) -> list[RuntimeLimit]:
        """All limits that were set at run time, by scope and name."""
        c = runtime_limits.c
        return [_limit_of(row) for row in self._all(sa.select(runtime_limits).order_by(c.scope, c.name))]


def unpaused() -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions on stage runs that no pause holds, and whose queue is not full."""
    c, p, one = stage_runs.c, pauses.c, sa.literal_column
    full = sa.select(runtime_limits.c.name).where(
        runtime_limits.c.scope == one("'queue'"),
        runtime_limits.c.concurrency
        <= sa.select(sa.func.count())
        .select_from(stage_runs.alias("r"))
        .where(sa.text("r.state = 'running'"), sa.text("r.queue = runtime_limits.name"))
        .scalar_subquery(),
    )
    return (
        ~sa.exists(sa.select(p.scope).where(p.scope == one("'all'"))),
        *(
            column.not_in(sa.select(p.name).where(p.scope == one(f"'{scope}'")))
            for column, scope in ((c.pipeline, "pipeline"), (c.queue, "queue"), (c.owner, "owner"))
        ),
        c.queue.not_in(full),
    )


# ── for the committer ──


def ready_of(rows: Iterable[Sequence[Any]]) -> Ready:
    """The rows of `first_ready`: candidates, and the controls in the same columns."""
    candidates, held, concurrency = [], [], {}
    for row in rows:
        if row[0] == "pause":
            held.append(Pause(Scope(row[1]), row[6], row[4], ""))
        elif row[0] == "limit":
            concurrency[row[6]] = row[2]
        else:
            candidates.append(Candidate(*row))
    return Ready(candidates, Controls(tuple(held), concurrency))


def pause(db: Connection, scope: Scope, name: str) -> Pause | None:
    row = db.execute(sa.select(pauses).where(pauses.c.scope == scope.value, pauses.c.name == name)).first()
    return _pause_of(row) if row else None


def limit(db: Connection, scope: Scope, name: str) -> RuntimeLimit | None:
    c = runtime_limits.c
    row = db.execute(sa.select(runtime_limits).where(c.scope == scope.value, c.name == name)).first()
    return _limit_of(row) if row else None


def count_running(db: Connection, queues: Sequence[str]) -> dict[str, int]:
    """See `stagepass.engine.model.transaction.Tx`."""
    c, r = runtime_limits.c, stage_runs.c
    held = sa.select(c.name).where(c.scope == Scope.QUEUE.value, c.name.in_(queues)).order_by(c.name)
    db.execute(held.with_for_update()).all()
    query = sa.select(r.queue, sa.func.count()).where(sa.text("state = 'running'"), r.queue.in_(queues))
    return dict.fromkeys(queues, 0) | dict(map(tuple, db.execute(query.group_by(r.queue))))


def write_controls(db: Connection, new: Sequence[Pause | RuntimeLimit], lifted: Sequence[Pause | RuntimeLimit]) -> None:
    """Replace these, and delete those that were lifted."""
    for control in (*new, *lifted):
        table = pauses if isinstance(control, Pause) else runtime_limits
        db.execute(sa.delete(table).where(table.c.scope == control.scope.value, table.c.name == control.name))
    for control in new:
        table = pauses if isinstance(control, Pause) else runtime_limits
        db.execute(sa.insert(table), _row(control))


def _row(control: Pause | RuntimeLimit) -> dict[str, Any]:
    row = {
        "scope": control.scope.value,
        "name": control.name,
        "since": control.since,
        "actor": control.actor,
        "why": texts.short(control.why),
    }
    if isinstance(control, RuntimeLimit):
        limit = control.limit
        row |= {"concurrency": limit.concurrency, "rate": limit.rate, "per_ms": int(limit.per * 1000)}
    return row


def _pause_of(row: Any) -> Pause:
    return Pause(Scope(row.scope), row.name, row.since, row.actor, row.why)


def _limit_of(row: Any) -> RuntimeLimit:
    limit = Limit(row.concurrency, row.rate, (row.per_ms or 1000) / 1000)
    return RuntimeLimit(Scope(row.scope), row.name, limit, row.since, row.actor, row.why)
