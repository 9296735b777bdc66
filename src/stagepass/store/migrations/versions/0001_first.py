"""The first schema: jobs, their stage runs, and what belongs to them.

Written out, not taken from `tables.py`: history must not change when the tables do.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}
LONG = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("pipeline", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("idempotency_key", sa.String(200)),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("input", LONG, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("tally", sa.Text, nullable=False),
        sa.Column("stepwise", sa.Boolean, nullable=False),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.UniqueConstraint("owner", "idempotency_key", name="uq_jobs_owner_key"),
        **MYSQL,
    )
    op.create_index("ix_jobs_owner", "jobs", ["owner", "id"])
    op.create_index("ix_jobs_finished", "jobs", ["pipeline", "finished_at"])

    op.create_table(
        "stage_runs",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("job_id", sa.String(40), nullable=False),
        sa.Column("pipeline", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("stage", sa.String(40), nullable=False),
        sa.Column("item", sa.Integer),
        sa.Column("queue", sa.String(81), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("crashes", sa.Integer, nullable=False),
        sa.Column("token", sa.String(32)),
        sa.Column("worker", sa.String(40)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("attempt_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("item_input", LONG),
        sa.Column("output", LONG),
        sa.Column("error", sa.Text),
        sa.Column("scratch", sa.Text, nullable=False),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("message", sa.String(500)),
        **MYSQL,
    )
    op.create_index("ix_stage_runs_job", "stage_runs", ["job_id", "stage"])
    _partial_index(
        "ix_stage_runs_ready", ["queue", "state", sa.text("priority DESC"), "turn", "due_at"], "state = 'ready'"
    )
    _partial_index("ix_stage_runs_turns", ["queue", "state", "priority", "owner", "turn"], "state = 'ready'")
    _partial_index("ix_stage_runs_due", ["state", "due_at"], "state IN ('waiting', 'retrying', 'parked')")
    _partial_index("ix_stage_runs_worker", ["worker", "state"], "state = 'running'")
    _partial_index("ix_stage_runs_stopped", ["state", "id"], "state IN ('failed', 'held')")

    op.create_table(
        "events",
        sa.Column("job_id", sa.String(40), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("type", sa.String(24), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("stage", sa.String(40)),
        sa.Column("item", sa.Integer),
        sa.Column("data", sa.Text, nullable=False),
        **MYSQL,
    )

    op.create_table(
        "attempts",
        sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("job_id", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(40), nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("error", sa.Text),
        **MYSQL,
    )
    op.create_index("ix_attempts_job", "attempts", ["job_id", "run_id"])

    op.create_table(
        "memos",
        sa.Column("run_id", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("value", LONG),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        **MYSQL,
    )

    op.create_table(
        "spends",
        sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("job_id", sa.String(40), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("provider", sa.String(60), nullable=False),
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("tokens_in", sa.Integer, nullable=False),
        sa.Column("tokens_out", sa.Integer, nullable=False),
        sa.Column("usd", sa.Double, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        **MYSQL,
    )
    op.create_index("ix_spends_job", "spends", ["job_id"])

    op.create_table(
        "workers",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("host", sa.String(120), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("queues", sa.Text, nullable=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("beat_at", sa.BigInteger, nullable=False),
        **MYSQL,
    )

    op.create_table(
        "files",
        sa.Column("uri", sa.String(300), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("type", sa.String(100), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("job_id", sa.String(40)),
        sa.Column("run_id", sa.String(100)),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        **MYSQL,
    )
    op.create_index("ix_files_job", "files", ["job_id"])
    op.create_index("ix_files_owner", "files", ["owner"])


def _partial_index(name: str, columns: list[str | sa.TextClause], condition: str) -> None:
    """An index of stage runs, over only these rows where the database can do that."""
    where = sa.text(condition)
    op.create_index(name, "stage_runs", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for table in ("files", "workers", "spends", "memos", "attempts", "events", "stage_runs", "jobs"):
        op.drop_table(table)
