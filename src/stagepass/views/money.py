"""Money as JSON, in US dollars: payments, a job's ledger, the price of continuing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel, Field

from stagepass.engine.model.records import Spend
from stagepass.reports.ledger import Line
from stagepass.views.times import at


class SpendView(BaseModel):
    """Payments of one attempt to one provider."""

    stage: str
    item: int | None = None
    attempt: int
    provider: str
    model: str
    tokens_in: int
    tokens_out: int
    usd: float
    given_up: bool = Field(default=False, description="what it paid for was dropped on purpose, to buy again")
    at: datetime


class StageMoney(BaseModel):
    """Cost of one stage, in US dollars."""

    stage: str
    spent: float
    saved: float = Field(description="what retries, resumes and crashes would have paid again, had nothing been kept")
    twice: float = Field(description="paid again although it had been paid; should be 0")
    given_up: float = Field(default=0.0, description="of `spent`, for what was dropped on purpose, to buy again")
    tokens_in: int
    tokens_out: int


class SpendList(BaseModel):
    """Cost of a job."""

    spends: list[SpendView]
    stages: list[StageMoney] = Field(description="stages that spent something")
    saved: float
    twice: float
    tokens_in: int
    tokens_out: int
    usd: float


class PriceView(BaseModel):
    """The cost of resuming a job, in US dollars, estimated from the usual cost of its stages."""

    usd: float = Field(description="for the stage runs that are sent again")
    later_usd: float = Field(description="for the stages after them, which have not been done yet")
    spent: float = Field(description="what the job has cost so far")
    kept_usd: float = Field(description="of that, what is kept and not paid again")
    kept_calls: list[str] = Field(description="calls whose value is kept", examples=[["song: suno_task_id"]])
    kept_stages: list[str] = Field(description="stages whose result is kept")
    sampled: int = Field(description="completed runs that the estimate rests on; 0: nothing is known")
    runs: int = Field(description="stage runs that are sent again")


def spend_list(spends: Sequence[Spend], lines: Mapping[str, Line]) -> SpendList:
    """A job's ledger. `lines`: by stage."""
    return SpendList(
        spends=[_spend_view(spend) for spend in spends],
        stages=[stage_money(stage, line) for stage, line in lines.items()],
        saved=round(sum(line.saved for line in lines.values()), 6),
        twice=round(sum(line.twice for line in lines.values()), 6),
        tokens_in=sum(spend.tokens_in for spend in spends),
        tokens_out=sum(spend.tokens_out for spend in spends),
        usd=round(sum(spend.usd for spend in spends), 6),
    )


def _spend_view(spend: Spend) -> SpendView:
    _, stage, *item = spend.run_id.split(".")
    return SpendView(
        stage=stage,
        item=int(item[0]) if item else None,
        attempt=spend.attempt,
        provider=spend.provider,
        model=spend.model,
        tokens_in=spend.tokens_in,
        tokens_out=spend.tokens_out,
        usd=spend.usd,
        given_up=spend.given_up,
        at=at(spend.at),
    )


def stage_money(stage: str, line: Line) -> StageMoney:
    """One stage's money."""
    amounts = {name: round(value, 6) for name, value in asdict(line).items() if name != "payments"}
    return StageMoney(stage=stage, **amounts)
