"""Bulk operations as rows, and what their filters choose."""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from stagepass.engine.model.actors import Actor, Role
from stagepass.engine.model.bulk import Bulk, BulkAct, BulkState, Selection, as_stored, selection_of
from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.ids import first_id
from stagepass.engine.model.orders import Anew
from stagepass.store import texts
from stagepass.store.base import Connections
from stagepass.store.selecting import matching
from stagepass.store.tables import bulk_operations, jobs, stage_runs
from stagepass.store.tags import tagged


class BulkReads(Connections):
    """Part of `SqlStore`."""

    def bulk(self, bulk_id: str) -> Bulk | None:
        found = self._all(sa.select(bulk_operations).where(bulk_operations.c.id == bulk_id))
        return _bulk_of(found[0]) if found else None

    def bulks(self, actor: str | None, before: str | None, limit: int) -> list[Bulk]:
        """Of one person or of all, the newest first."""
        c = bulk_operations.c
        query = sa.select(bulk_operations).order_by(c.id.desc()).limit(limit)
        query = query if actor is None else query.where(c.actor == actor)
        return [_bulk_of(row) for row in self._all(query if before is None else query.where(c.id < before))]

    def open_bulks(self) -> list[Bulk]:
        """Those that are not over, the oldest first."""
        c = bulk_operations.c
        return [
            _bulk_of(row) for row in self._all(sa.select(bulk_operations).where(c.finished_at.is_(None)).order_by(c.id))
        ]

    def hold_bulk(self, bulk_id: str, holder: str, now: int, until: int) -> bool:
        """Take or renew the lease. False while another holds it."""
        c = bulk_operations.c
        free = sa.or_(c.holder.is_(None), c.holder == holder, c.held_until < now)
        taken = sa.update(bulk_operations).where(c.id == bulk_id, c.finished_at.is_(None), free)
        with self._writing() as connection:
            return connection.execute(taken.values(holder=holder, held_until=until)).rowcount == 1

    def selected(self, act: BulkAct, selection: Selection, after: str | None, limit: int) -> list[str]:
        """Ids of the jobs, or of the dead letters, that fit, in order, behind that one."""
        query, id = _chosen(act, selection)
        query = query if after is None else query.where(id > after)
        return [found for (found,) in self._all(query.order_by(id).limit(limit))]

    def count_selected(self, act: BulkAct, selection: Selection, most: int) -> int:
        """How many fit, counted up to a bound."""
        query, _ = _chosen(act, selection)
        return int(self._all(sa.select(sa.func.count()).select_from(query.limit(most).subquery()))[0][0])


def _chosen(act: BulkAct, selection: Selection) -> tuple[sa.Select[Any], sa.Column[str]]:
    if not act.on_dead_letters:
        which = JobFilter(
            selection.owner,
            selection.pipeline,
            selection.states,
            tags=selection.tags,
            code=selection.code,
            since=selection.since,
            until=selection.until,
        )
        return sa.select(jobs.c.id).where(*matching(which)), jobs.c.id
    c = stage_runs.c
    query = sa.select(c.id).where(
        sa.text("stage_runs.state IN ('failed', 'held')"), c.state == sa.literal_column("'failed'")
    )
    same = (
        (c.owner, selection.owner),
        (c.pipeline, selection.pipeline),
        (c.stage, selection.stage),
        (c.error_code, selection.code),
    )
    query = query.where(*(column == value for column, value in same if value is not None))
    if selection.since is not None:
        query = query.where(c.id >= first_id(selection.since))
    if selection.until is not None:
        query = query.where(c.id < first_id(selection.until))
    if selection.tags:
        query = query.join(jobs, jobs.c.id == c.job_id).where(*tagged(selection.tags))
    return query, c.id


# ── for the committer ──


def read(db: Connection, bulk_id: str) -> Bulk | None:
    """Read it, and lock it until the end of the transaction."""
    row = db.execute(sa.select(bulk_operations).where(bulk_operations.c.id == bulk_id).with_for_update()).first()
    return _bulk_of(row) if row else None


def write(db: Connection, bulks: list[Bulk]) -> None:
    c = bulk_operations.c
    for bulk in bulks:
        changes = {
            "state": bulk.state.value,
            "position": bulk.position,
            "done": bulk.done,
            "refused": bulk.refused,
            "refusals": texts.dump(bulk.refusals),
            "updated_at": bulk.updated_at,
            "finished_at": bulk.finished_at,
        }
        if not db.execute(sa.update(bulk_operations).where(c.id == bulk.id).values(**changes)).rowcount:
            db.execute(sa.insert(bulk_operations), {**_fixed(bulk), **changes})


def _fixed(bulk: Bulk) -> dict[str, Any]:
    return {
        "id": bulk.id,
        "act": bulk.act.value,
        "selection": texts.dump(as_stored(bulk.selection)),
        "options": texts.dump({"anew": bulk.anew.value, "tags": bulk.tags}),
        "total": bulk.total,
        "usd": bulk.usd,
        "actor": bulk.by.name,
        "role": bulk.by.role.value,
        "origin": bulk.by.origin,
        "why": texts.short(bulk.by.why),
        "created_at": bulk.created_at,
    }


def _bulk_of(row: Any) -> Bulk:
    options = json.loads(row.options)
    return Bulk(
        id=row.id,
        act=BulkAct(row.act),
        selection=selection_of(json.loads(row.selection)),
        by=Actor(row.actor, Role(row.role), row.origin, row.why),
        total=row.total,
        usd=row.usd,
        created_at=row.created_at,
        updated_at=row.updated_at,
        anew=Anew(options["anew"]),
        tags=options["tags"],
        state=BulkState(row.state),
        position=row.position,
        done=row.done,
        refused=row.refused,
        refusals=json.loads(row.refusals),
        finished_at=row.finished_at,
    )
