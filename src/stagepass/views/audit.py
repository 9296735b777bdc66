"""An entry of the audit log as JSON."""

from datetime import datetime

from pydantic import BaseModel, Field, JsonValue

from stagepass.engine.model.actors import Actor, AuditEntry, Role
from stagepass.views.times import at


class AuditView(BaseModel):
    """One act of a person."""

    id: int
    at: datetime
    actor: str
    role: Role
    origin: str = Field(description="where it came from; empty for another person's act", examples=["api 10.0.0.7"])
    act: str = Field(examples=["cancel", "resume", "redrive", "pause", "limit"])
    subject: str = Field(
        description="what it was done to", examples=["job:0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11", "queue:promo.song"]
    )
    job_id: str | None = None
    owner: str | None = Field(default=None, description="of the job")
    bulk_id: str | None = Field(default=None, description="the bulk operation that it was part of")
    before: JsonValue = None
    after: JsonValue = None
    why: str | None = Field(default=None, description="the reason that was given")


def audit_view(entry: AuditEntry, reader: Actor | None = None) -> AuditView:
    """An entry. A `reader` who sees their own things only is not shown where others acted from."""
    hidden = reader is not None and reader.scope not in (None, entry.by.name)
    return AuditView(
        id=entry.id,
        at=at(entry.at),
        actor=entry.by.name,
        role=entry.by.role,
        origin="" if hidden else entry.by.origin,
        act=entry.act,
        subject=entry.subject,
        job_id=entry.job_id,
        owner=entry.owner,
        bulk_id=entry.bulk_id,
        before=entry.before,
        after=entry.after,
        why=entry.by.why,
    )
