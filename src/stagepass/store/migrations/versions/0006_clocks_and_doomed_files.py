"""A worker's clock beside the database's, which release timed a schedule, and files whose rows are gone already.

Old code keeps working: the new columns may be NULL, and only new code reads the table.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from stagepass.store.migrations import steps

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}


def upgrade() -> None:
    steps.add_columns("workers", sa.Column("clock_off", sa.BigInteger))
    steps.add_columns("schedules", sa.Column("version", sa.Integer), sa.Column("declared_at", sa.BigInteger))
    steps.create_table(
        "doomed_files",
        sa.Column("uri", sa.String(300), primary_key=True),
        sa.Column("after", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Index("ix_doomed_files_after", "after"),
        sa.Index("ix_doomed_files_owner", "owner"),
        **MYSQL,
    )


def downgrade() -> None:
    op.drop_table("doomed_files")
    op.drop_column("schedules", "declared_at")
    op.drop_column("schedules", "version")
    op.drop_column("workers", "clock_off")
