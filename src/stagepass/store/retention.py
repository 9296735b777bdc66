"""Maintenance of the store: retention, deletion of an owner's data, and schema checks."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from stagepass.engine.model.states import ENDED, OPEN
from stagepass.errors import SettingsError
from stagepass.sentences import sentence
from stagepass.store import connect
from stagepass.store.base import Connections
from stagepass.store.doomed import note
from stagepass.store.tables import (
    attempts,
    audit,
    events,
    files,
    job_tags,
    jobs,
    memos,
    messages,
    metadata,
    notices,
    spends,
    stage_runs,
)

_BY_JOB = (events, attempts, spends, messages, files, stage_runs, job_tags, audit)
_ENDED = [state.value for state in ENDED]
_OPEN = [state.value for state in OPEN]


class Retention(Connections):
    """Part of `SqlStore`; works in pages, so that no transaction is long."""

    def orphans(self, limit: int) -> list[str]:
        """Ids of jobs that are not over, though the stage run that started each does not wait for it any more."""
        waits = sa.exists().where(stage_runs.c.id == jobs.c.parent, stage_runs.c.state.in_(_OPEN))
        left = sa.select(jobs.c.id).where(sa.text("parent IS NOT NULL AND finished_at IS NULL"), ~waits)
        with connect.translated(), self._using, self._reads.connect() as connection:
            return list(connection.scalars(left.limit(limit)))

    def forget_events(self, pipeline: str, before: int, limit: int) -> int:
        """Delete the events of jobs that ended before that time. Returns how many jobs that were."""
        has_events = sa.exists().where(events.c.job_id == jobs.c.id)
        with self._writing() as connection:
            found = list(connection.scalars(_old(pipeline, before).where(has_events).limit(limit)))
            ids = _held(connection, found, before)
            if ids:
                connection.execute(sa.delete(events).where(events.c.job_id.in_(ids)))
        return len(ids)

    def ended_jobs(self, pipeline: str, before: int, limit: int) -> list[str]:
        """Ids of jobs that ended before that time."""
        with connect.translated(), self._using, self._reads.connect() as connection:
            return list(connection.scalars(_old(pipeline, before).limit(limit)))

    def owner_jobs(self, owner: str, limit: int) -> list[str]:
        """Ids of one owner's jobs."""
        with connect.translated(), self._using, self._reads.connect() as connection:
            return list(connection.scalars(sa.select(jobs.c.id).where(jobs.c.owner == owner).limit(limit)))

    def files_of(self, job_ids: Sequence[str]) -> list[str]:
        """URIs of the files that these jobs own."""
        if not job_ids:
            return []
        with connect.translated(), self._using, self._reads.connect() as connection:
            return list(connection.scalars(sa.select(files.c.uri).where(files.c.job_id.in_(list(job_ids)))))

    def delete_jobs(
        self, job_ids: Sequence[str], files_after: int = 0, *, ended_before: int | None = None
    ) -> list[str]:
        """Delete these jobs with all that belongs to them. Their files are doomed, and go after `files_after`.

        Args:
            ended_before: only those that are still over, and were then; one that was resumed meanwhile stays, and one
                that is locked stays until the next time.

        Returns:
            The ids of the jobs that are gone.
        """
        with self._writing() as connection:
            ids = _held(connection, list(job_ids), ended_before)
            if not ids:
                return []
            owned = connection.execute(sa.select(files.c.uri, files.c.owner).where(files.c.job_id.in_(ids))).all()
            runs = sa.select(stage_runs.c.id).where(stage_runs.c.job_id.in_(ids))
            connection.execute(sa.delete(memos).where(memos.c.run_id.in_(runs)))
            for table in _BY_JOB:
                connection.execute(sa.delete(table).where(table.c.job_id.in_(ids)))
            connection.execute(sa.delete(jobs).where(jobs.c.id.in_(ids)))
            for owner in {row.owner for row in owned}:
                note(connection, [row.uri for row in owned if row.owner == owner], owner, files_after)
        return ids

    def check(self) -> None:
        """Raises `StoreUnavailable`, or `SettingsError` when the schema is not there."""
        with connect.translated(), self._using, self._reads.connect() as connection:
            there = set(sa.inspect(connection).get_table_names())
        missing = sorted(set(metadata.tables) - there)
        if missing:
            raise SettingsError(
                sentence(
                    "the database is missing the tables {missing}; run: stagepass db upgrade",
                    missing=", ".join(missing),
                )
            )

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


def _old(pipeline: str, before: int) -> sa.Select[Any]:
    return sa.select(jobs.c.id).where(
        jobs.c.pipeline == pipeline, jobs.c.finished_at < before, jobs.c.state.in_(_ENDED)
    )


def _held(connection: sa.Connection, ids: Sequence[str], ended_before: int | None) -> list[str]:
    """The jobs whose rows are now locked, job rows first as everywhere. Whether a job has ended is checked again."""
    held = sa.select(jobs.c.id).where(jobs.c.id.in_(list(ids))).order_by(jobs.c.id)
    if ended_before is None:
        return list(connection.scalars(held.with_for_update()))
    still = held.where(jobs.c.finished_at < ended_before, jobs.c.state.in_(_ENDED))
    return list(connection.scalars(still.with_for_update(skip_locked=True)))
