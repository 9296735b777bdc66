"""A filter of jobs as conditions."""

import sqlalchemy as sa

from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.ids import first_id
from stagepass.store.tables import jobs, stage_runs
from stagepass.store.tags import tagged

EARLIER = 60_000
"""Milliseconds by which an id may have been made before its job was accepted."""


def matching(which: JobFilter) -> list[sa.ColumnElement[bool]]:
    """The conditions; those of a time are also ones of the id, which begins with it, so that no other rows are read."""
    c, found = jobs.c, list[sa.ColumnElement[bool]]()
    for column, value in ((c.owner, which.owner), (c.pipeline, which.pipeline), (c.idempotency_key, which.key)):
        if value is not None:
            found.append(column == value)
    if which.states:
        found.append(c.state.in_([state.value for state in which.states]))
    if which.before:
        found.append(c.id < which.before)
    if which.after is not None:
        found.append(c.id > which.after)
    if which.since is not None:
        found += [c.id >= first_id(which.since - EARLIER), c.created_at >= which.since]
    if which.until is not None:
        found += [c.id < first_id(which.until), c.created_at < which.until]
    if which.code:
        r = stage_runs.c
        found.append(sa.exists(sa.select(r.id).where(r.job_id == c.id, r.error_code == which.code)))
    return [*found, *tagged(which.tags)]
