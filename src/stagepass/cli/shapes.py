"""Records as JSON for programs. Names are stable: scripts rest on them."""

import json
from typing import TYPE_CHECKING, Any

from stagepass.cli.output import when
from stagepass.declare.values import File

if TYPE_CHECKING:
    from stagepass.bootstrap import System
    from stagepass.declare.pipeline import Pipeline
    from stagepass.engine.model.records import Attempt, Job, StageRun, WorkerRow


def job_shape(system: "System", job: "Job") -> dict[str, Any]:
    """A job without its input and results."""
    pipeline = system.registry.find(job.pipeline, job.version)
    return {
        "id": job.id,
        "pipeline": job.pipeline,
        "version": job.version,
        "owner": job.owner,
        "state": job.state.value,
        "progress": round(pipeline.progress(job.tally), 4) if pipeline else None,
        "priority": job.priority,
        "key": job.key,
        "stepwise": job.stepwise,
        "cancel_requested": job.cancel_requested,
        "parent": job.parent,
        "error": job.error,
        "created_at": when(job.created_at),
        "updated_at": when(job.updated_at),
        "finished_at": when(job.finished_at),
    }


def run_shape(run: "StageRun", attempts: "list[Attempt] | None" = None) -> dict[str, Any]:
    """A stage run, with its attempts if they are given."""
    shape: dict[str, Any] = {
        "id": run.id,
        "job": run.job_id,
        "stage": run.stage,
        "item": run.item,
        "queue": run.queue,
        "owner": run.owner,
        "state": run.state.value,
        "attempts": run.attempts,
        "crashes": run.crashes,
        "progress": run.progress,
        "message": run.message,
        "children": run.notes.children,
        "error": run.error,
        "started_at": when(run.started_at),
        "finished_at": when(run.finished_at),
    }
    if attempts is not None:
        shape["history"] = [
            {
                "attempt": attempt.number,
                "outcome": attempt.outcome,
                "worker": attempt.worker,
                "began_at": when(attempt.began_at),
                "ended_at": when(attempt.ended_at),
                "error": attempt.error,
            }
            for attempt in attempts
            if attempt.run_id == run.id
        ]
    return shape


def full_shape(system: "System", job: "Job") -> dict[str, Any]:
    """A job with its input, stage runs, and outputs by stage."""
    from stagepass.cli.money import line_shape
    from stagepass.reports.ledger import of_job

    runs = system.engine.runs(job)
    attempts = system.store.attempts([run.id for run in runs])
    return {
        **job_shape(system, job),
        "input": json.loads(job.input),
        "stages": [run_shape(run, attempts) for run in runs],
        "outputs": with_places(system, system.engine.outputs(job, every=True)),
        "ledger": {stage: line_shape(line) for stage, line in of_job(system.store, system.registry, job).items()},
    }


def with_places(system: "System", value: Any) -> Any:
    """A result in which each file tells where it lies: its path on this machine, or an address that is good for an hour."""
    if isinstance(value, list):
        return [with_places(system, inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if value.keys() >= File.model_fields.keys():
        return {**value, **system.place_of(File.model_validate(value))}
    return {name: with_places(system, inner) for name, inner in value.items()}


def pipeline_shape(pipeline: "Pipeline") -> dict[str, Any]:
    """A pipeline: its graph, and the schema of its input."""
    return {
        "name": pipeline.name,
        "version": pipeline.version,
        "title": pipeline.title,
        "stages": [
            {
                "name": stage.name,
                "queue": stage.queue,
                "after": [parent.name for parent in stage.after],
                "each": ".".join((stage.over[0].name, *stage.over[1])) if stage.over else None,
                "batch": stage.batch.most if stage.batch else None,
                "conditional": stage.when is not None,
                "pool": stage.pool,
                "concurrency": stage.concurrency,
                "time_limit": stage.time_limit,
                "run_limit": stage.run_limit,
                "retries": stage.retry.times,
                "needs": [port.__name__ for port in stage.needs],
            }
            for stage in pipeline.stages.values()
        ],
        "input": pipeline.input.model_json_schema(),
    }


def worker_shape(worker: "WorkerRow", alive: bool) -> dict[str, Any]:
    """A worker process."""
    return {
        "id": worker.id,
        "host": worker.host.split("/")[0],
        "pid": worker.pid,
        "queues": list(worker.queues),
        "slots": worker.slots,
        "alive": alive,
        "started_at": when(worker.started_at),
        "beat_at": when(worker.beat_at),
    }
