"""The lock that a worker's process holds while it lives, so that its death is seen at once.

Old code keeps working: it leaves the column empty, and its workers are watched by their heartbeats.
"""

import sqlalchemy as sa
from alembic import op

from stagepass.store.migrations import steps

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_columns("workers", sa.Column("lock_key", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("workers", "lock_key")
