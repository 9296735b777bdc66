"""Updates of a batch on MySQL and MariaDB: one statement per table, its rows a JSON parameter."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from stagepass.store import rows
from stagepass.store.prepared import translated_by
from stagepass.store.tables import jobs, stage_runs

LONGEST = 1_000_000
"""Characters of one parameter; a server takes packets up to a limit of its own, the default 16 MB or more."""


def update_runs(db: Connection, values: Sequence[Mapping[str, Any]]) -> int:
    """Update stage runs, each where it has the state and the token with which it was read. Returns how many had."""
    return _run(db, _update_runs(), values)


def update_jobs(db: Connection, values: Sequence[Mapping[str, Any]]) -> int:
    """Update jobs that this transaction has locked."""
    return _run(db, _update_jobs(), values)


def _run(db: Connection, sql: str, values: Sequence[Mapping[str, Any]]) -> int:
    touched, part, size = 0, list[str](), 0
    for value in values:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if part and size + len(text) > LONGEST:
            touched += _execute(db, sql, part)
            part, size = [], 0
        part.append(text)
        size += len(text)
    return touched + (_execute(db, sql, part) if part else 0)


def _execute(db: Connection, sql: str, records: Sequence[str]) -> int:
    cursor = db.connection.cursor()
    try:
        with translated_by(db, sql, cursor):
            return int(cursor.execute(sql, (f"[{','.join(records)}]",)))
    finally:
        cursor.close()


def _table(columns: Mapping[str, str]) -> str:
    # texts without a length and errors as such: what does not fit must be refused, and not become NULL
    fields = ", ".join(f"{name} {kind} PATH '$.{name}' ERROR ON ERROR" for name, kind in columns.items())
    return f"JSON_TABLE(%s, '$[*]' COLUMNS ({fields})) AS v"


def _type(column: sa.Column[Any]) -> str:
    kinds = ((sa.Boolean, "TINYINT"), (sa.BigInteger, "BIGINT"), (sa.Integer, "INT"), (sa.Double, "DOUBLE"))
    return next((name for kind, name in kinds if isinstance(column.type, kind)), "LONGTEXT")


@cache
def _update_runs() -> str:
    changes = {name: _type(stage_runs.c[name]) for name in rows.RUN_CHANGES}
    values = ", ".join(
        f"r.{name} = " + ("CASE v.b_unread WHEN 1 THEN r.output ELSE v.output END" if name == "output" else f"v.{name}")
        for name in changes
    )
    guards = {"b_id": "VARCHAR(100)", "b_state": "VARCHAR(12)", "b_token": "VARCHAR(32)", "b_unread": "TINYINT"}
    return (
        f"UPDATE {_table(guards | changes)} STRAIGHT_JOIN stage_runs AS r FORCE INDEX (PRIMARY) ON r.id = v.b_id "
        f"SET {values} WHERE r.state = v.b_state AND COALESCE(r.token, '') = v.b_token"
    )


@cache
def _update_jobs() -> str:
    changes = {name: _type(jobs.c[name]) for name in rows.JOB_CHANGES}
    values = ", ".join(f"j.{name} = v.{name}" for name in changes)
    columns = {"b_id": "VARCHAR(40)"} | changes
    return f"UPDATE {_table(columns)} STRAIGHT_JOIN jobs AS j FORCE INDEX (PRIMARY) ON j.id = v.b_id SET {values}"
