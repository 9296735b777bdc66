"""The ledger: what makes a payment one, and which call it paid for. The alerts, and what leaves no other trace.

Old code keeps working: new columns of old tables may be NULL.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from stagepass.store.migrations import steps

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}
spends = sa.table(
    "spends", sa.column("id", sa.BigInteger), sa.column("run_id", sa.String), sa.column("queue", sa.String)
)
runs = sa.table("stage_runs", sa.column("id", sa.String), sa.column("queue", sa.String))
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OLD = "id, run_id, job_id, attempt, provider, model, tokens_in, tokens_out, usd, at"


def new_columns() -> list["sa.Column[Any]"]:
    return [
        sa.Column("queue", sa.String(81)),
        sa.Column("spend_key", sa.String(100)),
        sa.Column("memo", sa.String(80)),
        sa.Column("given_up", sa.Boolean),
    ]


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_spends_again(new_columns())
    else:
        steps.lock_jobs_first("spends")
        steps.add_columns("spends", *new_columns())
    _fill()
    steps.create_index("ix_spends_queue", "spends", ["queue", "at"])
    steps.create_index("ux_spends_key", "spends", ["run_id", "spend_key"], unique=True)

    steps.create_table(
        "notices",
        sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Index("ix_notices_at", "at"),
        **MYSQL,
    )
    steps.create_table(
        "alerts",
        sa.Column("until", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        **MYSQL,
    )


def _fill() -> None:
    """The queue of each payment, which its stage run knows."""
    db = op.get_bind()
    queue = sa.select(runs.c.queue).where(runs.c.id == spends.c.run_id).scalar_subquery()

    def read(last: Any) -> list[Any]:
        page = sa.select(spends.c.id).where(spends.c.queue.is_(None), spends.c.id > (last.id if last else 0))
        return list(db.execute(page.order_by(spends.c.id).limit(steps.PAGE)).all())

    steps.in_pages(read, lambda row: db.execute(sa.update(spends).where(spends.c.id == row.id).values(queue=queue)))


def downgrade() -> None:
    for table in ("alerts", "notices"):
        op.drop_table(table)
    op.drop_index("ux_spends_key", "spends")
    op.drop_index("ix_spends_queue", "spends")
    if op.get_bind().dialect.name == "sqlite":
        _make_spends_again([])
    else:
        for column in new_columns():
            op.drop_column("spends", column.name)


def _make_spends_again(columns: list["sa.Column[Any]"]) -> None:
    """SQLite writes an added column behind the table's constraints; made again, the schema is the one declared."""
    op.execute(f"CREATE TABLE spends_before AS SELECT {OLD} FROM spends")
    op.drop_table("spends")
    op.create_table(
        "spends",
        sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("job_id", sa.String(40), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("provider", sa.String(60), nullable=False),
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("tokens_in", sa.Integer, nullable=False),
        sa.Column("tokens_out", sa.Integer, nullable=False),
        sa.Column("usd", sa.Double, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        *columns,
    )
    op.create_index("ix_spends_job", "spends", ["job_id"])
    op.execute(f"INSERT INTO spends ({OLD}) SELECT {OLD} FROM spends_before")
    op.drop_table("spends_before")
