"""What jobs cost, and which providers are closed for now."""

from dataclasses import asdict

from fastapi import APIRouter

from stagepass.api.deps import PREFIX, JobId, Owner, SystemDep, owned_job
from stagepass.api.show import at
from stagepass.api.views import BreakerList, BreakerView, SpendList, SpendView, StageMoney
from stagepass.engine.model.limits import Breaker
from stagepass.engine.model.records import Spend
from stagepass.reports import ledger

router = APIRouter(tags=["jobs"])


@router.get(f"{PREFIX}/jobs/{{job_id}}/spend", summary="See what a job has cost")
def get_spend(job_id: JobId, owner: Owner, system: SystemDep) -> SpendList:
    """What each attempt paid, and by stage what was spent, what checkpoints saved, and what was paid twice."""
    job = owned_job(system, job_id, owner)
    spends = system.store.spends(job.id)
    lines = ledger.of_job(system.store, system.registry, job)
    return SpendList(
        spends=[_spend_view(spend) for spend in spends],
        stages=[_stage_money(stage, line) for stage, line in lines.items()],
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
        at=at(spend.at),
    )


def _stage_money(stage: str, line: ledger.Line) -> StageMoney:
    amounts = {name: round(value, 6) for name, value in asdict(line).items() if name != "payments"}
    return StageMoney(stage=stage, **amounts)


@router.get(f"{PREFIX}/providers", summary="List the providers that are closed for now", tags=["providers"])
def list_breakers(owner: Owner, system: SystemDep) -> BreakerList:
    """Without credit, down, or asked too often. What needs them is parked, spends no attempt, and goes on by itself."""
    now = system.engine.clock.now()
    return BreakerList(
        providers=[
            _breaker_view(breaker, now, sum(count for _, count in system.store.count_parked(breaker.provider, owner)))
            for breaker in system.provider_limits.breakers()
        ]
    )


def _breaker_view(breaker: Breaker, now: int, parked: int) -> BreakerView:
    return BreakerView(
        provider=breaker.provider,
        state="open" if breaker.until > now else "trying",
        reason=breaker.reason,
        since=at(breaker.since),
        next_try_at=at(breaker.until),
        parked=parked,
    )
