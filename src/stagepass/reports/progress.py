"""Progress of a job: the one figure for every list, page, event and status."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from stagepass.declare.pipeline import Pipeline
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import OPEN, JobState


def progress(pipeline: Pipeline | None, job: Job, shares: Mapping[str, float]) -> float:
    """From 0 to 1, by the weights of its stages; 0 where this process does not know the pipeline.

    Args:
        shares: by stage, the sum of what its open runs report; see `shares_of`.
    """
    if job.state is JobState.COMPLETED:
        return 1.0
    return pipeline.progress(job.tally, shares) if pipeline is not None else 0.0


def shares_of(runs: Iterable[StageRun]) -> dict[str, float]:
    """By stage: the progress of its open runs, summed."""
    shares: dict[str, float] = defaultdict(float)
    for run in runs:
        if run.state in OPEN and run.progress:
            shares[run.stage] += run.progress
    return dict(shares)
