"""What each process says about itself: its role, version, settings by fingerprint, the names of its secrets.

Old code keeps working: it says nothing, and the doctor says that it did not.
"""

import sqlalchemy as sa
from alembic import op

from stagepass.store.migrations import steps
from stagepass.store.schema import MYSQL, long_text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "processes",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("role", sa.String(12), nullable=False),
        sa.Column("host", sa.String(120), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("beat_at", sa.BigInteger, nullable=False),
        sa.Column("facts", long_text(), nullable=False),
        **MYSQL,
    )


def downgrade() -> None:
    op.drop_table("processes")
