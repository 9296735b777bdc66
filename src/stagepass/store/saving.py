"""Writes the changes of one transaction, under the guards they were read with."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from stagepass.engine.model.records import UNREAD, Memo
from stagepass.engine.model.transaction import Changes, Stale
from stagepass.store import json_tables, part_rows, rows
from stagepass.store.audit import audit_row
from stagepass.store.bulk import write as write_bulks
from stagepass.store.controls import write_controls
from stagepass.store.doomed import claim
from stagepass.store.statements import INSERT, UPDATE_JOB, UPDATE_MEMO, UPDATE_RUN, chunks, new_spend, taken_by
from stagepass.store.tables import attempts, audit, events, jobs, memos, messages, spends, stage_runs
from stagepass.store.tags import write_tags

_EVERYDAY = {"new_jobs", "new_runs", "jobs", "runs", "events", "attempts", "intents", "memos", "spends"}
_CLEARED = {"dropped_runs", "forgotten"}
_REST = sorted({field.name for field in fields(Changes)} - _EVERYDAY - _CLEARED)
"""Names of the changes, by the function that writes them."""


def save(db: Connection, changes: Changes) -> None:
    clear(db, changes)
    _insert(db, jobs, [rows.job_row(job) for job in changes.new_jobs])
    _insert(db, stage_runs, [rows.run_row(run) for run in changes.new_runs])
    _update_runs(db, changes)
    _update_jobs(db, changes)
    _insert(db, events, [part_rows.event_row(event) for event in changes.events])
    _insert(db, attempts, [part_rows.attempt_row(attempt) for attempt in changes.attempts])
    _insert(db, memos, [part_rows.memo_row(memo) for memo in changes.intents])
    for memo in changes.memos:
        _keep(db, memo)
    if changes.spends:
        db.execute(new_spend(db.dialect.name), [part_rows.spend_row(spend) for spend in changes.spends])
    settle_rest(db, changes)


def clears(changes: Changes) -> bool:
    """Whether something has to go before the rest is written."""
    return any(getattr(changes, name) for name in _CLEARED)


def clear(db: Connection, changes: Changes) -> None:
    """What goes before the rest is written."""
    if changes.dropped_runs:
        for part in chunks(changes.dropped_runs):
            db.execute(sa.delete(stage_runs).where(stage_runs.c.id.in_(part)))
    for run_id, name, token in changes.forgotten:
        gone = sa.delete(memos).where(memos.c.run_id == run_id)
        gone = gone if name is None else gone.where(memos.c.name == name)
        db.execute(gone if token is None else gone.where(memos.c.token == token))
        paid = sa.update(spends).where(spends.c.run_id == run_id).values(given_up=True)
        db.execute(paid if name is None else paid.where(spends.c.memo == name))


def has_rest(changes: Changes) -> bool:
    """Whether there is what `settle_rest` writes."""
    return any(getattr(changes, name) for name in _REST)


def settle_rest(db: Connection, changes: Changes) -> None:
    """What few transactions have: uploads, messages, turns that move, acts of people."""
    for job, kept in changes.files:
        claim(db, kept, job.id, None, job.owner, job.created_at, noted=True)
    _move_back(db, changes.turns)
    if changes.messages:
        db.execute(sa.insert(messages), [part_rows.message_row(message) for message in changes.messages])
    for run_id in changes.returned:
        db.execute(sa.update(messages).where(*taken_by(run_id)).values(taken_by=None))
    for number, run_id in changes.taken:
        free = messages.c.id == number, messages.c.taken_by.is_(None)
        if db.execute(sa.update(messages).where(*free).values(taken_by=run_id)).rowcount != 1:
            raise Stale(f"the message {number} was taken meanwhile")
    write_bulks(db, changes.bulks)
    write_tags(db, changes.tags)
    write_controls(db, changes.controls, changes.lifted)
    if changes.audit:
        db.execute(sa.insert(audit), [audit_row(entry) for entry in changes.audit])


def _insert(db: Connection, table: sa.Table, values: list[dict[str, Any]]) -> None:
    if values:
        INSERT[table].many(db, values)


def _update_runs(db: Connection, changes: Changes) -> None:
    if not changes.runs:
        return
    values = [
        {
            "b_id": run.id,
            "b_state": state.value,
            "b_token": token or "",
            "b_unread": int(run.output == UNREAD),
            **rows.run_changes(run),
        }
        for run, state, token in changes.runs
    ]
    together = len(values) > 1 and db.dialect.name == "mysql"
    written = json_tables.update_runs(db, values) if together else UPDATE_RUN.many(db, values)
    if written != len(values):
        raise Stale(f"{len(values) - written} of {len(values)} stage runs were not as they were read")


def _update_jobs(db: Connection, changes: Changes) -> None:
    values = [{"b_id": job.id, **rows.job_changes(job)} for job in changes.jobs]
    if len(values) > 1 and db.dialect.name == "mysql":
        json_tables.update_jobs(db, values)
    elif values:
        UPDATE_JOB.many(db, values)


def _move_back(db: Connection, turns: Sequence[tuple[str, int]]) -> None:
    c = stage_runs.c
    wanted = dict(turns)
    for part in chunks(sorted(wanted)):
        free = sa.select(c.id).where(c.id.in_(part), c.state == "ready").order_by(c.id)
        for (run_id,) in db.execute(free.with_for_update(skip_locked=True)).all():
            db.execute(sa.update(stage_runs).where(c.id == run_id).values(turn=wanted[run_id]))


def _keep(db: Connection, memo: Memo) -> None:
    db.execute(UPDATE_MEMO, {"b_run": memo.run_id, "b_name": memo.name, "b_token": memo.token, "b_value": memo.value})
