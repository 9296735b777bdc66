"""Nested jobs know the stage run that started them; schedules and when each is due next."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

from stagepass.store.migrations import steps

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}
LONG = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")
CHILDREN = "parent IS NOT NULL AND finished_at IS NULL"
OLD = (
    "id, pipeline, version, owner, idempotency_key, body_hash, state, priority, input, seq, tally, stepwise, "
    "cancel_requested, error, created_at, updated_at, finished_at"
)


def upgrade() -> None:
    parent = sa.Column("parent", sa.String(100))
    if op.get_bind().dialect.name == "sqlite":
        _make_jobs_again([parent])
    else:
        steps.add_columns("jobs", parent)
    steps.create_index("ix_jobs_children", "jobs", ["finished_at", "parent"], where=CHILDREN)
    steps.create_table(
        "schedules",
        sa.Column("name", sa.String(90), primary_key=True),
        sa.Column("timing", sa.String(200), nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger),
        sa.Column("last_job", sa.String(40)),
        **MYSQL,
    )


def downgrade() -> None:
    op.drop_table("schedules")
    op.drop_index("ix_jobs_children", "jobs")
    if op.get_bind().dialect.name == "sqlite":
        _make_jobs_again([])
    else:
        op.drop_column("jobs", "parent")


def _make_jobs_again(columns: list["sa.Column[Any]"]) -> None:
    """SQLite writes an added column behind the table's constraints; made again, the schema is the one declared."""
    op.execute(f"CREATE TABLE jobs_before AS SELECT {OLD} FROM jobs")
    op.drop_table("jobs")
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
        *columns,
        sa.UniqueConstraint("owner", "idempotency_key", name="uq_jobs_owner_key"),
    )
    op.create_index("ix_jobs_owner", "jobs", ["owner", "id"])
    op.create_index("ix_jobs_finished", "jobs", ["pipeline", "finished_at"])
    op.execute(f"INSERT INTO jobs ({OLD}) SELECT {OLD} FROM jobs_before")
    op.drop_table("jobs_before")
