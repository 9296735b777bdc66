"""The calls of routes that are measured: how long each took, and what it cost."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from stagepass.store.migrations import steps

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    steps.create_table(
        "api_metrics",
        sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("endpoint", sa.String(100), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("client_ip", sa.String(45), nullable=False),
        sa.Column("response_ms", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("error", sa.String(60)),
        sa.Column("job_id", sa.String(40)),
        sa.Column("model_ms", sa.Integer),
        sa.Column("tokens", sa.Integer),
        sa.Index("ix_api_metrics_at", "at"),
        sa.Index("ix_api_metrics_session", "session_id"),
        sa.Index("ix_api_metrics_job", "job_id"),
        **MYSQL,
    )


def downgrade() -> None:
    op.drop_table("api_metrics")
