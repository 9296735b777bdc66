"""PostgreSQL finds an owner's place in a queue without reading the queue.

It leaves out of a scan what the condition of a partial index already says. The two indexes of ready runs had their
state between the queue and the priority, so a search by queue and priority read every ready run of the queue. A
condition that says the same and from which PostgreSQL does not conclude it keeps the state in the search.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from stagepass.store.migrations import steps

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BEFORE = "state = 'ready'"
AFTER = "state >= 'ready' AND state <= 'ready'"

INDEXES: dict[str, list[Any]] = {
    "ix_stage_runs_next": ["queue", "state", sa.text("priority DESC"), "turn", sa.text("urgency DESC"), "due_at"],
    "ix_stage_runs_line": ["queue", "state", "priority", "owner", "urgency", "turn"],
}


def upgrade() -> None:
    _replace(AFTER, ranged=True)


def downgrade() -> None:
    _replace(BEFORE, ranged=False)


def _replace(where: str, *, ranged: bool) -> None:
    """Build each index under another name first, so that there always is one."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for name, columns in INDEXES.items():
        with steps.by_itself():
            there = op.get_bind().scalar(sa.text("SELECT indexdef FROM pg_indexes WHERE indexname = :n"), {"n": name})
        if there is not None and (">=" in there) == ranged:
            continue
        steps.create_index(f"{name}_new", "stage_runs", columns, where=where)
        steps.drop_index(name, "stage_runs")
        with steps.by_itself():
            op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")
