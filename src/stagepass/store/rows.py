"""Records to rows, and rows to records."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy.engine import Row

from stagepass.engine.model import run_notes
from stagepass.engine.model.records import Attempt, Event, Job, Memo, Spend, StageRun, Tally, WorkerRow
from stagepass.engine.model.run_notes import RunNotes
from stagepass.engine.model.states import JobState, RunState
from stagepass.store.tables import jobs, stage_runs

_RUN_STATES = {state.value: state for state in RunState}
_JOB_STATES = {state.value: state for state in JobState}

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # `json.dumps` would make one per call


def dump(value: Any) -> str | None:
    """JSON text, or None for None. Half a surrogate pair, which no database takes, is written as an escape."""
    if value is None:
        return None
    text = _encode(value)
    return text if text.isascii() or _encodable(text) else json.dumps(value, separators=(",", ":"))


def short(text: str | None) -> str | None:
    """A message that fits its column, without what a database does not take."""
    if not text:
        return None
    return text[:500].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def load(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def job_row(job: Job) -> dict[str, Any]:
    """All columns of a job."""
    return {
        "id": job.id,
        "pipeline": job.pipeline,
        "version": job.version,
        "owner": job.owner,
        "idempotency_key": job.key,
        "body_hash": job.body_hash,
        "priority": job.priority,
        "input": job.input,
        "stepwise": job.stepwise,
        "created_at": job.created_at,
        "parent": job.parent,
        **job_changes(job),
    }


def job_changes(job: Job) -> dict[str, Any]:
    """The columns of a job that change."""
    return {
        "state": job.state.value,
        "seq": job.seq,
        "tally": dump({stage: _counts(tally) for stage, tally in job.tally.items()}),
        "cancel_requested": job.cancel_requested,
        "error": dump(job.error),
        "updated_at": job.updated_at,
        "finished_at": job.finished_at,
    }


def _counts(tally: Tally) -> list[int]:
    """As every release reads them: [total, done], and where some are held also [1, at most so many]."""
    held = () if tally.most_held == 0 else (1,) if tally.most_held is None else (1, tally.most_held)
    return [tally.total, tally.done, *held]


def _tallies(text: str) -> dict[str, Tally]:
    return {stage: _tally(*counts) for stage, counts in json.loads(text).items()}


def _tally(total: int, done: int, held: int = 0, most_held: int | None = None) -> Tally:
    return Tally(total, done, most_held if held else 0)


def run_row(run: StageRun) -> dict[str, Any]:
    """All columns of a stage run."""
    return {
        "id": run.id,
        "job_id": run.job_id,
        "pipeline": run.pipeline,
        "version": run.version,
        "stage": run.stage,
        "item": run.item,
        "queue": run.queue,
        "owner": run.owner,
        "priority": run.priority,
        "created_at": run.created_at,
        "item_input": run.item_input,
        **run_changes(run),
    }


def run_changes(run: StageRun) -> dict[str, Any]:
    """The columns of a stage run that change."""
    return {
        "state": run.state.value,
        "turn": run.turn,
        "due_at": run.due_at,
        "attempts": run.attempts,
        "crashes": run.crashes,
        "token": run.token,
        "worker": run.worker,
        "started_at": run.started_at,
        "attempt_at": run.attempt_at,
        "finished_at": run.finished_at,
        "output": run.output,
        "error": dump(run.error),
        "error_code": run.error.get("code") if run.error else None,
        "scratch": dump(run_notes.to_json(run.notes)),
        "blocked_by": run.notes.blocked_by,
        "counted": run.notes.counted,
        "progress": run.progress,
        "message": short(run.message),
    }


def _notes(text: str) -> RunNotes:
    return RunNotes() if text == "{}" else run_notes.from_json(json.loads(text))


Record = TypeVar("Record")


class Reader(Generic[Record]):
    """Makes records of rows by the names of their columns.

    Args:
        record: its fields are named like the columns.
        columns: of each row, in the order of the query. A field that has no column among them keeps its default.
        convert: by column: the record's field, and what turns the column's value into the field's.
    """

    def __init__(
        self,
        record: Callable[..., Record],
        columns: Sequence[str],
        convert: Mapping[str, tuple[str, Callable[[Any], Any]]],
    ) -> None:
        self._record = record
        self._fields = [convert[name][0] if name in convert else name for name in columns]
        self._convert = [convert[name] for name in columns if name in convert]

    def __call__(self, row: Sequence[Any]) -> Record:
        values = dict(zip(self._fields, row, strict=True))
        for name, convert in self._convert:
            values[name] = convert(values[name])
        return self._record(**values)


_FOR_SQL = ("error_code", "blocked_by", "counted")
"""Columns that repeat what is in a record's JSON, for queries."""

JOB_COLUMNS = tuple(column.name for column in jobs.c)
RUN_COLUMNS = tuple(column.name for column in stage_runs.c if column.name not in _FOR_SQL)

job_of = Reader(
    Job,
    JOB_COLUMNS,
    {
        "idempotency_key": ("key", lambda key: key),
        "state": ("state", _JOB_STATES.__getitem__),
        "tally": ("tally", _tallies),
        "stepwise": ("stepwise", bool),
        "cancel_requested": ("cancel_requested", bool),
        "error": ("error", load),
    },
)
RUN_VALUES: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "state": ("state", _RUN_STATES.__getitem__),
    "error": ("error", load),
    "scratch": ("notes", _notes),
}
run_of = Reader(StageRun, RUN_COLUMNS, RUN_VALUES)


def event_row(event: Event) -> dict[str, Any]:
    return {
        "job_id": event.job_id,
        "seq": event.seq,
        "type": event.type,
        "at": event.at,
        "stage": event.stage,
        "item": event.item,
        "data": dump(event.data),
    }


def event_of(row: Row[Any]) -> Event:
    return Event(row.job_id, row.seq, row.type, row.at, row.stage, row.item, json.loads(row.data))


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    return {
        "run_id": attempt.run_id,
        "job_id": attempt.job_id,
        "number": attempt.number,
        "worker": attempt.worker,
        "began_at": attempt.began_at,
        "ended_at": attempt.ended_at,
        "outcome": attempt.outcome,
        "error": dump(attempt.error),
    }


def attempt_of(row: Row[Any]) -> Attempt:
    return Attempt(
        row.run_id, row.job_id, row.number, row.worker, row.began_at, row.ended_at, row.outcome, load(row.error)
    )


def memo_row(memo: Memo) -> dict[str, Any]:
    return {
        "run_id": memo.run_id,
        "name": memo.name,
        "token": memo.token,
        "value": memo.value,
        "made_at": memo.made_at,
    }


def memo_of(row: Row[Any]) -> Memo:
    return Memo(row.run_id, row.name, row.token, row.value, row.made_at)


def spend_row(spend: Spend) -> dict[str, Any]:
    return {
        "run_id": spend.run_id,
        "job_id": spend.job_id,
        "attempt": spend.attempt,
        "provider": spend.provider,
        "model": spend.model,
        "tokens_in": spend.tokens_in,
        "tokens_out": spend.tokens_out,
        "usd": spend.usd,
        "at": spend.at,
        "queue": spend.queue,
        "spend_key": spend.key,
        "memo": spend.memo,
        "given_up": spend.given_up,
    }


def spend_of(row: Row[Any]) -> Spend:
    return Spend(
        row.run_id,
        row.job_id,
        row.attempt,
        row.provider,
        row.model,
        row.tokens_in,
        row.tokens_out,
        row.usd,
        row.at,
        row.queue,
        row.spend_key,
        row.memo,
        bool(row.given_up),
    )


def worker_row(worker: WorkerRow) -> Mapping[str, Any]:
    return {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "queues": " ".join(worker.queues),
        "slots": worker.slots,
        "beat": worker.beat,
        "started_at": worker.started_at,
        "beat_at": worker.beat_at,
    }


def worker_of(row: Row[Any]) -> WorkerRow:
    return WorkerRow(
        id=row.id,
        host=row.host,
        pid=row.pid,
        queues=tuple(row.queues.split()),
        slots=row.slots,
        beat=row.beat,
        started_at=row.started_at,
        beat_at=row.beat_at,
    )
