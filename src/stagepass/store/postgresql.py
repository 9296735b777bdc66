"""The committer's transaction on PostgreSQL: one statement per table and batch, few trips, the commit with the writes.

look ahead      BEGIN, the jobs to lock, their runs, what is ready, the jobs of idempotency keys     one trip
line up, take   where something became ready; where something that is stored is claimed              one trip each
save, commit    inserts and updates, COMMIT                                                          one trip
"""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg.pq import TransactionStatus
from sqlalchemy.engine import Connection

from stagepass.engine.model.controls import Controls
from stagepass.engine.model.ids import job_of
from stagepass.engine.model.records import UNREAD, Job, StageRun
from stagepass.engine.model.transaction import Ahead, Changes, Ready
from stagepass.store import part_rows, recordsets, rows, saving
from stagepass.store.controls import ready_of
from stagepass.store.pipeline import BEGIN, COMMIT, Pipeline, Rows, Sent, numbers, texts
from stagepass.store.tables import attempts, events, jobs, memos, spends, stage_runs
from stagepass.store.tx import SqlTx, later

_RUN = len(rows.run_of.columns)


class PostgresTx(SqlTx):
    """See `stagepass.engine.model.transaction.Tx`."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._pipeline = Pipeline.of(connection)
        self._unsent: list[Sent] = []
        """Writes that go with the commit."""
        self._locked: dict[str, Job] = {}
        self._read: dict[str, StageRun] = {}
        self._looked: set[str] = set()
        """Ids of jobs and runs that were looked for ahead."""
        self._waiting: dict[tuple[tuple[str, ...], int], Ready] = {}
        self._controls: Controls | None = None
        self._keys: dict[tuple[str, str], Job | None] = {}

    @property
    def _db(self) -> Connection:
        """For all other statements, which see what was written before."""
        self._send()
        return self._connection

    def _send(self, *further: Sent) -> list[Rows]:
        """What is unsent, and these; the rows of these."""
        statements, self._unsent = [*self._unsent, *further], []
        if not statements:
            return []
        if self._is_idle():
            statements.insert(0, BEGIN)
        found = self._pipeline.run(self._connection, statements)
        return found[len(found) - len(further) :]

    def _is_idle(self) -> bool:
        driver: Any = self._connection.connection.driver_connection
        return bool(driver.pgconn.transaction_status == TransactionStatus.IDLE)

    def commit(self) -> None:
        if self._unsent or not self._is_idle():
            self._send(COMMIT)

    def abandon(self) -> None:
        self._pipeline.forget()

    # ── reading ──

    def look_ahead(self, ahead: Ahead) -> None:
        statements = []
        if ahead.jobs:
            statements.append(Sent(recordsets.LOCK_JOBS, (texts(sorted(ahead.jobs)),)))
        if ahead.runs:
            statements.append(Sent(recordsets.RUNS, (texts(sorted(ahead.runs)),)))
        statements += [self._candidates(queues, limit) for queues, limit in ahead.queues]
        if ahead.controls:
            statements.append(Sent(recordsets.CONTROLS, ()))
        if ahead.keys:
            statements.append(Sent(recordsets.JOBS_BY_KEY, tuple(map(texts, zip(*ahead.keys, strict=True)))))
        found = iter(self._send(*statements))
        if ahead.jobs:
            self._locked = {job.id: job for job in map(rows.job_of, next(found))}
        if ahead.runs:
            self._read = {run.id: run for run in map(rows.run_of, next(found))}
        self._looked = {*ahead.jobs, *ahead.runs}
        for queues, limit in ahead.queues:
            self._waiting[tuple(queues), limit] = ready_of(next(found))
        if ahead.controls:
            self._controls = ready_of(next(found)).controls
        if ahead.keys:
            self._keys = dict.fromkeys(ahead.keys)
            self._keys |= {(job.owner, job.key or ""): job for job in map(rows.job_of, next(found))}

    def lock_jobs(self, ids: Iterable[str], *, skip_locked: bool = False) -> list[Job]:
        ids = sorted(ids)
        if skip_locked or not self._looked.issuperset(ids):
            return super().lock_jobs(ids, skip_locked=skip_locked)
        return [self._locked[i] for i in ids if i in self._locked]

    def runs(self, ids: Iterable[str], *, skip_locked: bool = False) -> list[StageRun]:
        ids = list(ids)
        if skip_locked or not self._looked.issuperset(ids):
            return super().runs(ids, skip_locked=skip_locked)
        return [self._read[i] for i in dict.fromkeys(ids) if i in self._read]

    def job_by_key(self, owner: str, key: str) -> Job | None:
        return self._keys[owner, key] if (owner, key) in self._keys else super().job_by_key(owner, key)

    # ── choosing ──

    def line_up(self, groups: Sequence[tuple[str, int, str, int]]) -> list[tuple[int | None, int | None]]:
        if not groups:
            return []
        queues, priorities, owners, urgencies = zip(*groups, strict=True)
        wanted = texts(queues), numbers(priorities), texts(owners), numbers(urgencies)
        (found,) = self._send(Sent(recordsets.LINE_UP, wanted))
        return [(later(alike, above), first) for alike, above, first in found]

    def controls(self) -> Controls:
        return super().controls() if self._controls is None else self._controls

    def candidates(self, queues: Sequence[str], limit: int) -> Ready:
        if not queues:
            return Ready((), self.controls())
        if (tuple(queues), limit) not in self._waiting:
            (found,) = self._send(self._candidates(queues, limit))
            return ready_of(found)
        return self._waiting[tuple(queues), limit]

    def _candidates(self, queues: Sequence[str], limit: int) -> Sent:
        return Sent(recordsets.CANDIDATES, (texts(queues), b"%d" % self._seen(limit)))

    def take(self, ids: Sequence[str], limit: int) -> list[tuple[StageRun, Job]]:
        ids = list(ids)[: limit * 2 + 8]
        together = len({job_of(run_id) for run_id in ids}) < len(ids)  # a large input is not read for each of its runs
        statement = recordsets.TAKE_LEAN if together else recordsets.TAKE
        (found,) = self._send(Sent(statement, (texts(ids), b"%d" % limit)))
        return [(rows.run_of(row[:_RUN]), rows.job_of(row[_RUN:])) for row in found]

    # ── writing ──

    def save(self, changes: Changes) -> None:
        if saving.clears(changes):
            saving.clear(self._db, changes)
        self._write_rows(changes)
        if saving.has_rest(changes):
            saving.settle_rest(self._db, changes)

    def _write_rows(self, changes: Changes) -> None:
        insert = recordsets.INSERT
        self._write(insert[jobs], map(rows.job_row, changes.new_jobs))
        self._write(insert[stage_runs], map(rows.run_row, changes.new_runs))
        guarded = [
            {
                "b_id": run.id,
                "b_state": state.value,
                "b_token": token or "",
                "b_unread": run.output == UNREAD,
                **rows.run_changes(run),
            }
            for run, state, token in changes.runs
        ]
        self._write(recordsets.UPDATE_RUNS, guarded, count=True)
        self._write(recordsets.UPDATE_JOBS, ({"b_id": job.id, **rows.job_changes(job)} for job in changes.jobs))
        self._write(insert[events], map(part_rows.event_row, changes.events))
        self._write(insert[attempts], map(part_rows.attempt_row, changes.attempts))
        self._write(insert[memos], map(part_rows.memo_row, changes.intents))
        self._write(recordsets.UPDATE_MEMOS, map(part_rows.memo_row, changes.memos))
        self._write(insert[spends], map(part_rows.spend_row, changes.spends))

    def _write(self, statement: bytes, records: Iterable[Any], *, count: bool = False) -> None:
        written = list(records)
        if written:
            parameters = [recordsets.parameter(written), *([b"%d" % len(written)] if count else ())]
            self._unsent.append(Sent(statement, parameters))
