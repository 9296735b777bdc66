"""Which memos cost nothing to make again, and which jobs keep orders for stages that are made again.

Old code keeps working beside it: the columns may be NULL.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("keeps_orders", sa.Boolean))
    op.add_column("memos", sa.Column("free", sa.Boolean))


def downgrade() -> None:
    op.drop_column("memos", "free")
    op.drop_column("jobs", "keeps_orders")
