"""A job with everything that is kept of it: input, outputs, attempts and ledger."""

import json
from collections.abc import Sequence

from pydantic import Field, JsonValue

from stagepass.bootstrap import System
from stagepass.engine.model.records import Job, StageRun
from stagepass.reports import ledger, results
from stagepass.views.files import with_links
from stagepass.views.jobs import JobView, job_view
from stagepass.views.money import SpendList, spend_list
from stagepass.views.runs import AttemptView, attempt_view


class JobDetail(JobView):
    """A job with its input, and all that its stages made, tried and paid."""

    input: JsonValue
    outputs: dict[str, JsonValue] = Field(description="by stage that is done; a list for a stage that runs per item")
    attempts: list[AttemptView] = Field(description="every attempt that is over")
    spend: SpendList


def job_detail(system: System, job: Job, runs: Sequence[StageRun], *, payloads: bool = True) -> JobDetail:
    """A job with everything that is kept of it. `payloads`: with its input and outputs."""
    by_id = {run.id: run for run in runs}
    outputs = results.outputs(system.store, system.registry, job, every=True) if payloads else {}
    lines = ledger.of_job(system.store, system.registry, job)
    return JobDetail(
        **dict(job_view(system, job, runs, payloads=payloads)),
        input=json.loads(job.input) if payloads else None,
        outputs=with_links(system, job, outputs),
        attempts=[attempt_view(attempt, by_id[attempt.run_id]) for attempt in system.store.attempts(list(by_id))],
        spend=spend_list(system.store.spends(job.id), lines),
    )
