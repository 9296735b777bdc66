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
    tags: tuple[tuple[str, str | None], ...] = ()
    """By name and value; None as the value is any."""
    key: str | None = None
    """The idempotency key."""
    code: str | None = None
    """Of the error of one of its stage runs."""
    since: int | None = None
    until: int | None = None
    """Milliseconds since the epoch, of the submit."""
    after: str | None = None
    """Only jobs with a larger id, the oldest first."""


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


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of the audit log to list; None: any."""

    owner: str | None = None
    """Of the job that it was done to."""
    actor: str | None = None
    act: str | None = None
    job_id: str | None = None
    subject: str | None = None
    bulk_id: str | None = None
    since: int | None = None
    before: int | None = None
    """Only entries with a smaller id: a page's cursor."""
    limit: int = 50
