"""One transaction of the committer: few statements, however many jobs it touches."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from stagepass.engine.model.bulk import Bulk
from stagepass.engine.model.controls import Controls, Pause, RuntimeLimit, Scope
from stagepass.engine.model.orders import Order
from stagepass.engine.model.records import Job, Memo, Message, StageRun
from stagepass.engine.model.states import RunState
from stagepass.engine.model.transaction import Ahead, Changes, Outputs, Ready, Stale
from stagepass.store import bulk, controls, part_rows, rows, tags, texts
from stagepass.store.saving import save
from stagepass.store.statements import (
    CONTROLS_ALONE,
    JOB,
    JOB_IDS_FREE,
    JOBS_BY_ID,
    JOBS_FREE,
    LEAN_JOBS,
    LEAN_JOBS_FREE,
    LEAN_JOBS_LOCKED,
    LEAN_RUN,
    LEAN_RUNS,
    LEAN_RUNS_FREE,
    NO_ORDERS,
    OUTPUTS,
    READY_BY_ID,
    READY_FREE,
    RUN_IDS_FREE,
    chunks,
    first_ready,
    last_turns,
    unread_messages,
)
from stagepass.store.tables import jobs, memos, messages, notices, spends, stage_runs, workers

SEEN = 16
"""Ready runs that a claim sees beyond those it wants: among them an owner's most urgent go first."""


class SqlTx:
    """See `stagepass.engine.model.transaction.Tx`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._locks = connection.dialect.name != "sqlite"

    @property
    def _db(self) -> Connection:
        return self._connection

    def commit(self) -> None:
        """Commit what was written, unless the connection's own commit does."""

    def abandon(self) -> None:
        """It is about to be rolled back."""

    # ── reading ──

    def look_ahead(self, ahead: Ahead) -> None:
        """Nothing is won where every statement is a trip of its own."""

    def lock_jobs(self, ids: Iterable[str], *, skip_locked: bool = False) -> list[Job]:
        query = (LEAN_JOBS_FREE if skip_locked else LEAN_JOBS_LOCKED) if self._locks else LEAN_JOBS
        found: list[Job] = []
        for part in chunks(sorted(ids)):
            found += map(rows.job_of, query.all(self._db, ids=part))
        return found

    def require_free(self, job_ids: Iterable[str], run_ids: Iterable[str]) -> None:
        if not self._locks:
            return
        for table, ids, free in ((jobs, set(job_ids), JOB_IDS_FREE), (stage_runs, set(run_ids), RUN_IDS_FREE)):
            for part in chunks(sorted(ids)):
                there = self._db.scalar(sa.select(sa.func.count()).select_from(table).where(table.c.id.in_(part)))
                if len(free.all(self._db, ids=part)) < (there or 0):
                    raise Stale(f"rows of {table.name} are locked by another transaction")

    def runs(self, ids: Iterable[str], *, skip_locked: bool = False) -> list[StageRun]:
        query = LEAN_RUNS_FREE if skip_locked and self._locks else LEAN_RUNS
        found: list[StageRun] = []
        for part in chunks(ids):
            found += map(rows.run_of, query.all(self._db, ids=part))
        return found

    def runs_of(self, job_id: str, states: Collection[RunState]) -> list[StageRun]:
        c = stage_runs.c
        wanted = c.state.in_([state.value for state in states])
        query = sa.select(*LEAN_RUN).where(c.job_id == job_id, wanted).order_by(c.created_at)
        return [rows.run_of(row) for row in self._db.execute(query)]

    def has_run(self, job_id: str, stage: str, state: RunState) -> bool:
        c = stage_runs.c
        query = sa.select(c.id).where(c.job_id == job_id, c.stage == stage, c.state == state.value).limit(1)
        return self._db.execute(query).first() is not None

    def inputs(self, job_ids: Sequence[str]) -> dict[str, str]:
        return self._texts(jobs.c.input, job_ids)

    def run_outputs(self, run_ids: Sequence[str]) -> dict[str, str | None]:
        return self._texts(stage_runs.c.output, run_ids)

    def item_inputs(self, run_ids: Sequence[str]) -> dict[str, str | None]:
        return self._texts(stage_runs.c.item_input, run_ids)

    def _texts(self, column: sa.Column[Any], ids: Sequence[str]) -> dict[str, Any]:
        id = column.table.c.id
        found: dict[str, Any] = {}
        for part in chunks(ids):
            found.update((own, text) for own, text in self._db.execute(sa.select(id, column).where(id.in_(part))))
        return found

    def job_by_key(self, owner: str, key: str) -> Job | None:
        row = self._db.execute(sa.select(*JOB).where(jobs.c.owner == owner, jobs.c.idempotency_key == key)).first()
        return rows.job_of(row) if row else None

    def memo(self, run_id: str, name: str) -> Memo | None:
        row = self._db.execute(sa.select(memos).where(memos.c.run_id == run_id, memos.c.name == name)).first()
        return part_rows.memo_of(row) if row else None

    def open_calls(self, run_ids: Sequence[str]) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for part in chunks(run_ids):
            query = sa.select(memos.c.run_id, memos.c.name).where(memos.c.run_id.in_(part), memos.c.value.is_(None))
            found += [(run, name) for run, name in self._db.execute(query)]
        return found

    def orders(self, job_id: str, run_ids: Sequence[str]) -> list[Order]:
        s, c = spends.c, memos.c
        paid = sa.select(s.run_id, s.memo, sa.func.sum(s.usd).label("usd"), sa.func.max(s.provider).label("provider"))
        paid = paid.where(
            s.job_id == job_id, s.memo.is_not(None), sa.or_(s.given_up.is_(None), s.given_up == sa.false())
        )
        prices = {
            (run, memo): (usd, name) for run, memo, usd, name in self._db.execute(paid.group_by(s.run_id, s.memo))
        }
        found = []
        for part in chunks(sorted({*run_ids, *(run for run, _ in prices)})):
            query = sa.select(c.run_id, c.name, c.value, c.free).where(c.run_id.in_(part)).order_by(c.run_id, c.made_at)
            for run, name, value, free in self._db.execute(query):
                usd, provider = prices.get((run, name), (0.0, None))
                if usd or not (free or name.startswith(NO_ORDERS)):
                    found.append(Order(run, name, value, float(usd), provider))
        return found

    def started(self, run_ids: Sequence[str]) -> dict[str, list[str]]:
        c, found = memos.c, defaultdict[str, list[str]](list)
        for part in chunks(run_ids):
            query = sa.select(c.run_id, c.value).where(c.run_id.in_(part), c.name.like("run:%"), c.value.is_not(None))
            for run_id, value in self._db.execute(query):
                found[run_id].append(str(texts.load(value)))
        return dict(found)

    def outputs(self, wanted: Sequence[tuple[str, str]]) -> Outputs:
        found: Outputs = defaultdict(lambda: defaultdict(dict))
        for part in chunks(wanted):
            of, stages = sorted({job for job, _ in part}), sorted({stage for _, stage in part})
            for job, stage, item, output, error in OUTPUTS.all(self._db, jobs=of, stages=stages):
                found[job][stage][item] = (output, texts.load(error))
        return found

    # ── choosing ──

    def line_up(self, groups: Sequence[tuple[str, int, str, int]]) -> list[tuple[int | None, int | None]]:
        answers: list[tuple[int | None, int | None]] = []
        for part in chunks(groups, 50):
            values: dict[str, Any] = {}
            for number, (queue, priority, owner, urgency) in enumerate(part):
                values |= {f"queue{number}": queue, f"priority{number}": priority}
                values |= {f"owner{number}": owner, f"urgency{number}": urgency}
            found = {
                number: (later(alike, above), first)
                for number, alike, above, first in last_turns(len(part)).all(self._db, values)
            }
            answers += [found[number] for number in range(len(part))]
        return answers

    def candidates(self, queues: Sequence[str], limit: int) -> Ready:
        if not queues:
            return Ready((), self.controls())
        values = {f"queue{number}": queue for number, queue in enumerate(queues)}
        return controls.ready_of(first_ready(len(queues)).all(self._db, {**values, "more": self._seen(limit)}))

    def _seen(self, limit: int) -> int:
        # others may hold some of the first rows, so look at a few more than are wanted
        return SEEN + (limit + 1 if not self._locks else limit * 2 + 8)

    def controls(self) -> Controls:
        return controls.ready_of(CONTROLS_ALONE.all(self._db, {})).controls

    def bulk(self, bulk_id: str) -> Bulk | None:
        return bulk.read(self._db, bulk_id)

    def tags(self, job_id: str) -> dict[str, str]:
        return tags.read(self._db, [job_id]).get(job_id, {})

    def pause(self, scope: Scope, name: str) -> Pause | None:
        return controls.pause(self._db, scope, name)

    def limit(self, scope: Scope, name: str) -> RuntimeLimit | None:
        return controls.limit(self._db, scope, name)

    def count_running(self, queues: Sequence[str]) -> dict[str, int]:
        return controls.count_running(self._db, queues)

    def take(self, ids: Sequence[str], limit: int) -> list[tuple[StageRun, Job]]:
        ids = list(ids)[: limit if not self._locks else limit * 2 + 8]
        ready = (READY_FREE if self._locks else READY_BY_ID).all(self._db, ids=ids)
        found = {run.id: run for run in map(rows.run_of, ready)}
        taken = [found[i] for i in ids if i in found][: limit + 8]
        if not taken:
            return []
        held = (JOBS_FREE if self._locks else JOBS_BY_ID).all(self._db, ids=sorted({run.job_id for run in taken}))
        owners = {job.id: job for job in map(rows.job_of, held)}
        return [(run, owners[run.job_id]) for run in taken if run.job_id in owners]

    def messages(self, job_id: str, name: str, limit: int) -> list[Message]:
        found = self._db.execute(unread_messages(job_id, name).limit(limit)).all()
        return [part_rows.message_of(row) for row in found]

    def has_message(self, job_id: str, key: str) -> bool:
        c = messages.c
        query = sa.select(c.id).where(c.job_id == job_id, c.message_key == key)
        return self._db.execute(query.limit(1)).first() is not None

    def unread(self, job_id: str, limit: int) -> int:
        c = messages.c
        found = sa.select(c.id).where(c.job_id == job_id, c.taken_by.is_(None)).limit(limit).subquery()
        return int(self._db.scalar(sa.select(sa.func.count()).select_from(found)) or 0)

    def open_children(self, run_id: str, limit: int) -> list[str]:
        c = jobs.c
        query = sa.select(c.id).where(c.parent == run_id, sa.text("parent IS NOT NULL AND finished_at IS NULL"))
        return list(self._db.scalars(query.limit(limit)))

    def begun(self, job_id: str) -> list[str]:
        c = stage_runs.c
        query = sa.select(c.id).where(c.job_id == job_id, c.state.in_(("waiting", "running")))
        return list(self._db.scalars(query))

    # ── writing ──

    def holds_leases(self, worker: str) -> bool:
        c = stage_runs.c
        held = sa.select(c.id).where(c.worker == worker, sa.text("state = 'running'")).limit(1)
        return self._db.execute(held).first() is not None

    def drop_worker(self, worker: str, *, lost_at: int | None = None) -> None:
        gone = self._db.execute(sa.delete(workers).where(workers.c.id == worker)).rowcount
        if gone and lost_at is not None:
            self._db.execute(sa.insert(notices).values(at=lost_at, kind="worker_lost", subject=worker))

    def save(self, changes: Changes) -> None:
        save(self._db, changes)


def later(one: int | None, other: int | None) -> int | None:
    """The later one of two turns."""
    return max((turn for turn in (one, other) if turn is not None), default=None)
