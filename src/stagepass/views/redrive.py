"""Many dead letters at once as JSON: how many were redriven or discarded, and the cost."""

from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, Field

from stagepass.bootstrap import System
from stagepass.engine.model.records import StageRun
from stagepass.reports.prices import Prices


class Redriven(BaseModel):
    """The outcome; for a dry run, the expected outcome."""

    dry_run: bool = False
    usd: float | None = Field(default=None, description="of a dry run: what they will cost, about")
    later_usd: float | None = Field(default=None, description="of a dry run: and the stages after them")
    kept_usd: float | None = Field(default=None, description="of a dry run: what is not paid again")
    jobs: list[str] = Field(description="ids of the jobs that continue")
    runs: int = Field(description="dead letters that were sent again")
    refused: dict[str, str] = Field(description="by stage run: why it was not")
    more: bool = Field(description="there may be more of them")


class Discarded(BaseModel):
    """The outcome; for a dry run, the expected outcome."""

    dry_run: bool = False
    runs: list[str] = Field(description="dead letters that were given up")
    refused: dict[str, str] = Field(description="by stage run: why it was not")
    more: bool = Field(description="there may be more of them")


def priced(system: System, chosen: Sequence[StageRun], more: bool) -> Redriven:
    """A dry run: how many would be sent again, and what it would cost."""
    prices = Prices(system.store, system.registry)
    runs = Counter(run.job_id for run in chosen)
    found = [prices.of(job) for job in system.store.jobs_by_id(sorted(runs))]
    return Redriven(
        dry_run=True,
        usd=round(sum(price.usd for price in found), 6),
        later_usd=round(sum(price.later_usd for price in found), 6),
        kept_usd=round(sum(price.kept_usd for price in found), 6),
        jobs=list(runs),
        runs=len(chosen),
        refused={},
        more=more,
    )
