"""The audit log: who did what to which jobs, and why."""

from typing import Any

import sqlalchemy as sa

from stagepass.engine.model.actors import Actor, AuditEntry, Role
from stagepass.engine.model.filters import AuditFilter
from stagepass.store import texts
from stagepass.store.base import Connections
from stagepass.store.tables import audit


class AuditLog(Connections):
    """Part of `SqlStore`."""

    def audit(self, which: AuditFilter) -> list[AuditEntry]:
        """Entries that fit, the newest first."""
        c = audit.c
        query = sa.select(audit).order_by(c.id.desc()).limit(which.limit)
        same = {
            c.owner: which.owner,
            c.actor: which.actor,
            c.act: which.act,
            c.job_id: which.job_id,
            c.subject: which.subject,
            c.bulk_id: which.bulk_id,
        }
        query = query.where(*(column == value for column, value in same.items() if value is not None))
        if which.before is not None:
            query = query.where(c.id < which.before)
        if which.since is not None:
            query = query.where(c.at >= which.since)
        return [_entry_of(row) for row in self._all(query)]

    def note_audit(self, entry: AuditEntry) -> None:
        """Record an act that no transaction of the committer carries out."""
        with self._writing() as connection:
            connection.execute(sa.insert(audit), audit_row(entry))

    def forget_audit(self, before: int) -> None:
        """Delete entries of before that time that are about no job; those about a job go with it."""
        with self._writing() as connection:
            connection.execute(sa.delete(audit).where(audit.c.at < before, audit.c.job_id.is_(None)))

    def forget_person(self, owner: str, alias: str) -> None:
        """Replace a person's name in the log, and drop where they acted from and what was written about them."""
        c = audit.c
        gone = {"old_value": None, "new_value": None, "why": None}
        own = c.actor == owner, c.role == Role.USER.value
        with self._writing() as connection:
            connection.execute(sa.update(audit).where(*own).values(actor=alias, origin="", **gone))
            connection.execute(sa.update(audit).where(c.owner == owner).values(owner=alias, **gone))
            connection.execute(sa.update(audit).where(c.subject == f"owner:{owner}").values(subject=f"owner:{alias}"))


def audit_row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "actor": entry.by.name,
        "role": entry.by.role.value,
        "origin": entry.by.origin,
        "act": entry.act,
        "subject": entry.subject[:250],
        "job_id": entry.job_id,
        "owner": entry.owner,
        "bulk_id": entry.bulk_id,
        "old_value": texts.dump(entry.before),
        "new_value": texts.dump(entry.after),
        "why": texts.short(entry.by.why),
    }


def _entry_of(row: Any) -> AuditEntry:
    return AuditEntry(
        at=row.at,
        by=Actor(row.actor, Role(row.role), row.origin, row.why),
        act=row.act,
        subject=row.subject,
        job_id=row.job_id,
        owner=row.owner,
        bulk_id=row.bulk_id,
        before=texts.load(row.old_value),
        after=texts.load(row.new_value),
        id=row.id,
    )
