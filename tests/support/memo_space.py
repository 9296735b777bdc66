"""What a job's calls take in the database."""

from dataclasses import dataclass

import sqlalchemy as sa

from stagepass.store import SqlStore
from stagepass.store.tables import memos


@dataclass(frozen=True)
class Space:
    rows: int
    bytes: int


def space(store: SqlStore, job_id: str) -> Space:
    """Rows and bytes of the memos of a job's stage runs."""
    c = memos.c
    size = sa.func.length(c.name) + sa.func.coalesce(sa.func.length(c.value), 0)
    query = sa.select(sa.func.count(), sa.func.sum(size)).where(c.run_id.like(f"{job_id}.%"))
    ((rows, taken),) = store._all(query)
    return Space(int(rows), int(taken or 0))
