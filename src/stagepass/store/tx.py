"""One transaction of the committer: few statements, however many jobs it touches."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection

from stagepass.engine.model.orders import Order
from stagepass.engine.model.records import UNREAD, Job, Memo, Message, StageRun
from stagepass.engine.model.states import RunState
from stagepass.engine.model.transaction import Candidate, Changes, Outputs, Stale
from stagepass.store import rows
from stagepass.store.doomed import claim
from stagepass.store.prepared import ByList, Prepared
from stagepass.store.tables import attempts, events, jobs, memos, messages, notices, spends, stage_runs, workers

SEEN = 16
"""Ready runs that a claim sees beyond those it wants: among them an owner's most urgent go first."""

CHUNK = 500
"""Values in one IN list; every supported database takes more."""

JOB = [jobs.c[name] for name in rows.job_of.columns]
RUN = [stage_runs.c[name] for name in rows.run_of.columns]


def _without(columns: list[sa.Column[Any]], *large: str) -> list[sa.ColumnElement[Any]]:
    return [sa.literal_column(f"'{UNREAD}'").label(c.name) if c.name in large else c for c in columns]


LEAN_JOB = _without(JOB, "input")
LEAN_RUN = _without(RUN, "item_input", "output")
CLAIMED_RUN = _without(RUN, "output")

_NO_ORDERS = ("~", "run:", "approval:", "verdict:", "told:")
"""Beginnings of memos' names that are records of calls, of this release and of those before it."""

_READY: sa.ColumnElement[str] = sa.literal_column("'ready'")  # literal, so that the partial indexes are used

_run_changes = [
    column.name for column in stage_runs.c if column.name in rows.run_changes(StageRun("", "", "", 1, "", "", "", 0))
]
_job_changes = [column.name for column in jobs.c if column.name in rows.job_changes(Job("", "", 1, "", "", 0, 0))]


def _jobs_by_id(ids: list[Any], columns: Sequence[Any] = JOB) -> sa.Select[Any]:
    return sa.select(*columns).where(jobs.c.id.in_(ids)).order_by(jobs.c.id)


def _ready_by_id(ids: list[Any]) -> sa.Select[Any]:
    # Not the bare column: PostgreSQL would take the partial index of what is ready for the shorter way,
    # and read a whole backlog that has grown since its last statistics, to find ten rows of it.
    state = stage_runs.c.state.concat(sa.literal_column("''"))
    return sa.select(*CLAIMED_RUN).where(stage_runs.c.id.in_(ids), state == _READY)


def _outputs(jobs: list[Any], stages: list[Any]) -> sa.Select[Any]:
    c = stage_runs.c
    return sa.select(c.job_id, c.stage, c.item, c.output, c.error).where(
        c.job_id.in_(jobs), c.stage.in_(stages), sa.text("state IN ('completed', 'skipped', 'failed', 'discarded')")
    )


# SQLite has one writer, who holds the whole database: there are no rows to lock
JOBS_BY_ID = ByList(_jobs_by_id, "ids")
LEAN_JOBS = ByList(lambda ids: _jobs_by_id(ids, LEAN_JOB), "ids")
LEAN_JOBS_LOCKED = ByList(lambda ids: _jobs_by_id(ids, LEAN_JOB).with_for_update(), "ids")
JOBS_FREE = ByList(lambda ids: _jobs_by_id(ids).with_for_update(skip_locked=True), "ids")
LEAN_RUNS = ByList(lambda ids: sa.select(*LEAN_RUN).where(stage_runs.c.id.in_(ids)), "ids")
LEAN_JOBS_FREE = ByList(lambda ids: _jobs_by_id(ids, LEAN_JOB).with_for_update(skip_locked=True), "ids")
LEAN_RUNS_FREE = ByList(
    lambda ids: sa.select(*LEAN_RUN).where(stage_runs.c.id.in_(ids)).with_for_update(skip_locked=True), "ids"
)
JOB_IDS_FREE, RUN_IDS_FREE = (
    ByList(lambda ids, c=c: sa.select(c).where(c.in_(ids)).order_by(c).with_for_update(skip_locked=True), "ids")
    for c in (jobs.c.id, stage_runs.c.id)
)
READY_BY_ID = ByList(_ready_by_id, "ids")
READY_FREE = ByList(lambda ids: _ready_by_id(ids).with_for_update(skip_locked=True), "ids")
OUTPUTS = ByList(_outputs, "jobs", "stages")

_OUTPUT = sa.case((sa.bindparam("b_unread") == 1, stage_runs.c.output), else_=sa.bindparam("output", type_=sa.Text))
"""An unread one stays unchanged."""

UPDATE_RUN = Prepared(
    sa.update(stage_runs)
    .where(
        stage_runs.c.id == sa.bindparam("b_id"),
        stage_runs.c.state == sa.bindparam("b_state"),
        sa.func.coalesce(stage_runs.c.token, sa.literal_column("''")) == sa.bindparam("b_token"),
    )
    .values({name: sa.bindparam(name) for name in _run_changes} | {"output": _OUTPUT})
)
UPDATE_JOB = Prepared(
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


_INSERT = {table: Prepared(sa.insert(table)) for table in (jobs, stage_runs, events, attempts, memos)}


def unread_messages(job_id: str, name: str) -> sa.Select[Any]:
    """Messages of that name that nothing has taken, in the order in which they were kept."""
    c = messages.c
    return sa.select(messages).where(c.job_id == job_id, c.name == name, c.taken_by.is_(None)).order_by(c.id)


def _taken_by(run_id: str) -> tuple[Any, ...]:
    return messages.c.job_id == run_id.partition(".")[0], messages.c.taken_by == run_id


@cache
def _new_spend(dialect: str) -> sa.Insert:
    """A payment, unless one with its key is there."""
    match dialect:
        case "sqlite":
            return sqlite.insert(spends).on_conflict_do_nothing()
        case "postgresql":
            return postgresql.insert(spends).on_conflict_do_nothing()
        case _:
            return mysql.insert(spends).on_duplicate_key_update(run_id=spends.c.run_id)


def chunks(ids: Iterable[Any], size: int = CHUNK) -> Iterable[list[Any]]:
    """The ids in lists of at most `size`."""
    everything = list(ids)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


@cache
def _turns(count: int) -> Prepared:
    """For each (queue, priority, owner, urgency): the last turns of the owner's runs, and the first turn of any."""
    c = stage_runs.c
    parts = []
    for number in range(count):
        line = (
            c.queue == sa.bindparam(f"queue{number}"),
            c.state == _READY,
            c.priority == sa.bindparam(f"priority{number}"),
        )
        turns = sa.select(c.turn).where(*line).limit(1)  # by the index's order, where max() may read every row
        own = turns.where(c.owner == sa.bindparam(f"owner{number}")).order_by(c.turn.desc())
        urgency = sa.bindparam(f"urgency{number}", type_=sa.Integer)
        alike = own.where(c.urgency == urgency)
        above = sa.select(sa.func.max(c.turn)).where(
            *line, c.owner == sa.bindparam(f"owner{number}"), c.urgency > urgency
        )
        found = (alike, above, turns.order_by(c.turn))
        parts.append(sa.select(sa.literal_column(str(number)), *(query.scalar_subquery() for query in found)))
    return Prepared(sa.union_all(*parts))


@cache
def _lanes(count: int) -> Prepared:
    """The first ready runs of each queue."""
    c = stage_runs.c
    lanes = [
        sa.select(c.id, c.queue, c.priority, c.turn, c.due_at, sa.func.coalesce(c.urgency, 0), c.owner)
        .where(c.queue == sa.bindparam(f"queue{number}"), c.state == _READY)
        .order_by(c.priority.desc(), c.turn, c.urgency.desc(), c.due_at)
        .limit(sa.bindparam("more", type_=sa.Integer))
        .subquery()
        for number in range(count)
    ]
    return Prepared(sa.union_all(*(sa.select(lane) for lane in lanes)) if count > 1 else sa.select(lanes[0]))


class SqlTx:
    """See `stagepass.engine.model.transaction.Tx`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._locks = connection.dialect.name != "sqlite"

    # ── reading ──

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
        return rows.memo_of(row) if row else None

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
                if usd or not (free or name.startswith(_NO_ORDERS)):
                    found.append(Order(run, name, value, float(usd), provider))
        return found

    def started(self, run_ids: Sequence[str]) -> dict[str, list[str]]:
        c, found = memos.c, defaultdict[str, list[str]](list)
        for part in chunks(run_ids):
            query = sa.select(c.run_id, c.value).where(c.run_id.in_(part), c.name.like("run:%"), c.value.is_not(None))
            for run_id, value in self._db.execute(query):
                found[run_id].append(str(rows.load(value)))
        return dict(found)

    def outputs(self, wanted: Sequence[tuple[str, str]]) -> Outputs:
        found: Outputs = defaultdict(lambda: defaultdict(dict))
        for part in chunks(wanted):
            of, stages = sorted({job for job, _ in part}), sorted({stage for _, stage in part})
            for job, stage, item, output, error in OUTPUTS.all(self._db, jobs=of, stages=stages):
                found[job][stage][item] = (output, rows.load(error))
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
                number: (max((turn for turn in (alike, above) if turn is not None), default=None), first)
                for number, alike, above, first in _turns(len(part)).all(self._db, values)
            }
            answers += [found[number] for number in range(len(part))]
        return answers

    def candidates(self, queues: Sequence[str], limit: int) -> list[Candidate]:
        # others may hold some of the first rows, so look at a few more than are wanted
        more = SEEN + (limit + 1 if not self._locks else limit * 2 + 8)
        if not queues:
            return []
        values = {f"queue{number}": queue for number, queue in enumerate(queues)}
        return [Candidate(*row) for row in _lanes(len(queues)).all(self._db, {**values, "more": more})]

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
        return [rows.message_of(row) for row in found]

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
        if changes.dropped_runs:
            for part in chunks(changes.dropped_runs):
                self._db.execute(sa.delete(stage_runs).where(stage_runs.c.id.in_(part)))
        for run_id, name, token in changes.forgotten:
            gone = sa.delete(memos).where(memos.c.run_id == run_id)
            gone = gone if name is None else gone.where(memos.c.name == name)
            self._db.execute(gone if token is None else gone.where(memos.c.token == token))
            paid = sa.update(spends).where(spends.c.run_id == run_id).values(given_up=True)
            self._db.execute(paid if name is None else paid.where(spends.c.memo == name))
        self._insert(jobs, [rows.job_row(job) for job in changes.new_jobs])
        for job, kept in changes.files:
            claim(self._db, kept, job.id, None, job.owner, job.created_at, noted=True)
        self._insert(stage_runs, [rows.run_row(run) for run in changes.new_runs])
        self._update_runs(changes)
        self._move_back(changes.turns)
        if changes.jobs:
            UPDATE_JOB.many(self._db, [{"b_id": job.id, **rows.job_changes(job)} for job in changes.jobs])
        self._insert(events, [rows.event_row(event) for event in changes.events])
        self._insert(attempts, [rows.attempt_row(attempt) for attempt in changes.attempts])
        self._insert(memos, [rows.memo_row(memo) for memo in changes.intents])
        for memo in changes.memos:
            self._keep(memo)
        if changes.messages:
            self._db.execute(sa.insert(messages), [rows.message_row(message) for message in changes.messages])
        for run_id in changes.returned:
            self._db.execute(sa.update(messages).where(*_taken_by(run_id)).values(taken_by=None))
        for number, run_id in changes.taken:
            free = messages.c.id == number, messages.c.taken_by.is_(None)
            if self._db.execute(sa.update(messages).where(*free).values(taken_by=run_id)).rowcount != 1:
                raise Stale(f"the message {number} was taken meanwhile")
        if changes.spends:
            self._db.execute(_new_spend(self._db.dialect.name), [rows.spend_row(spend) for spend in changes.spends])

    def _insert(self, table: sa.Table, values: list[dict[str, Any]]) -> None:
        if values:
            _INSERT[table].many(self._db, values)

    def _update_runs(self, changes: Changes) -> None:
        if not changes.runs:
            return
        values = [
            {
                "b_id": run.id,
                "b_state": state.value,
                "b_token": token or "",
                "b_unread": int(run.output == UNREAD),
                **rows.run_changes(run),
            }
            for run, state, token in changes.runs
        ]
        written = UPDATE_RUN.many(self._db, values)
        if written != len(values):
            raise Stale(f"{len(values) - written} of {len(values)} stage runs were not as they were read")

    def _move_back(self, turns: Sequence[tuple[str, int]]) -> None:
        c = stage_runs.c
        wanted = dict(turns)
        for part in chunks(sorted(wanted)):
            free = sa.select(c.id).where(c.id.in_(part), c.state == "ready").order_by(c.id)
            for (run_id,) in self._db.execute(free.with_for_update(skip_locked=True)).all():
                self._db.execute(sa.update(stage_runs).where(c.id == run_id).values(turn=wanted[run_id]))

    def _keep(self, memo: Memo) -> None:
        self._db.execute(
            UPDATE_MEMO, {"b_run": memo.run_id, "b_name": memo.name, "b_token": memo.token, "b_value": memo.value}
        )
