"""Filters of lists of jobs and of stage runs."""

from dataclasses import dataclass

from stagepass.engine.model.states import JobState, RunState


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list. `owner` None means all owners, for the relay and the CLI only."""

    owner: str | None
    pipeline: str | None = None
    states: tuple[JobState, ...] = ()
    before: str | None = None
    """Only jobs with a smaller id: a page's cursor, since ids sort by time."""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which stage runs to list."""

    owner: str | None
    states: tuple[RunState, ...]
    pipeline: str | None = None
    stage: str | None = None
    code: str | None = None
    before: str | None = None
    limit: int = 50
