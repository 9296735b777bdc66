"""A measured call has an owner, so that only its owner deletes it; calls for a job get the job's owner.

Old code keeps working: its rows have no owner, and are deleted by age.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from stagepass.store.migrations import steps

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

calls = sa.table("api_metrics", sa.column("id"), sa.column("job_id"), sa.column("owner"))
jobs = sa.table("jobs", sa.column("id"), sa.column("owner"))


def upgrade() -> None:
    steps.add_columns("api_metrics", sa.Column("owner", sa.String(200), nullable=False, server_default=""))
    _fill()
    steps.create_index("ix_api_metrics_owner", "api_metrics", ["owner", "session_id"])


def _fill() -> None:
    """The owner of each call about a job that is there still."""
    db = op.get_bind()
    about = sa.select(calls.c.id, jobs.c.owner).join(jobs, jobs.c.id == calls.c.job_id).where(calls.c.owner == "")

    def read(last: Any) -> list[Any]:
        page = about.where(calls.c.id > (last.id if last else 0)).order_by(calls.c.id).limit(steps.PAGE)
        return list(db.execute(page).all())

    steps.in_pages(read, lambda row: db.execute(sa.update(calls).where(calls.c.id == row.id).values(owner=row.owner)))


def downgrade() -> None:
    op.drop_index("ix_api_metrics_owner", "api_metrics")
    op.drop_column("api_metrics", "owner")
