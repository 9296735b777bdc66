"""A bulk operation as JSON, and what it would do."""

from datetime import datetime

from pydantic import BaseModel, Field, JsonValue

from stagepass.engine.maintain.bulk import Estimate
from stagepass.engine.model.bulk import Bulk, BulkAct, BulkState, as_stored
from stagepass.engine.model.orders import Anew
from stagepass.views.times import at, maybe_at


class EstimateView(BaseModel):
    """What a bulk operation would do. Nothing has been changed."""

    act: BulkAct
    total: int = Field(description="jobs, or dead letters, that fit")
    more: bool = Field(description="more fit than one operation takes: 100,000")
    usd: float | None = Field(default=None, description="what they will cost, about; null: the act buys nothing")
    later_usd: float | None = Field(default=None, description="and the stages after them")
    kept_usd: float | None = Field(default=None, description="what is not paid again")
    priced: int = Field(default=0, description="jobs that the price rests on; fewer than there are: their average")
    confirm: str | None = Field(default=None, description="send the same request with this within 15 minutes")
    expires_at: datetime | None = None


class BulkView(BaseModel):
    """One act on many jobs, carried out in the background."""

    id: str
    act: BulkAct
    state: BulkState
    filter: dict[str, JsonValue] = Field(description="which jobs, or dead letters; `since` and `until` in milliseconds")
    anew: Anew = Field(description="whether existing orders are given up and bought again")
    tags: dict[str, str | None] = Field(description="of the act tag: what is set; null: removed")
    total: int = Field(description="how many fitted when it was confirmed")
    usd: float | None = Field(default=None, description="the price that was confirmed")
    done: int
    refused: int = Field(description="that were not in a state for it")
    refusals: dict[str, str] = Field(description="the first 100, by id: why")
    progress: float = Field(ge=0, le=1)
    actor: str
    why: str | None = None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None


def estimate_view(act: BulkAct, estimate: Estimate) -> EstimateView:
    return EstimateView(
        act=act,
        total=estimate.total,
        more=estimate.more,
        usd=estimate.usd,
        later_usd=estimate.later_usd,
        kept_usd=estimate.kept_usd,
        priced=estimate.priced,
    )


def bulk_view(bulk: Bulk) -> BulkView:
    """A bulk operation as it stands."""
    over = bulk.done + bulk.refused
    return BulkView(
        id=bulk.id,
        act=bulk.act,
        state=bulk.state,
        filter=as_stored(bulk.selection),
        anew=bulk.anew,
        tags=bulk.tags,
        total=bulk.total,
        usd=bulk.usd,
        done=bulk.done,
        refused=bulk.refused,
        refusals=bulk.refusals,
        progress=1.0 if bulk.state is BulkState.DONE else round(min(1.0, over / max(1, bulk.total)), 4),
        actor=bulk.by.name,
        why=bulk.by.why,
        created_at=at(bulk.created_at),
        updated_at=at(bulk.updated_at),
        finished_at=maybe_at(bulk.finished_at),
    )
