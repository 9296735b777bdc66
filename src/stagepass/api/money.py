"""Costs of jobs, and closed providers."""

from fastapi import APIRouter

from stagepass.api.deps import JobId, Reader, SystemDep, owned_job
from stagepass.api.views import BreakerList
from stagepass.reports import ledger
from stagepass.views.jobs import PREFIX
from stagepass.views.money import SpendList, spend_list
from stagepass.views.providers import breaker_view

router = APIRouter(tags=["jobs"])


@router.get(f"{PREFIX}/jobs/{{job_id}}/spend", summary="See what a job has cost")
def get_spend(job_id: JobId, reader: Reader, system: SystemDep) -> SpendList:
    """Payments per attempt; per stage: spent, saved by checkpoints, and paid twice."""
    job = owned_job(system, job_id, reader.scope)
    lines = ledger.of_job(system.store, system.registry, job)
    return spend_list(system.store.spends(job.id), lines)


@router.get(f"{PREFIX}/providers", summary="List the providers that are closed for now", tags=["providers"])
def list_breakers(reader: Reader, system: SystemDep) -> BreakerList:
    """Providers that are out of credit, down, or over their rate limit. Stage runs that need them wait without using an
    attempt and continue automatically."""
    now = system.engine.clock.now()
    return BreakerList(
        providers=[
            breaker_view(breaker, now, dict(system.store.count_parked(breaker.provider, reader.scope)))
            for breaker in system.provider_limits.breakers()
        ]
    )
