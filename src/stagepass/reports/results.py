"""Outputs of a job's stages, read from the store."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stagepass.declare.registry import Registry
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import JobState
from stagepass.engine.model.store import Store
from stagepass.engine.model.transaction import Ended

PAGE = 200
"""Jobs whose results are read at once."""


def result(store: Store, registry: Registry, job: Job) -> Any:
    """The output of the last stage, or of each last stage by name. None until the job is completed."""
    if job.state is not JobState.COMPLETED:
        return None
    leaves = outputs(store, registry, job)
    return next(iter(leaves.values())) if len(leaves) == 1 else leaves


def outputs(store: Store, registry: Registry, job: Job, *, every: bool = False) -> dict[str, Any]:
    """Stored outputs by stage: of the last stages, or of every one."""
    pipeline = registry.find(job.pipeline, job.version)
    stages = (pipeline.every if every else pipeline.leaves) if pipeline else ()
    stored = store.outputs([(job.id, stage.name) for stage in stages]).get(job.id, {})
    return {
        stage.name: _value(stored[stage.name], stage.mapped)
        for stage in stages
        if stage.name in stored and not _failed(stored[stage.name], stage.mapped)
    }


def _failed(ended: Mapping[int | None, Ended], mapped: bool) -> bool:
    """A stage that failed has no output; one that gave `null` has."""
    output, error = ended.get(None, (None, None))
    return not mapped and error is not None and not output


def _value(ended: Mapping[int | None, Ended], mapped: bool) -> Any:
    if mapped:
        return [json.loads(ended[i][0] or "null") for i in sorted(i for i in ended if i is not None)]
    return json.loads(ended.get(None, (None, None))[0] or "null")


def results_of(store: Store, registry: Registry, job_ids: Sequence[str]) -> dict[str, Any]:
    """The results of completed jobs, by id: many in a few reads."""
    ends = store.job_ends(job_ids)
    leaves = {
        end.id: pipeline.leaves for end in ends.values() if (pipeline := registry.find(end.pipeline, end.version))
    }
    found: dict[str, Any] = {}
    for start in range(0, len(job_ids), PAGE):
        page = [job_id for job_id in job_ids[start : start + PAGE] if job_id in leaves]
        stored = store.outputs([(job_id, stage.name) for job_id in page for stage in leaves[job_id]])
        for job_id in page:
            outputs = {
                stage.name: _value(stored[job_id][stage.name], stage.mapped)
                for stage in leaves[job_id]
                if stage.name in stored.get(job_id, {})
            }
            found[job_id] = next(iter(outputs.values())) if len(outputs) == 1 else outputs
    return found
