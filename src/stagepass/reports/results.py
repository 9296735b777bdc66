"""Outputs of a job's stages, read from the store."""

import json
from collections.abc import Mapping
from typing import Any

from stagepass.declare.registry import Registry
from stagepass.engine.model.ports import Ended, Store
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import JobState


def result(store: Store, registry: Registry, job: Job) -> Any:
    """The output of the last stage, or of each last stage by name. None until the job is completed."""
    if job.state is not JobState.COMPLETED:
        return None
    leaves = outputs(store, registry, job)
    return next(iter(leaves.values())) if len(leaves) == 1 else leaves


def outputs(store: Store, registry: Registry, job: Job, *, every: bool = False) -> dict[str, Any]:
    """Stored outputs by stage: of the last stages, or of every one."""
    pipeline = registry.find(job.pipeline, job.version)
    stages = (pipeline.stages.values() if every else pipeline.leaves) if pipeline else ()
    stored = store.outputs([(job.id, stage.name) for stage in stages]).get(job.id, {})
    return {stage.name: _value(stored[stage.name], stage.mapped) for stage in stages if stage.name in stored}


def _value(ended: Mapping[int | None, Ended], mapped: bool) -> Any:
    if mapped:
        return [json.loads(ended[i][0] or "null") for i in sorted(i for i in ended if i is not None)]
    return json.loads(ended.get(None, (None, None))[0] or "null")
