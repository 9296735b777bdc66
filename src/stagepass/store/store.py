"""The store: transactions for the committer, reads for all others. See `stagepass.reports.reads.Database`."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from stagepass import forking
from stagepass.engine.model.filters import JobFilter, RunFilter
from stagepass.engine.model.process_locks import LockLook, ProcessLock
from stagepass.engine.model.records import Attempt, Event, Job, Memo, Message, OpenStage, StageRun, WorkerRow
from stagepass.engine.model.states import OPEN, JobState, RunState
from stagepass.engine.model.store import JobEnd, Parked
from stagepass.engine.model.transaction import Outputs
from stagepass.store import connect, part_rows, process_locks, rows, texts
from stagepass.store.alerts import AlertReads
from stagepass.store.audit import AuditLog
from stagepass.store.bulk import BulkReads
from stagepass.store.calls import Calls
from stagepass.store.controls import ControlReads, unpaused
from stagepass.store.doomed import DoomedFiles
from stagepass.store.ledger import LedgerReads
from stagepass.store.processes import Processes
from stagepass.store.retention import Retention
from stagepass.store.selecting import matching
from stagepass.store.standing import Standing
from stagepass.store.statements import JOB, RUN, chunks, unread_messages
from stagepass.store.tables import attempts, events, jobs, memos, stage_runs, workers
from stagepass.store.tags import TagReads
from stagepass.store.timetable import Timetable
from stagepass.store.tx import SqlTx
from stagepass.store.usage import Usage

BACKLOG_SEEN = 1000
"""Ready runs of a queue are counted up to here; beyond it is only known that there are more."""


_LARGE = ("item_input", "output")
_OPEN = [state.value for state in OPEN]

_TIMED = sa.text("state IN ('waiting', 'retrying', 'parked')")  # as in the index
_BLOCKED = (sa.text("blocked_by IS NOT NULL"), stage_runs.c.state == "waiting")  # the first as in the index


@forking.renews_properties
class SqlStore(
    Retention,
    Usage,
    DoomedFiles,
    LedgerReads,
    AlertReads,
    AuditLog,
    BulkReads,
    Calls,
    ControlReads,
    TagReads,
    Timetable,
    Standing,
    Processes,
):
    """One database, for one process."""

    @contextmanager
    def begin(self) -> Iterator[SqlTx]:
        with self._writing(batch=True) as connection:
            tx = self._transaction(connection)
            try:
                yield tx
                tx.commit()
            except BaseException:
                tx.abandon()
                raise

    @cached_property
    def _transaction(self) -> type[SqlTx]:
        if self.dialect == "postgresql":
            from stagepass.store.postgresql import PostgresTx  # only where its driver is used

            return PostgresTx
        return SqlTx

    # ── jobs ──

    def job(self, job_id: str) -> Job | None:
        found = self._all(sa.select(*JOB).where(jobs.c.id == job_id))
        return rows.job_of(found[0]) if found else None

    def job_by_key(self, owner: str, key: str) -> Job | None:
        found = self._all(sa.select(*JOB).where(jobs.c.owner == owner, jobs.c.idempotency_key == key))
        return rows.job_of(found[0]) if found else None

    def jobs_of_key(self, key: str) -> list[Job]:
        """Jobs with this idempotency key, of any owner; the newest few."""
        query = sa.select(*JOB).where(jobs.c.idempotency_key == key).order_by(jobs.c.id.desc()).limit(5)
        return [rows.job_of(row) for row in self._all(query)]

    def jobs(self, which: JobFilter) -> list[Job]:
        newest = jobs.c.id.desc() if which.after is None else jobs.c.id
        query = sa.select(*JOB).where(*matching(which)).order_by(newest).limit(which.limit)
        return [rows.job_of(row) for row in self._all(query)]

    def job_ends(self, ids: Sequence[str]) -> dict[str, JobEnd]:
        c, found = jobs.c, dict[str, JobEnd]()
        for part in chunks(ids):
            query = sa.select(c.id, c.state, c.error, c.finished_at, c.pipeline, c.version).where(c.id.in_(part))
            for id, state, error, at, pipeline, version in self._all(query):
                found[id] = JobEnd(id, JobState(state), texts.load(error), at, pipeline, version)
        return found

    def jobs_by_id(self, ids: Sequence[str]) -> list[Job]:
        found: list[Job] = []
        for part in chunks(ids):
            found += map(rows.job_of, self._all(sa.select(*JOB).where(jobs.c.id.in_(part)).order_by(jobs.c.id)))
        return found

    # ── stage runs ──

    def run(self, run_id: str) -> StageRun | None:
        found = self._all(sa.select(*RUN).where(stage_runs.c.id == run_id))
        return rows.run_of(found[0]) if found else None

    def runs_of(self, job_id: str) -> list[StageRun]:
        query = sa.select(*RUN).where(stage_runs.c.job_id == job_id)
        return [rows.run_of(row) for row in self._all(query.order_by(stage_runs.c.created_at, stage_runs.c.item))]

    def look(self, job_id: str) -> tuple[Job, list[StageRun]] | None:
        c = stage_runs.c
        columns = [sa.null().label(column.name) if column.name in _LARGE else column for column in RUN]
        query = sa.select(*columns, jobs.c.seq.label("job_seq")).join(jobs, jobs.c.id == c.job_id)
        query = query.where(c.job_id == job_id).order_by(c.created_at, c.item)
        looks = 0
        while (job := self.job(job_id)) is not None:
            found, looks = self._all(query), looks + 1
            if looks == 5 or all(row.job_seq == job.seq for row in found):  # else it moved on in between
                return job, [rows.run_of(row[:-1]) for row in found]
        return None

    def outputs(self, wanted: Sequence[tuple[str, str]]) -> Outputs:
        with connect.translated(), self._using, self._reads.connect() as connection:
            return SqlTx(connection).outputs(wanted)

    def started(self, run_ids: Sequence[str]) -> dict[str, list[str]]:
        with connect.translated(), self._reads.connect() as connection:
            return SqlTx(connection).started(run_ids)

    def stage_states(self, job_id: str) -> list[tuple[str, RunState, int]]:
        c = stage_runs.c
        query = sa.select(c.stage, c.state, sa.func.count()).where(c.job_id == job_id).group_by(c.stage, c.state)
        return [(stage, RunState(state), count) for stage, state, count in self._all(query)]

    def find_runs(self, which: RunFilter) -> list[StageRun]:
        c = stage_runs.c
        states = ", ".join(f"'{state.value}'" for state in which.states)
        query = sa.select(*RUN).where(sa.text(f"state IN ({states})")).order_by(c.id.desc()).limit(which.limit)
        if which.owner is not None:
            query = query.where(c.owner == which.owner)
        if which.pipeline:
            query = query.where(c.pipeline == which.pipeline)
        if which.stage:
            query = query.where(c.stage == which.stage)
        if which.code:
            query = query.where(c.error_code == which.code)
        if which.before:
            query = query.where(c.id < which.before)
        return [rows.run_of(row) for row in self._all(query)]

    def ready_since(self, before: int) -> list[tuple[str, int]]:
        c = stage_runs.c
        ready = (sa.text("state = 'ready'"), c.due_at <= before)
        seen = sa.select(c.queue).where(*ready, *unpaused()).limit(BACKLOG_SEEN).subquery()
        return [
            (queue, count)
            for queue, count in self._all(sa.select(seen.c.queue, sa.func.count()).group_by(seen.c.queue))
        ]

    def due(self, now: int, limit: int) -> list[tuple[str, str]]:
        c = stage_runs.c
        query = sa.select(c.id, c.job_id).where(_TIMED, c.due_at <= now).order_by(c.due_at).limit(limit)
        return [(run, job) for run, job in self._all(query)]

    def next_due(self) -> int | None:
        """When the next wait is over, if anything waits."""
        ((due,),) = self._all(sa.select(sa.func.min(stage_runs.c.due_at)).where(_TIMED))
        return None if due is None else int(due)

    def running_of(self, worker: str) -> list[tuple[str, str]]:
        c = stage_runs.c
        query = sa.select(c.id, c.job_id).where(c.worker == worker, sa.text("state = 'running'"))
        return [(run, job) for run, job in self._all(query)]

    def parked(self, limit: int) -> list[Parked]:
        c = stage_runs.c
        waits = _TIMED, c.state == sa.literal_column("'parked'")
        query = sa.select(c.id, c.job_id, c.queue, c.pipeline, c.version, c.stage).where(*waits)
        return [Parked(*row) for row in self._all(query.order_by(c.due_at).limit(limit))]

    def parked_at(self, provider: str, limit: int) -> list[tuple[str, str]]:
        c = stage_runs.c
        query = sa.select(c.id, c.job_id).where(c.blocked_by == provider, *_BLOCKED).order_by(c.due_at).limit(limit)
        return [(run, job) for run, job in self._all(query)]

    def parking_providers(self) -> set[str]:
        return {name for (name,) in self._all(sa.select(stage_runs.c.blocked_by).where(*_BLOCKED).distinct())}

    def count_parked(self, provider: str, owner: str | None = None) -> list[tuple[str, int]]:
        c = stage_runs.c
        query = sa.select(c.queue, sa.func.count()).where(c.blocked_by == provider, *_BLOCKED)
        if owner is not None:
            query = query.where(c.owner == owner)
        return [(queue, count) for queue, count in self._all(query.group_by(c.queue).order_by(c.queue))]

    def unfinished(self) -> list[tuple[str, str, int]]:
        c = stage_runs.c
        parts = (  # one for each partial index, so that history is not looked at
            "state = 'ready'",
            "state = 'running'",
            "state IN ('waiting', 'retrying', 'parked')",
            "state IN ('failed', 'held')",
        )
        counted = [
            sa.select(c.queue, c.state, sa.func.count()).where(sa.text(part)).group_by(c.queue, c.state)
            for part in parts
        ]
        return [(queue, state, count) for queue, state, count in self._all(sa.union_all(*counted))]

    def oldest_ready(self, now: int) -> dict[str, int]:
        """By queue: since when its oldest ready stage run could be claimed, in milliseconds."""
        c = stage_runs.c
        query = sa.select(c.queue, sa.func.min(c.due_at)).where(sa.text("state = 'ready'"), c.due_at <= now)
        return {queue: int(since) for queue, since in self._all(query.group_by(c.queue))}

    def connections_in_use(self) -> int:
        """Connections of this process that are checked out of its pools."""
        return sum(
            engine.pool.checkedout()
            for engine in {self._writes, self._batches, self._reads}
            if hasattr(engine.pool, "checkedout")
        )

    # ── what belongs to them ──

    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[Event]:
        query = sa.select(events).where(events.c.job_id == job_id, events.c.seq > after)
        return [part_rows.event_of(row) for row in self._all(query.order_by(events.c.seq).limit(limit))]

    def last_events(self, job_ids: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for part in chunks(job_ids):
            found.update(
                (row.id, row.seq) for row in self._all(sa.select(jobs.c.id, jobs.c.seq).where(jobs.c.id.in_(part)))
            )
        return found

    def open_progress(self, job_ids: Sequence[str]) -> dict[str, dict[str, float]]:
        """See `stagepass.reports.reads.Reads`."""
        found: dict[str, dict[str, float]] = defaultdict(dict)
        c = stage_runs.c
        for part in chunks(job_ids):
            query = (
                sa.select(c.job_id, c.stage, sa.func.sum(c.progress))
                .where(c.job_id.in_(part), c.state.in_(_OPEN), c.progress > 0)
                .group_by(c.job_id, c.stage)
            )
            for job_id, stage, total in self._all(query):
                found[job_id][stage] = float(total)
        return dict(found)

    def open_stages(self, job_ids: Sequence[str]) -> dict[str, list[OpenStage]]:
        """See `stagepass.reports.reads.Reads`."""
        found: dict[str, list[OpenStage]] = defaultdict(list)
        c = stage_runs.c
        for part in chunks(job_ids):
            query = (
                sa.select(c.job_id, c.queue, c.stage, c.state, sa.func.max(c.message))
                .where(c.job_id.in_(part), c.state.in_(_OPEN))
                .group_by(c.job_id, c.queue, c.stage, c.state)
            )
            for job_id, queue, stage, state, message in self._all(query):
                found[job_id].append(OpenStage(queue, stage, RunState(state), message))
        return dict(found)

    def attempts(self, run_ids: Sequence[str]) -> list[Attempt]:
        found: list[Attempt] = []
        for part in chunks(run_ids):
            jobs_of = sorted({run_id.split(".", 1)[0] for run_id in part})
            query = sa.select(attempts).where(attempts.c.job_id.in_(jobs_of), attempts.c.run_id.in_(part))
            found += map(part_rows.attempt_of, self._all(query.order_by(attempts.c.id)))
        return found

    def memos(self, run_id: str) -> list[Memo]:
        return [part_rows.memo_of(row) for row in self._all(sa.select(memos).where(memos.c.run_id == run_id))]

    def messages(self, job_id: str, name: str, limit: int) -> list[Message]:
        return [part_rows.message_of(row) for row in self._all(unread_messages(job_id, name).limit(limit))]

    # ── workers ──

    def add_worker(self, row: WorkerRow) -> None:
        with self._writing(beat=True) as connection:
            connection.execute(sa.insert(workers), part_rows.worker_row(row))

    def beat(
        self, worker: str, now: int, progress: Sequence[tuple[str, str, float, str | None]], *, clock_off: int = 0
    ) -> tuple[bool, list[tuple[str, str, bool]]]:
        c = stage_runs.c
        with self._writing(beat=True) as connection:
            beaten = connection.execute(
                sa.update(workers)
                .where(workers.c.id == worker)
                .values(beat=workers.c.beat + 1, beat_at=now, clock_off=clock_off)
            )
            self._note_progress(connection, {(run, token): tuple(told) for run, token, *told in progress})
            held = connection.execute(
                sa.select(c.id, c.token, jobs.c.cancel_requested)
                .join(jobs, jobs.c.id == c.job_id)
                .where(c.worker == worker, sa.text("stage_runs.state = 'running'"))
            ).all()
        return beaten.rowcount == 1, [(run_id, token, bool(cancelled)) for run_id, token, cancelled in held]

    @staticmethod
    def _note_progress(connection: sa.Connection, progress: dict[tuple[str, str], tuple[Any, ...]]) -> None:
        """Only rows that are not locked: a heartbeat never waits for a run's lock."""
        if not progress:
            return
        c = stage_runs.c
        mine = sa.select(c.id, c.token).where(c.id.in_(sorted({run for run, _ in progress}))).order_by(c.id)
        for run_id, token in connection.execute(mine.with_for_update(skip_locked=True)).all():
            if told := progress.get((run_id, token)):
                values = {"progress": told[0], "message": texts.message_text(told[1])}
                connection.execute(sa.update(stage_runs).where(c.id == run_id, c.token == token).values(**values))

    def workers(self) -> list[WorkerRow]:
        return [part_rows.worker_of(row) for row in self._soon(sa.select(workers))]

    def process_lock(self) -> ProcessLock:
        if self.dialect == "sqlite":
            return process_locks.FileLock(str(self._writes.url.database))
        return process_locks.SessionLock(self._url)

    def note_lock(self, worker: str, key: int | None) -> None:
        with self._writing(beat=True) as connection:
            connection.execute(sa.update(workers).where(workers.c.id == worker).values(lock_key=key))

    def locks(self) -> LockLook:
        return self._lock_watch.look()

    @cached_property
    def _lock_watch(self) -> process_locks.LockWatch:
        own = self.dialect != "sqlite"
        engine = connect.engine(self._url, reads=True, pool=1, patience=connect.BEAT) if own else self._reads
        return process_locks.LockWatch(engine)

    def close(self) -> None:
        if "_lock_watch" in self.__dict__:
            self._lock_watch.close()
        super().close()

    def lost_workers(self) -> list[str]:
        c = stage_runs.c
        there = sa.exists().where(workers.c.id == c.worker)
        query = sa.select(c.worker).where(sa.text("state = 'running'"), c.worker.is_not(None), ~there)
        return [worker for (worker,) in self._all(query.distinct())]
