"""What is read from the database to be shown or summed up: by reports, views, API, CLI, alerts and the event feed."""

from collections.abc import Sequence
from typing import Any, Protocol

from stagepass.engine.model.bulk import Bulk, BulkAct, Selection
from stagepass.engine.model.filters import JobFilter, RunFilter
from stagepass.engine.model.records import Attempt, Event, Job, OpenStage, Spend, StageRun
from stagepass.engine.model.store import Retention, Store


class Reads(Protocol):
    """Queries that no decision of the engine rests on."""

    def job_by_key(self, owner: str, key: str) -> Job | None: ...
    def jobs(self, which: JobFilter) -> list[Job]: ...
    def tags_of(self, job_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """By job; those without tags are left out."""
        ...

    def jobs_by_id(self, ids: Sequence[str]) -> list[Job]: ...
    def runs_of(self, job_id: str) -> list[StageRun]: ...
    def look(self, job_id: str) -> tuple[Job, list[StageRun]] | None:
        """A job and its stage runs as they were at one moment, without what went into and came out of the runs."""
        ...

    def run(self, run_id: str) -> StageRun | None: ...
    def find_runs(self, which: RunFilter) -> list[StageRun]: ...
    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[Event]: ...
    def last_events(self, job_ids: Sequence[str]) -> dict[str, int]:
        """By job: the number of its last event."""
        ...

    def open_stages(self, job_ids: Sequence[str]) -> dict[str, list[OpenStage]]:
        """Where these jobs stand: a line for each stage and state in which they have open runs."""
        ...

    def open_progress(self, job_ids: Sequence[str]) -> dict[str, dict[str, float]]:
        """By job and stage: the progress of the open runs, summed; without those that report none."""
        ...

    def attempts(self, run_ids: Sequence[str]) -> list[Attempt]: ...
    def spends_of(self, job_ids: Sequence[str]) -> dict[str, list[Spend]]:
        """By job; jobs that spent nothing are left out."""
        ...

    def further_attempts(self, job_ids: Sequence[str]) -> dict[str, list[Attempt]]:
        """By job: attempts that are not the first of their stage run."""
        ...

    def paying_jobs(self, pipeline: str | None, since: int, after: str, limit: int) -> list[str]:
        """Ids greater than `after`, in order, of jobs that spent something since that time."""
        ...

    def usual_spend(self, queue: str, sample: int) -> list[float]:
        """Total cost of each of the last completed runs of a stage, in US dollars."""
        ...

    def count_parked(self, provider: str, owner: str | None = None) -> list[tuple[str, int]]:
        """(queue, how many) of the runs that sleep since the provider is closed, of one owner or of all."""
        ...

    def unfinished(self) -> list[tuple[str, str, int]]:
        """(queue, state, how many) of runs that are not done: ready, running, waiting, held, and dead letters."""
        ...

    def files_of(self, job_ids: Sequence[str]) -> list[str]: ...
    def note_calls(self, rows: Sequence[dict[str, Any]]) -> None: ...
    def check(self) -> None:
        """Raises `StoreUnavailable` or `SettingsError` when the database cannot be used as it is."""
        ...


class BulkReads(Protocol):
    """What a bulk operation needs to know and to hold."""

    def bulk(self, bulk_id: str) -> Bulk | None: ...
    def open_bulks(self) -> list[Bulk]:
        """Those that are not over, the oldest first."""
        ...

    def hold_bulk(self, bulk_id: str, holder: str, now: int, until: int) -> bool:
        """Take or renew the lease. False while another holds it."""
        ...

    def selected(self, act: BulkAct, selection: Selection, after: str | None, limit: int) -> list[str]:
        """Ids of the jobs, or of the dead letters, that fit, in order, behind that one."""
        ...

    def count_selected(self, act: BulkAct, selection: Selection, most: int) -> int:
        """How many fit, counted up to a bound."""
        ...


class Database(Store, Retention, Reads, BulkReads, Protocol):
    """All of one database, for those who are handed it whole."""
