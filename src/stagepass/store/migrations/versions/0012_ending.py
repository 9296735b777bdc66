"""How a job that cleans up after itself will end: `failed` or `cancelled`.

Old code keeps working: it leaves the column empty, and knows no pipeline whose jobs clean up.
"""

import sqlalchemy as sa
from alembic import op

from stagepass.store.migrations import steps

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_columns("jobs", sa.Column("ending", sa.String(12)))


def downgrade() -> None:
    op.drop_column("jobs", "ending")
