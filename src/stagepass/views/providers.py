"""A closed provider as JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from stagepass.engine.model.limits import Breaker
from stagepass.views.times import at


class BreakerView(BaseModel):
    """A provider that is closed for now."""

    provider: str
    state: Literal["open", "trying"] = Field(description="open: no calls; trying: one call at a time")
    reason: str = Field(examples=["quota_exhausted", "down", "rate_limited"])
    since: datetime
    next_try_at: datetime
    parked: int = Field(description="the caller's stage runs that wait for it")
    parked_by_queue: dict[str, int] = Field(default_factory=dict, description="the same, by queue")


def breaker_view(breaker: Breaker, now: int, parked: Mapping[str, int]) -> BreakerView:
    """`parked`: runs that wait for it, by queue. `now`: milliseconds since the epoch."""
    return BreakerView(
        provider=breaker.provider,
        state="open" if breaker.until > now else "trying",
        reason=breaker.reason,
        since=at(breaker.since),
        next_try_at=at(breaker.until),
        parked=sum(parked.values()),
        parked_by_queue=dict(parked),
    )
