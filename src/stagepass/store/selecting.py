"""A filter of jobs as conditions."""

import sqlalchemy as sa

from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.ids import first_id
from stagepass.store.tables import jobs, stage_runs
from stagepass.store.tags import tagged


def matching(which: JobFilter) -> list[sa.ColumnElement[bool]]:
    """The conditions; a time of submit is one of the id, which begins with it."""
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
        found.append(c.id >= first_id(which.since))
    if which.until is not None:
        found.append(c.id < first_id(which.until))
    if which.code:
        r = stage_runs.c
        found.append(sa.exists(sa.select(r.id).where(r.job_id == c.id, r.error_code == which.code)))
    return [*found, *tagged(which.tags)]
