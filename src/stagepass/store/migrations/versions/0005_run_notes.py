"""Adds columns for the notes that SQL queries use: the error's code, the blocking provider, `counted`.

Old code keeps working: the columns may be NULL, and its rows are found by their own times.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from stagepass.store.migrations import steps

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CLOSED = (": quota_exhausted", ": down")
BLOCKED = "blocked_by IS NOT NULL"
NOTED = ("waiting", "held", "failed", "discarded", "cancelled")
"""States that are queried by these columns; other rows are filled on their next write."""

runs = sa.table(
    "stage_runs",
    *(sa.column(name, sa.Text) for name in ("id", "state", "error", "scratch", "error_code", "blocked_by")),
    sa.column("counted", sa.Boolean),
)


def upgrade() -> None:
    steps.lock_jobs_first("stage_runs")
    steps.add_columns(
        "stage_runs",
        sa.Column("error_code", sa.String(60)),
        sa.Column("blocked_by", sa.String(60)),
        sa.Column("counted", sa.Boolean),
    )
    _fill()
    steps.create_index("ix_stage_runs_blocked", "stage_runs", ["blocked_by", "due_at"], where=BLOCKED)


def downgrade() -> None:
    op.drop_index("ix_stage_runs_blocked", "stage_runs")
    for name in ("counted", "blocked_by", "error_code"):
        op.drop_column("stage_runs", name)


def _fill() -> None:
    """By pages of ids; a row that moved on meanwhile was written by code that has no columns, and is left as it is."""
    db = op.get_bind()
    page = sa.select(runs.c.id, runs.c.state, runs.c.error, runs.c.scratch).where(runs.c.state.in_(NOTED))

    def read(last: Any) -> list[Any]:
        after = last.id if last else ""
        return list(db.execute(page.where(runs.c.id > after).order_by(runs.c.id).limit(steps.PAGE)).all())

    def write(row: Any) -> None:
        if values := _columns(row):
            db.execute(sa.update(runs).where(runs.c.id == row.id, runs.c.state == row.state).values(values))

    steps.in_pages(read, write)


def _columns(row: Any) -> dict[str, Any]:
    error, notes = json.loads(row.error or "{}"), json.loads(row.scratch)
    busy = str(notes.get("busy", ""))
    values = {
        "error_code": error.get("code"),
        "blocked_by": busy.rpartition(": ")[0] if row.state == "waiting" and busy.endswith(CLOSED) else None,
        "counted": notes.get("counted"),
    }
    return {name: value for name, value in values.items() if value}
