"""A job's priority orders its owner's own runs; only that of a job marked `across` also counts beside other owners.

Old code keeps working: it leaves the new columns at their default, and its runs are ordered as before.
"""

import sqlalchemy as sa
from alembic import op

from stagepass.store.migrations import steps

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

READY = "state = 'ready'"


def upgrade() -> None:
    steps.add_columns("jobs", sa.Column("across", sa.Boolean))
    steps.add_columns("stage_runs", sa.Column("urgency", sa.Integer, server_default="0"))
    following = ["queue", "state", sa.text("priority DESC"), "turn", sa.text("urgency DESC"), "due_at"]
    steps.create_index("ix_stage_runs_next", "stage_runs", following, where=READY)
    line = ["queue", "state", "priority", "owner", "urgency", "turn"]
    steps.create_index("ix_stage_runs_line", "stage_runs", line, where=READY)
    for name in ("ix_stage_runs_ready", "ix_stage_runs_turns"):
        steps.drop_index(name, "stage_runs")


def downgrade() -> None:
    before = ["queue", "state", sa.text("priority DESC"), "turn", "due_at"]
    steps.create_index("ix_stage_runs_ready", "stage_runs", before, where=READY)
    turns = ["queue", "state", "priority", "owner", "turn"]
    steps.create_index("ix_stage_runs_turns", "stage_runs", turns, where=READY)
    for name in ("ix_stage_runs_next", "ix_stage_runs_line"):
        steps.drop_index(name, "stage_runs")
    op.drop_column("stage_runs", "urgency")
    op.drop_column("jobs", "across")
