"""What operators do: tags, the audit log, pauses, limits at run time, bulk operations; and where a job's trace began.

Old code keeps working: it leaves the new column empty, and only new code reads the tables.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

from stagepass.store.migrations import steps

revision = "0011"
down_revision = "0010"
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
    steps.add_columns("jobs", sa.Column("traceparent", sa.String(55)))
    _tags()
    _audit()
    _pauses_and_limits()
    _bulk_operations()


def _tags() -> None:
    steps.create_table(
        "job_tags",
        sa.Column("job_id", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Index("ix_job_tags_value", "name", "value", "job_id"),
        **MYSQL,
    )


def _audit() -> None:
    steps.create_table(
        "audit",
        sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("role", sa.String(12), nullable=False),
        sa.Column("origin", sa.String(200), nullable=False),
        sa.Column("act", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(250), nullable=False),
        sa.Column("job_id", sa.String(40)),
        sa.Column("owner", sa.String(200)),
        sa.Column("bulk_id", sa.String(40)),
        sa.Column("old_value", LONG),
        sa.Column("new_value", LONG),
        sa.Column("why", sa.String(500)),
        sa.Index("ix_audit_at", "at"),
        sa.Index("ix_audit_job", "job_id", "id"),
        sa.Index("ix_audit_owner", "owner", "id"),
        sa.Index("ix_audit_actor", "actor", "id"),
        sa.Index("ix_audit_bulk", "bulk_id", "id"),
        **MYSQL,
    )


def _pauses_and_limits() -> None:
    steps.create_table(
        "pauses",
        sa.Column("scope", sa.String(12), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("why", sa.String(500)),
        **MYSQL,
    )
    steps.create_table(
        "runtime_limits",
        sa.Column("scope", sa.String(12), primary_key=True),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("concurrency", sa.Integer),
        sa.Column("rate", sa.Integer),
        sa.Column("per_ms", sa.BigInteger),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("why", sa.String(500)),
        **MYSQL,
    )


def _bulk_operations() -> None:
    steps.create_table(
        "bulk_operations",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("act", sa.String(12), nullable=False),
        sa.Column("selection", LONG, nullable=False),
        sa.Column("options", LONG, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("usd", sa.Double),
        sa.Column("position", sa.String(100)),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("refused", sa.Integer, nullable=False),
        sa.Column("refusals", LONG, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("role", sa.String(12), nullable=False),
        sa.Column("origin", sa.String(200), nullable=False),
        sa.Column("why", sa.String(500)),
        sa.Column("holder", sa.String(40)),
        sa.Column("held_until", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Index("ix_bulk_operations_open", "finished_at", "id"),
        **MYSQL,
    )


def downgrade() -> None:
    for table in ("bulk_operations", "runtime_limits", "pauses", "audit", "job_tags"):
        op.drop_table(table)
    op.drop_column("jobs", "traceparent")
