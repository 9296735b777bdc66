"""A job is accepted: its first stages become ready."""

from collections.abc import Mapping

from stagepass.declare.pipeline import Pipeline
from stagepass.engine.model.records import Job
from stagepass.engine.rules.graph import start
from stagepass.engine.rules.unit_of_work import UnitOfWork


def accept(
    uow: UnitOfWork,
    pipeline: Pipeline,
    job: Job,
    *,
    delay: float = 0.0,
    started_by: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """A new job: its first stages are ready, or become so after `delay` seconds."""
    uow.add_job(job)
    uow.set_tags(job.id, tags or {})
    uow.emit(job, "job.accepted", pipeline=pipeline.name, version=pipeline.version, started_by=started_by)
    for stage in pipeline.roots:
        start(uow, job, stage, delay=delay, hold=False)
