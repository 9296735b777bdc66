"""The store's slow side: what is old is forgotten, what a person wants deleted is gone, and the schema is checked."""

from collections.abc import Sequence

import sqlalchemy as sa

from stagepass.engine.model.states import ENDED, OPEN
from stagepass.errors import SettingsError
from stagepass.store import connect
from stagepass.store.base import Connections
from stagepass.store.tables import attempts, events, files, jobs, memos, metadata, notices, spends, stage_runs

_BY_JOB = (events, attempts, spends, files, stage_runs)
_ENDED = [state.value for state in ENDED]
_OPEN = [state.value for state in OPEN]


class Retention(Connections):
    """Part of `SqlStore`; works in pages, so that no transaction is long."""

    def orphans(self, limit: int) -> list[str]:
        """Ids of jobs that are not over, though the stage run that started each does not wait for it any more."""
        waits = sa.exists().where(stage_runs.c.id == jobs.c.parent, stage_runs.c.state.in_(_OPEN))
        left = sa.select(jobs.c.id).where(sa.text("parent IS NOT NULL AND finished_at IS NULL"), ~waits)
        with connect.translated(), self._reads.connect() as connection:
            return list(connection.scalars(left.limit(limit)))

    def forget_events(self, pipeline: str, before: int, limit: int) -> int:
        """Delete the events of jobs that ended before that time. Returns how many jobs that were."""
        old = sa.select(jobs.c.id).where(
            jobs.c.pipeline == pipeline,
            jobs.c.finished_at < before,
            jobs.c.state.in_(_ENDED),
            sa.exists().where(events.c.job_id == jobs.c.id),
        )
        with self._writing() as connection:
            ids = list(connection.scalars(old.limit(limit)))
            if ids:
                connection.execute(sa.delete(events).where(events.c.job_id.in_(ids)))
        return len(ids)

    def ended_jobs(self, pipeline: str, before: int, limit: int) -> list[str]:
        """Ids of jobs that ended before that time."""
        with connect.translated(), self._reads.connect() as connection:
            old = sa.select(jobs.c.id).where(
                jobs.c.pipeline == pipeline, jobs.c.finished_at < before, jobs.c.state.in_(_ENDED)
            )
            return list(connection.scalars(old.limit(limit)))

    def owner_jobs(self, owner: str, limit: int) -> list[str]:
        """Ids of one owner's jobs."""
        with connect.translated(), self._reads.connect() as connection:
            return list(connection.scalars(sa.select(jobs.c.id).where(jobs.c.owner == owner).limit(limit)))

    def files_of(self, job_ids: Sequence[str]) -> list[str]:
        """URIs of the files that these jobs own."""
        if not job_ids:
            return []
        with connect.translated(), self._reads.connect() as connection:
            return list(connection.scalars(sa.select(files.c.uri).where(files.c.job_id.in_(list(job_ids)))))

    def delete_jobs(self, job_ids: Sequence[str]) -> None:
        """Delete these jobs with all that belongs to them."""
        if not job_ids:
            return
        ids = list(job_ids)
        with self._writing() as connection:
            held = sa.select(jobs.c.id).where(jobs.c.id.in_(ids)).order_by(jobs.c.id)
            connection.execute(held.with_for_update())  # first the job, as everybody does
            runs = sa.select(stage_runs.c.id).where(stage_runs.c.job_id.in_(ids))
            connection.execute(sa.delete(memos).where(memos.c.run_id.in_(runs)))
            for table in _BY_JOB:
                connection.execute(sa.delete(table).where(table.c.job_id.in_(ids)))
            connection.execute(sa.delete(jobs).where(jobs.c.id.in_(ids)))

    def check(self) -> None:
        """Raises `StoreUnavailable`, or `SettingsError` when the schema is not there."""
        with connect.translated(), self._reads.connect() as connection:
            there = set(sa.inspect(connection).get_table_names())
        missing = sorted(set(metadata.tables) - there)
        if missing:
            raise SettingsError(f"the database lacks the tables {', '.join(missing)}; run: stagepass db upgrade")

    def check_writes(self) -> None:
        """Raises `StoreUnavailable` while the database takes no writes: it is read-only, or its disk is full.

        A row is written and taken back.
        """
        with self._writing(beat=True) as connection, connection.begin_nested() as probe:
            connection.execute(sa.insert(notices).values(at=0, kind="probe", subject=""))
            probe.rollback()

    def create_all(self) -> None:
        """Make the schema as it is now, without its history: for databases that live as long as a test."""
        metadata.create_all(self._writes)
