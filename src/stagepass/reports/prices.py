"""Estimates the cost of a redrive from the usual cost of its stages."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from stagepass.declare.pipeline import Pipeline
from stagepass.declare.registry import Registry
from stagepass.engine.model.ids import stage_of
from stagepass.engine.model.records import Job, Spend, StageRun
from stagepass.engine.model.states import DONE
from stagepass.engine.rules import operator
from stagepass.engine.rules.ending import undo_stages
from stagepass.reports.reads import Database

SAMPLE = 100
"""Completed runs of a stage of which the median is taken, the latest ones."""


@dataclass(slots=True)
class Price:
    """Of one job's redrive, in US dollars.

    Attributes:
        usd: for the stage runs that are sent again: the median of what completed runs of their stage spent, less
            what `ctx.once` has kept of them.
        later_usd: for the stages that come after them, which have not been done yet.
        spent: what the job has cost so far.
        kept_usd: of that, what is not paid again.
        kept_calls: calls whose value is kept, as ``stage: name``.
        kept_stages: stages whose result is kept.
        sampled: completed runs that the estimate rests on; 0: there is nothing to estimate from.
    """

    usd: float = 0.0
    later_usd: float = 0.0
    spent: float = 0.0
    kept_usd: float = 0.0
    kept_calls: list[str] = field(default_factory=list)
    kept_stages: list[str] = field(default_factory=list)
    sampled: int = 0
    runs: int = 0
    """Stage runs that are sent again, all of the job's that had stopped."""
    later: list[str] = field(default_factory=list)
    """Stages that are made again after a retried one."""


class Prices:
    """Prices of redrives; the usual cost of a stage is read once."""

    def __init__(self, store: Database, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._usual: dict[str, tuple[float, int]] = {}

    def of(self, job: Job) -> Price:
        """The price of resuming a stopped job."""
        runs, spends = self._store.runs_of(job.id), self._store.spends_of([job.id]).get(job.id, [])
        pipeline = self._registry.find(job.pipeline, job.version)
        again = operator.sent_again(job, pipeline, runs)
        price = Price(spent=sum(spend.usd for spend in spends), runs=len(again))
        for run in again:
            self._add_run(price, run, spends)
        done = sorted({run.stage for run in runs if run.state in DONE and job.done(run.stage)})
        price.kept_stages = done
        price.kept_usd += sum(spend.usd for spend in spends if stage_of(spend.run_id) in done and not spend.given_up)
        continues = pipeline is not None and not undo_stages(job, pipeline)
        for stage in pipeline.stages.values() if pipeline is not None and continues else ():
            if stage.name not in job.tally:
                price.later_usd += self._usually(price, stage.queue)
        return price

    def of_retry(self, job: Job, stage: str, *, anew: bool = False) -> Price:
        """The price of making one stage of a job again, and what comes after it. `anew`: with its purchases."""
        pipeline = self._registry.find(job.pipeline, job.version)
        spends = self._store.spends_of([job.id]).get(job.id, [])
        price = Price(spent=sum(spend.usd for spend in spends))
        for run in self._store.runs_of(job.id):
            if run.stage == stage:
                price.runs += 1
                self._add_run(price, run, [] if anew else spends, kept=not anew)
        if pipeline is not None and stage in pipeline.stages:
            price.later = [
                name for name in pipeline.stages if name in job.tally and _comes_after(pipeline, stage, name)
            ]
            price.later_usd = sum(self._usually(price, pipeline.stages[name].queue) for name in price.later)
        return price

    def _add_run(self, price: Price, run: StageRun, spends: Sequence[Spend], *, kept: bool = True) -> None:
        names = {memo.name for memo in self._store.memos(run.id) if memo.value is not None} if kept else set()
        reused = sum(spend.usd for spend in spends if spend.run_id == run.id and spend.memo in names)
        price.usd += max(0.0, self._usually(price, run.queue) - reused)
        price.kept_usd += reused
        price.kept_calls += [f"{run.stage}: {name}" for name in sorted(names)]

    def _usually(self, price: Price, queue: str) -> float:
        if queue not in self._usual:
            found = self._store.usual_spend(queue, SAMPLE)
            self._usual[queue] = (statistics.median(found) if found else 0.0, len(found))
        usual, sampled = self._usual[queue]
        price.sampled += sampled
        return usual


def _comes_after(pipeline: Pipeline, stage: str, name: str) -> bool:
    """Whether a stage takes, directly or not, what another one makes."""
    parents = [parent.name for parent in pipeline.stages[name].after]
    return stage in parents or any(_comes_after(pipeline, stage, parent) for parent in parents)
