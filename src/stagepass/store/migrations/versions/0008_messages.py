"""Messages: what is sent to a job is kept in order, and taken once."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

from stagepass.store.migrations import steps

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}
LONG = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    steps.create_table(
        "messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("job_id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("message_key", sa.String(200)),
        sa.Column("payload", LONG, nullable=False),
        sa.Column("sent_at", sa.BigInteger, nullable=False),
        sa.Column("taken_by", sa.String(100)),
        sa.Index("ix_messages_job", "job_id", "name", "taken_by"),
        sa.Index("ux_messages_key", "job_id", "message_key", unique=True),
        **MYSQL,
    )


def downgrade() -> None:
    op.drop_table("messages")
