"""The ledger: what jobs spent, what their checkpoints saved, and what was paid twice. All of it from records.

spent   every payment that was noted, also one that led to nothing.
given up  of that, payments for what a person or the stage itself dropped on purpose: by `anew`, by `ctx.forget`.
saved   whenever an attempt starts again (a retry, after a crash, a redrive, a resume, a stage retried), what it
        stood on had been paid already: the calls of its own stage run that `ctx.once` had kept, and the stages
        before it. A program that starts over would have paid that again, each time. It is counted once the
        attempt is over, and in favour of the stage that had paid. First attempts save nothing.
twice   the same call of `ctx.once` paid for again although its value was not given up; or, outside of `ctx.once`,
        the same provider and model paid by a further attempt of the same stage run. Payments with a key of their
        own cannot be doubled. Not counted is what a person or the stage itself gave up on purpose: by making a
        stage again, by `ctx.forget`, by allowing a call again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stagepass.declare.registry import Registry
from stagepass.engine.model.ids import stage_of
from stagepass.engine.model.records import Attempt, Job, Spend
from stagepass.reports.reads import Reads

PAGE = 500


@dataclass(slots=True)
class Line:
    """One stage's money in US dollars, and its tokens."""

    spent: float = 0.0
    saved: float = 0.0
    twice: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    payments: int = 0
    given_up: float = 0.0

    def add(self, other: "Line") -> None:
        """Put another line's amounts to these."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


Before = Callable[[str], frozenset[str]]
"""By stage: the stages that come before it."""


def account(spends: Sequence[Spend], further: Iterable[Attempt], before: Before) -> dict[str, Line]:
    """One job's money by stage.

    Args:
        spends: all of the job's payments, in order.
        further: its attempts that are over and not the first of their stage run.
    """
    lines: dict[str, Line] = defaultdict(Line)
    for spend in spends:
        line = lines[stage_of(spend.run_id)]
        line.spent += spend.usd
        line.tokens_in += spend.tokens_in
        line.tokens_out += spend.tokens_out
        line.payments += 1
        line.given_up += spend.usd if spend.given_up else 0.0
    for attempt in further:
        stages = before(stage_of(attempt.run_id))
        for spend in spends:
            if not spend.given_up and _stood_on(attempt, spend, stages):
                lines[stage_of(spend.run_id)].saved += spend.usd
    for spend in _again(spends):
        lines[stage_of(spend.run_id)].twice += spend.usd
    return dict(lines)


def _stood_on(attempt: Attempt, spend: Spend, before: frozenset[str]) -> bool:
    if spend.run_id == attempt.run_id:
        return spend.memo is not None and spend.attempt < attempt.number
    return stage_of(spend.run_id) in before and spend.at <= attempt.began_at


def _again(spends: Sequence[Spend]) -> Iterator[Spend]:
    """Payments whose like had been made before, by another call or another attempt."""
    first: dict[tuple[str, ...], str] = {}
    for spend in spends:
        if spend.given_up or (spend.key or "").startswith("key:"):
            continue
        what: tuple[str, ...]
        if spend.memo is not None:
            what, made = (spend.run_id, "memo", spend.memo), (spend.key or "").partition("/")[0]
        else:
            what, made = (spend.run_id, "call", spend.provider, spend.model), str(spend.attempt)
        if first.setdefault(what, made) != made:
            yield spend


# ── of jobs as they are stored ───────────────────────────────────────────────────────────────────


def of_job(store: Reads, registry: Registry, job: Job) -> dict[str, Line]:
    """One job's money by stage; stages that spent nothing are left out."""
    return _of_jobs(store, registry, [job]).get(job.id, {})


def of_all(store: Reads, registry: Registry, *, pipeline: str | None = None, since: int = 0) -> dict[str, Line]:
    """The money by queue (``promo.song``) of the jobs that spent something since that time; each job as a whole."""
    totals: dict[str, Line] = defaultdict(Line)
    last = ""
    while ids := store.paying_jobs(pipeline, since, last, PAGE):
        last = ids[-1]
        jobs = store.jobs_by_id(ids)
        for job_id, lines in _of_jobs(store, registry, jobs).items():
            name = next(job.pipeline for job in jobs if job.id == job_id)
            for stage, line in lines.items():
                totals[f"{name}.{stage}"].add(line)
    return dict(sorted(totals.items()))


def _of_jobs(store: Reads, registry: Registry, jobs: Sequence[Job]) -> dict[str, dict[str, Line]]:
    ids = [job.id for job in jobs]
    spends, further = store.spends_of(ids), store.further_attempts(ids)
    return {
        job.id: account(spends[job.id], further.get(job.id, ()), _before(registry, job))
        for job in jobs
        if job.id in spends
    }


def _before(registry: Registry, job: Job) -> Before:
    pipeline = registry.find(job.pipeline, job.version)
    stages: Mapping[str, frozenset[str]] = (
        {stage.name: frozenset(parent.name for parent in stage.ancestors()) for stage in pipeline.every}
        if pipeline
        else {}
    )
    return lambda stage: stages.get(stage, frozenset())
