"""A measured call has an owner, so that only its owner deletes it; calls for a job get the job's owner.

Old code keeps working: its rows have no owner, and are deleted by age.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_metrics", sa.Column("owner", sa.String(200), nullable=False, server_default=""))
    op.execute(
        "UPDATE api_metrics SET owner = (SELECT owner FROM jobs WHERE jobs.id = api_metrics.job_id) "
        "WHERE job_id IN (SELECT id FROM jobs)"
    )
    op.create_index("ix_api_metrics_owner", "api_metrics", ["owner", "session_id"])


def downgrade() -> None:
    op.drop_index("ix_api_metrics_owner", "api_metrics")
    op.drop_column("api_metrics", "owner")
