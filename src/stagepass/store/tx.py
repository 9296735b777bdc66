"""One transaction of the desk: few statements, however many jobs it touches."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from stagepass.engine.ports import Candidate, Changes, Outputs, Stale
from stagepass.engine.records import Job, Memo, StageRun
from stagepass.store import rows
from stagepass.store.tables import attempts, events, jobs, memos, spends, stage_runs, workers

CHUNK = 500
"""Values in one IN list; every supported database takes more."""

_READY = sa.literal_column("'ready'")  # literal, so that the partial indexes are used
_ENDED = sa.literal_column("('completed', 'skipped', 'failed')")

_run_changes = [
    column.name for column in stage_runs.c if column.name in rows.run_changes(StageRun("", "", "", 1, "", "", "", 0))
]
_job_changes = [column.name for column in jobs.c if column.name in rows.job_changes(Job("", "", 1, "", "", 0, 0))]

UPDATE_RUN = (
    sa.update(stage_runs)
    .where(
        stage_runs.c.id == sa.bindparam("b_id"),
        stage_runs.c.state == sa.bindparam("b_state"),
        sa.func.coalesce(stage_runs.c.token, "") == sa.bindparam("b_token"),
    )
    .values({name: sa.bindparam(name) for name in _run_changes})
)
UPDATE_JOB = (
    sa.update(jobs).where(jobs.c.id == sa.bindparam("b_id")).values({name: sa.bindparam(name) for name in _job_changes})
)
UPDATE_MEMO = (
    sa.update(memos)
    .where(
        memos.c.run_id == sa.bindparam("b_run"),
        memos.c.name == sa.bindparam("b_name"),
        memos.c.token == sa.bindparam("b_token"),
    )
    .values(value=sa.bindparam("b_value"))
)


def chunks(ids: Iterable[Any], size: int = CHUNK) -> Iterable[list[Any]]:
    """The ids in lists of at most `size`."""
    everything = list(ids)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


class SqlTx:
    """See `stagepass.engine.ports.Tx`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        # SQLite has one writer, who holds the whole database: there are no rows to lock
        self._locks = connection.dialect.name != "sqlite"

    # ── reading ──

    def lock_jobs(self, ids: Iterable[str]) -> list[Job]:
        found: list[Job] = []
        for part in chunks(sorted(ids)):
            query = sa.select(jobs).where(jobs.c.id.in_(part)).order_by(jobs.c.id)
            found += map(rows.job_of, self._db.execute(query.with_for_update() if self._locks else query))
        return found

    def runs(self, ids: Iterable[str]) -> list[StageRun]:
        found: list[StageRun] = []
        for part in chunks(ids):
            found += map(rows.run_of, self._db.execute(sa.select(stage_runs).where(stage_runs.c.id.in_(part))))
        return found

    def runs_of(self, job_ids: Iterable[str]) -> list[StageRun]:
        query = sa.select(stage_runs).where(stage_runs.c.job_id.in_(list(job_ids))).order_by(stage_runs.c.created_at)
        return [rows.run_of(row) for row in self._db.execute(query)]

    def job_by_key(self, owner: str, key: str) -> Job | None:
        row = self._db.execute(sa.select(jobs).where(jobs.c.owner == owner, jobs.c.idempotency_key == key)).first()
        return rows.job_of(row) if row else None

    def memo(self, run_id: str, name: str) -> Memo | None:
        row = self._db.execute(sa.select(memos).where(memos.c.run_id == run_id, memos.c.name == name)).first()
        return rows.memo_of(row) if row else None

    def outputs(self, wanted: Sequence[tuple[str, str]]) -> Outputs:
        found: Outputs = defaultdict(lambda: defaultdict(dict))
        c = stage_runs.c
        for part in chunks(wanted):
            query = sa.select(c.job_id, c.stage, c.item, c.output, c.error).where(
                c.job_id.in_(sorted({job for job, _ in part})),
                c.stage.in_(sorted({stage for _, stage in part})),
                sa.text("state IN ('completed', 'skipped', 'failed')"),
            )
            for job, stage, item, output, error in self._db.execute(query):
                found[job][stage][item] = (output, rows.load(error))
        return found

    def due(self, now: int, limit: int) -> list[tuple[str, str]]:
        c = stage_runs.c
        query = (
            sa.select(c.id, c.job_id)
            .where(sa.text("state IN ('waiting', 'retrying', 'parked')"), c.due_at <= now)
            .order_by(c.due_at)
            .limit(limit)
        )
        return [(run, job) for run, job in self._db.execute(query)]

    def next_due(self) -> int | None:
        """When the next wait is over, if anything waits."""
        waiting = sa.text("state IN ('waiting', 'retrying', 'parked')")
        due: int | None = self._db.scalar(sa.select(sa.func.min(stage_runs.c.due_at)).where(waiting))
        return due

    def running_of(self, worker: str) -> list[tuple[str, str]]:
        c = stage_runs.c
        query = sa.select(c.id, c.job_id).where(c.worker == worker, sa.text("state = 'running'"))
        return [(run, job) for run, job in self._db.execute(query)]

    # ── choosing ──

    def line_up(self, groups: Sequence[tuple[str, int, str]]) -> list[tuple[int | None, int | None]]:
        answers: list[tuple[int | None, int | None]] = []
        for part in chunks(groups, 50):
            query = sa.union_all(*(self._turns(number, *group) for number, group in enumerate(part)))
            found = {number: (last, first) for number, last, first in self._db.execute(query)}
            answers += [found[number] for number in range(len(part))]
        return answers

    @staticmethod
    def _turns(number: int, queue: str, priority: int, owner: str) -> sa.Select[Any]:
        c = stage_runs.c
        line = (c.queue == queue, c.state == _READY, c.priority == priority)
        last = sa.select(sa.func.max(c.turn)).where(*line, c.owner == owner).scalar_subquery()
        first = sa.select(sa.func.min(c.turn)).where(*line).scalar_subquery()
        return sa.select(sa.literal(number), last, first)

    def candidates(self, queues: Sequence[str], limit: int) -> list[Candidate]:
        c = stage_runs.c
        columns = (c.id, c.queue, c.priority, c.turn, c.due_at)
        # others may hold some of the first rows, so look at a few more than are wanted
        more = limit + 1 if not self._locks else limit * 2 + 8
        lanes = [
            sa.select(*columns)
            .where(c.queue == queue, c.state == _READY)
            .order_by(c.priority.desc(), c.turn, c.due_at)
            .limit(more)
            .subquery()
            for queue in queues
        ]
        query: Any = sa.union_all(*(sa.select(lane) for lane in lanes)) if len(lanes) > 1 else sa.select(lanes[0])
        return [Candidate(*row) for row in self._db.execute(query)]

    def take(self, ids: Sequence[str], limit: int) -> list[tuple[StageRun, Job]]:
        ids = list(ids)[: limit if not self._locks else limit * 2 + 8]
        query = sa.select(stage_runs).where(stage_runs.c.id.in_(ids), stage_runs.c.state == _READY)
        if self._locks:
            query = query.with_for_update(skip_locked=True)
        found = {run.id: run for run in map(rows.run_of, self._db.execute(query))}
        taken = [found[i] for i in ids if i in found][: limit + 8]
        held = sa.select(jobs).where(jobs.c.id.in_(sorted({run.job_id for run in taken})))
        if self._locks:
            held = held.with_for_update(skip_locked=True)
        owners = {job.id: job for job in map(rows.job_of, self._db.execute(held))} if taken else {}
        return [(run, owners[run.job_id]) for run in taken if run.job_id in owners]

    # ── writing ──

    def drop_worker(self, worker: str) -> None:
        self._db.execute(sa.delete(workers).where(workers.c.id == worker))

    def save(self, changes: Changes) -> None:
        if changes.dropped_runs:
            for part in chunks(changes.dropped_runs):
                self._db.execute(sa.delete(stage_runs).where(stage_runs.c.id.in_(part)))
        for run_id, name in changes.forgotten:
            gone = sa.delete(memos).where(memos.c.run_id == run_id)
            self._db.execute(gone if name is None else gone.where(memos.c.name == name))
        self._insert(jobs, [rows.job_row(job) for job in changes.new_jobs])
        self._insert(stage_runs, [rows.run_row(run) for run in changes.new_runs])
        self._update_runs(changes)
        if changes.jobs:
            self._db.execute(UPDATE_JOB, [{"b_id": job.id, **rows.job_changes(job)} for job in changes.jobs])
        self._insert(events, [rows.event_row(event) for event in changes.events])
        self._insert(attempts, [rows.attempt_row(attempt) for attempt in changes.attempts])
        self._insert(memos, [rows.memo_row(memo) for memo in changes.intents])
        for memo in changes.memos:
            self._keep(memo)
        self._insert(spends, [rows.spend_row(spend) for spend in changes.spends])

    def _insert(self, table: sa.Table, values: list[dict[str, Any]]) -> None:
        if values:
            self._db.execute(sa.insert(table), values)

    def _update_runs(self, changes: Changes) -> None:
        if not changes.runs:
            return
        values = [
            {"b_id": run.id, "b_state": state.value, "b_token": token or "", **rows.run_changes(run)}
            for run, state, token in changes.runs
        ]
        written = self._db.execute(UPDATE_RUN, values).rowcount
        if written != len(values):
            raise Stale(f"{len(values) - written} of {len(values)} stage runs were not as they were read")

    def _keep(self, memo: Memo) -> None:
        self._db.execute(
            UPDATE_MEMO, {"b_run": memo.run_id, "b_name": memo.name, "b_token": memo.token, "b_value": memo.value}
        )
