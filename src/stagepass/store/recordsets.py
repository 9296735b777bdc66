"""Statements for PostgreSQL that read or write a batch, however large it is.

The rows to write are one parameter: a JSON list of objects. The rows to read are named by arrays.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from stagepass.engine.model.records import UNREAD
from stagepass.store import rows
from stagepass.store.tables import attempts, events, jobs, memos, spends, stage_runs

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_LARGE = ("input", "item_input", "output")


def parameter(records: Iterable[Mapping[str, Any]]) -> bytes:
    """The rows of a batch."""
    return _encode(list(records)).encode()


def _type(column: sa.Column[Any]) -> str:
    kinds = ((sa.Boolean, "boolean"), (sa.BigInteger, "bigint"), (sa.Integer, "integer"), (sa.Double, "float8"))
    return next((name for kind, name in kinds if isinstance(column.type, kind)), "text")


def _records(columns: Mapping[str, str]) -> str:
    fields = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return f"json_to_recordset($1::json) AS v({fields})"


def _insert(table: sa.Table, tail: str = "") -> bytes:
    columns = {column.name: _type(column) for column in table.c if column.autoincrement is not True}
    names = ", ".join(columns)
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_records(columns)} {tail}".encode()


def _columns(table: sa.Table, names: Sequence[str], alias: str, *, without: Sequence[str] = ()) -> str:
    return ", ".join(
        f"'{UNREAD}'::text AS {name}" if name in without else f"{alias}.{table.c[name].name}" for name in names
    )


def _update_runs() -> bytes:
    """Each where it has the state and the token with which it was read; it divides by zero when one has not."""
    changes = {name: _type(stage_runs.c[name]) for name in rows.RUN_CHANGES}
    values = ", ".join(
        f"{name} = " + ("CASE WHEN v.b_unread THEN r.output ELSE v.output END" if name == "output" else f"v.{name}")
        for name in changes
    )
    guards = {"b_id": "text", "b_state": "text", "b_token": "text", "b_unread": "boolean"}
    return (
        f"WITH written AS (UPDATE stage_runs AS r SET {values} FROM {_records(guards | changes)} "
        "WHERE r.id = v.b_id AND r.state = v.b_state AND coalesce(r.token, '') = v.b_token RETURNING 1) "
        "SELECT 1 / (count(*) = $2::bigint)::integer FROM written"
    ).encode()


def _update_jobs() -> bytes:
    changes = {name: _type(jobs.c[name]) for name in rows.JOB_CHANGES}
    values = ", ".join(f"{name} = v.{name}" for name in changes)
    return f"UPDATE jobs AS j SET {values} FROM {_records({'b_id': 'text'} | changes)} WHERE j.id = v.b_id".encode()


INSERT = {table: _insert(table) for table in (jobs, stage_runs, events, attempts, memos)}
INSERT[spends] = _insert(spends, "ON CONFLICT DO NOTHING")
UPDATE_RUNS, UPDATE_JOBS = _update_runs(), _update_jobs()
UPDATE_MEMOS = (
    "UPDATE memos AS m SET value = v.value FROM "
    + _records({"run_id": "text", "name": "text", "token": "text", "value": "text"})
    + " WHERE m.run_id = v.run_id AND m.name = v.name AND m.token = v.token"
).encode()

_JOB, _LEAN_JOB = (_columns(jobs, rows.job_of.columns, "j", without=large) for large in ((), _LARGE))
_LEAN_RUN = _columns(stage_runs, rows.run_of.columns, "r", without=_LARGE)
_CLAIMED_RUN = _columns(stage_runs, rows.run_of.columns, "r", without=("output",))

LOCK_JOBS = f"SELECT {_LEAN_JOB} FROM jobs j WHERE j.id = ANY($1::text[]) ORDER BY j.id FOR UPDATE".encode()
JOBS_BY_KEY = (
    f"SELECT {_JOB} FROM unnest($1::text[], $2::text[]) AS k(owner, key) "
    "JOIN jobs j ON j.owner = k.owner AND j.idempotency_key = k.key"
).encode()
RUNS = f"SELECT {_LEAN_RUN} FROM stage_runs r WHERE r.id = ANY($1::text[])".encode()

CONTROLS = (
    b"SELECT 'pause' AS id, scope AS queue, 0 AS priority, 0::bigint AS turn, since AS due_at, 0 AS urgency, name AS owner "
    b"FROM pauses WHERE scope <> 'provider' UNION ALL "
    b"SELECT 'limit', scope, concurrency, 0, since, 0, name FROM runtime_limits WHERE scope = 'queue'"
)
"""What operators have set, in the columns of `CANDIDATES`; `stagepass.store.controls.ready_of` tells them apart."""

CANDIDATES = (
    b"SELECT c.* FROM unnest($1::text[]) AS q(name) CROSS JOIN LATERAL ("
    b"SELECT id, queue, priority, turn, due_at, coalesce(urgency, 0), owner FROM stage_runs "
    b"WHERE queue = q.name AND state = 'ready' AND owner NOT IN (SELECT name FROM pauses WHERE scope = 'owner') "
    b"ORDER BY priority DESC, turn, urgency DESC, due_at LIMIT $2::bigint) AS c UNION ALL " + CONTROLS
)
"""The first ready runs of each queue, without those of paused owners; then `CONTROLS`."""


def _line() -> bytes:
    line = "FROM stage_runs r WHERE r.queue = q.queue AND r.state = 'ready' AND r.priority = q.priority"
    own = f"{line} AND r.owner = q.owner"
    # ordered as in the index of the owner's line: in that of the queue, max() would read others' backlog
    above = f"SELECT r.turn {own} AND r.urgency > q.urgency ORDER BY r.urgency OFFSET 0"
    return (
        f"SELECT (SELECT r.turn {own} AND r.urgency = q.urgency ORDER BY r.turn DESC LIMIT 1), "
        f"(SELECT max(a.turn) FROM ({above}) AS a), "
        f"(SELECT r.turn {line} ORDER BY r.turn LIMIT 1) "
        "FROM unnest($1::text[], $2::integer[], $3::text[], $4::integer[]) WITH ORDINALITY "
        "AS q(queue, priority, owner, urgency, n) ORDER BY q.n"
    ).encode()


LINE_UP = _line()
"""For each (queue, priority, owner, urgency): the last turns of the owner's runs, and the first turn of any."""


def _take(job: str) -> bytes:
    # In the order of the ids, and no further than is wanted: what is locked here is out of reach for other workers.
    # Not the bare state: PostgreSQL would take the partial index of what is ready for the shorter way, and read a
    # whole backlog that has grown since its last statistics, to find ten rows of it.
    return (
        f"SELECT r.*, j.* FROM unnest($1::text[]) AS w(id) CROSS JOIN LATERAL (SELECT {_CLAIMED_RUN} FROM stage_runs r "
        "WHERE r.id = w.id AND r.state || '' = 'ready' FOR UPDATE SKIP LOCKED) AS r CROSS JOIN LATERAL ("
        f"SELECT {job} FROM jobs j WHERE j.id = r.job_id FOR UPDATE SKIP LOCKED) AS j LIMIT $2::bigint"
    ).encode()


TAKE, TAKE_LEAN = _take(_JOB), _take(_LEAN_JOB)
"""Ready runs with their jobs, without what another transaction holds."""
