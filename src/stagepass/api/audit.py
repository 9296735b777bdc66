"""The audit log: who did what, when, from where and why."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from stagepass.api.deps import PREFIX, Limit, OwnerQuery, Reader, SystemDep, milliseconds, owner_of
from stagepass.engine.model.filters import AuditFilter
from stagepass.views.audit import AuditView, audit_view

router = APIRouter(tags=["operations"])

Text = Annotated[str | None, Query(max_length=250)]


class AuditList(BaseModel):
    """A page of the audit log, the newest first."""

    entries: list[AuditView]
    next_cursor: int | None = Field(default=None, description="give it as `cursor` for the next page")


@router.get(f"{PREFIX}/audit", summary="Read the audit log")
def list_audit(
    reader: Reader,
    system: SystemDep,
    actor: Text = None,
    act: Text = None,
    job_id: Text = None,
    subject: Annotated[str | None, Query(max_length=250, description="such as queue:promo.song")] = None,
    bulk_id: Text = None,
    owner: OwnerQuery = None,
    since: Annotated[datetime | None, Query(description="only acts since then")] = None,
    limit: Limit = 50,
    cursor: Annotated[int | None, Query(ge=1, lt=2**63, description="the next_cursor of the page before")] = None,
) -> AuditList:
    """Acts of people on the caller's jobs; every act for viewers and operators. Submits are not among them."""
    which = AuditFilter(
        owner=owner_of(reader, owner),
        actor=actor,
        act=act,
        job_id=job_id,
        subject=subject,
        bulk_id=bulk_id,
        since=milliseconds(since),
        before=cursor,
        limit=limit + 1,
    )
    found = system.store.audit(which)
    more = found[limit - 1].id if len(found) > limit else None
    return AuditList(entries=[audit_view(entry, reader) for entry in found[:limit]], next_cursor=more)
