"""Statements of the committer's transactions, compiled once per database."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from stagepass.engine.model.records import UNREAD
from stagepass.store import rows
from stagepass.store.prepared import ByList, Prepared
from stagepass.store.tables import attempts, events, jobs, memos, messages, pauses, runtime_limits, spends, stage_runs

CHUNK = 500
"""Values in one IN list; every supported database takes more."""

JOB = [jobs.c[name] for name in rows.job_of.columns]
RUN = [stage_runs.c[name] for name in rows.run_of.columns]


def _without(columns: list[sa.Column[Any]], *large: str) -> list[sa.ColumnElement[Any]]:
    return [sa.literal_column(f"'{UNREAD}'").label(c.name) if c.name in large else c for c in columns]


LEAN_JOB = _without(JOB, "input")
LEAN_RUN = _without(RUN, "item_input", "output")
CLAIMED_RUN = _without(RUN, "output")

NO_ORDERS = ("~", "run:", "approval:", "verdict:", "told:")
"""Beginnings of memos' names that are records of calls, of this release and of those before it."""

_READY: sa.ColumnElement[str] = sa.literal_column("'ready'")  # literal, so that the partial indexes are used


def _jobs_by_id(ids: list[Any], columns: Sequence[Any] = JOB) -> sa.Select[Any]:
    return sa.select(*columns).where(jobs.c.id.in_(ids)).order_by(jobs.c.id)


def _ready_by_id(ids: list[Any]) -> sa.Select[Any]:
    # Not the bare column: PostgreSQL would take the partial index of what is ready for the shorter way,
    # and read a whole backlog that has grown since its last statistics, to find ten rows of it.
    state = stage_runs.c.state.concat(sa.literal_column("''"))
    return sa.select(*CLAIMED_RUN).where(stage_runs.c.id.in_(ids), state == _READY)


def _outputs(jobs: list[Any], stages: list[Any]) -> sa.Select[Any]:
    c = stage_runs.c
    return sa.select(c.job_id, c.stage, c.item, c.output, c.error).where(
        c.job_id.in_(jobs), c.stage.in_(stages), sa.text("state IN ('completed', 'skipped', 'failed', 'discarded')")
    )


# SQLite has one writer, who holds the whole database: there are no rows to lock
JOBS_BY_ID = ByList(_jobs_by_id, "ids")
LEAN_JOBS = ByList(lambda ids: _jobs_by_id(ids, LEAN_JOB), "ids")
LEAN_JOBS_LOCKED = ByList(lambda ids: _jobs_by_id(ids, LEAN_JOB).with_for_update(), "ids")
JOBS_FREE = ByList(lambda ids: _jobs_by_id(ids).with_for_update(skip_locked=True), "ids")
LEAN_RUNS = ByList(lambda ids: sa.select(*LEAN_RUN).where(stage_runs.c.id.in_(ids)), "ids")
LEAN_JOBS_FREE = ByList(lambda ids: _jobs_by_id(ids, LEAN_JOB).with_for_update(skip_locked=True), "ids")
LEAN_RUNS_FREE = ByList(
    lambda ids: sa.select(*LEAN_RUN).where(stage_runs.c.id.in_(ids)).with_for_update(skip_locked=True), "ids"
)
JOB_IDS_FREE, RUN_IDS_FREE = (
    ByList(lambda ids, c=c: sa.select(c).where(c.in_(ids)).order_by(c).with_for_update(skip_locked=True), "ids")
    for c in (jobs.c.id, stage_runs.c.id)
)
READY_BY_ID = ByList(_ready_by_id, "ids")
READY_FREE = ByList(lambda ids: _ready_by_id(ids).with_for_update(skip_locked=True), "ids")
OUTPUTS = ByList(_outputs, "jobs", "stages")

_OUTPUT = sa.case((sa.bindparam("b_unread") == 1, stage_runs.c.output), else_=sa.bindparam("output", type_=sa.Text))
"""An unread one stays unchanged."""

UPDATE_RUN = Prepared(
    sa.update(stage_runs)
    .where(
        stage_runs.c.id == sa.bindparam("b_id"),
        stage_runs.c.state == sa.bindparam("b_state"),
        sa.func.coalesce(stage_runs.c.token, sa.literal_column("''")) == sa.bindparam("b_token"),
    )
    .values({name: sa.bindparam(name) for name in rows.RUN_CHANGES} | {"output": _OUTPUT})
)
UPDATE_JOB = Prepared(
    sa.update(jobs)
    .where(jobs.c.id == sa.bindparam("b_id"))
    .values({name: sa.bindparam(name) for name in rows.JOB_CHANGES})
)
UPDATE_MEMO = (
    sa.update(memos)
    .where(
        memos.c.run_id == sa.bindparam("b_run"),
        memos.c.name == sa.bindparam("b_name"),
        memos.c.token == sa.bindparam("b_token"),
    )
    .values(value=sa.bindparam("b_value"))
)


INSERT = {table: Prepared(sa.insert(table)) for table in (jobs, stage_runs, events, attempts, memos)}


def unread_messages(job_id: str, name: str) -> sa.Select[Any]:
    """Messages of that name that nothing has taken, in the order in which they were kept."""
    c = messages.c
    return sa.select(messages).where(c.job_id == job_id, c.name == name, c.taken_by.is_(None)).order_by(c.id)


def taken_by(run_id: str) -> tuple[Any, ...]:
    return messages.c.job_id == run_id.partition(".")[0], messages.c.taken_by == run_id


@cache
def new_spend(dialect: str) -> sa.Insert:
    """A payment, unless one with its key is there."""
    match dialect:
        case "sqlite":
            return sqlite.insert(spends).on_conflict_do_nothing()
        case "postgresql":
            return postgresql.insert(spends).on_conflict_do_nothing()
        case _:
            return mysql.insert(spends).on_duplicate_key_update(run_id=spends.c.run_id)


def chunks(ids: Iterable[Any], size: int = CHUNK) -> Iterable[list[Any]]:
    """The ids in lists of at most `size`."""
    everything = list(ids)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


@cache
def last_turns(count: int) -> Prepared:
    """For each (queue, priority, owner, urgency): the last turns of the owner's runs, and the first turn of any."""
    c = stage_runs.c
    parts = []
    for number in range(count):
        line = (
            c.queue == sa.bindparam(f"queue{number}"),
            c.state == _READY,
            c.priority == sa.bindparam(f"priority{number}"),
        )
        turns = sa.select(c.turn).where(*line).limit(1)  # by the index's order, where max() may read every row
        own = turns.where(c.owner == sa.bindparam(f"owner{number}")).order_by(c.turn.desc())
        urgency = sa.bindparam(f"urgency{number}", type_=sa.Integer)
        alike = own.where(c.urgency == urgency)
        above = sa.select(sa.func.max(c.turn)).where(
            *line, c.owner == sa.bindparam(f"owner{number}"), c.urgency > urgency
        )
        found = (alike, above, turns.order_by(c.turn))
        parts.append(sa.select(sa.literal_column(str(number)), *(query.scalar_subquery() for query in found)))
    return Prepared(sa.union_all(*parts))


PAUSED_OWNERS = sa.select(pauses.c.name).where(pauses.c.scope == sa.literal_column("'owner'"))

_NONE: sa.ColumnElement[int] = sa.literal_column("0")
CONTROLS = (
    sa.select(sa.literal_column("'pause'"), pauses.c.scope, _NONE, _NONE, pauses.c.since, _NONE, pauses.c.name).where(
        pauses.c.scope != sa.literal_column("'provider'")
    ),
    sa.select(
        sa.literal_column("'limit'"),
        runtime_limits.c.scope,
        runtime_limits.c.concurrency,
        _NONE,
        runtime_limits.c.since,
        _NONE,
        runtime_limits.c.name,
    ).where(runtime_limits.c.scope == sa.literal_column("'queue'")),
)
"""What claims obey, in the columns of `Candidate`; `stagepass.store.controls.ready_of` tells them apart."""

CONTROLS_ALONE = Prepared(sa.union_all(*CONTROLS))


@cache
def first_ready(count: int) -> Prepared:
    """The first ready runs of each queue, without those of paused owners; and in the same form what operators have set."""
    c = stage_runs.c
    lanes = [
        sa.select(c.id, c.queue, c.priority, c.turn, c.due_at, sa.func.coalesce(c.urgency, 0), c.owner)
        .where(c.queue == sa.bindparam(f"queue{number}"), c.state == _READY, c.owner.not_in(PAUSED_OWNERS))
        .order_by(c.priority.desc(), c.turn, c.urgency.desc(), c.due_at)
        .limit(sa.bindparam("more", type_=sa.Integer))
        .subquery()
        for number in range(count)
    ]
    return Prepared(sa.union_all(*(sa.select(lane) for lane in lanes), *CONTROLS))
