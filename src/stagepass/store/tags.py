"""Tags of jobs: a table of their own, so that a job is found by them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from stagepass.store import connect
from stagepass.store.base import Connections
from stagepass.store.statements import chunks
from stagepass.store.tables import job_tags, jobs

Wanted = Iterable[tuple[str, str | None]]


class TagReads(Connections):
    """Part of `SqlStore`."""

    def tags_of(self, job_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """By job; those without tags are left out."""
        if not job_ids:
            return {}
        with connect.translated(), self._reads.connect() as connection:
            return read(connection, job_ids)


def read(db: Connection, job_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    c = job_tags.c
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for part in chunks(job_ids):
        query = sa.select(c.job_id, c.name, c.value).where(c.job_id.in_(part)).order_by(c.job_id, c.name)
        for job_id, name, value in db.execute(query):
            found[job_id][name] = value
    return dict(found)


def tagged(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """Conditions on jobs: each of these tags, with that value or any."""
    conditions: list[sa.ColumnElement[bool]] = []
    for name, value in wanted:
        c = job_tags.alias().c
        found = sa.select(c.job_id).where(c.name == name, c.job_id == jobs.c.id)
        conditions.append(sa.exists(found if value is None else found.where(c.value == value)))
    return conditions


def write_tags(db: Connection, tags: Sequence[tuple[str, str, str | None]]) -> None:
    """Set these, beside those that are there; None removes one."""
    if not tags:
        return
    c = job_tags.c
    by_name: dict[str, list[str]] = defaultdict(list)
    for job_id, name, _ in tags:
        by_name[name].append(job_id)
    for name, job_ids in by_name.items():
        for part in chunks(job_ids):
            db.execute(sa.delete(job_tags).where(c.name == name, c.job_id.in_(part)))
    if new := [{"job_id": job, "name": name, "value": value} for job, name, value in tags if value is not None]:
        db.execute(sa.insert(job_tags), new)
