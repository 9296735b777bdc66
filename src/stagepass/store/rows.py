"""Records to rows, and rows to records."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Generic, TypeVar

from sqlalchemy.engine import Row

from stagepass.engine.model import run_notes
from stagepass.engine.model.records import Attempt, Event, Job, Memo, Message, Spend, StageRun, Tally, WorkerRow
from stagepass.engine.model.run_notes import RunNotes
from stagepass.engine.model.states import JobState, RunState
from stagepass.sentences import Sentence, as_stored, from_stored

_RUN_STATES = {state.value: state for state in RunState}
_JOB_STATES = {state.value: state for state in JobState}

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # `json.dumps` would make one per call

_LONGEST_MESSAGE = 500
"""Characters of the column."""


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
    return text[:_LONGEST_MESSAGE].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def message_text(message: str | None) -> str | None:
    """A stage's message as its column holds it: plain text, or, of a `Sentence`, a JSON list of all its parts."""
    if isinstance(message, Sentence):
        parts = json.dumps([str(message), *(as_stored(message) or ())], ensure_ascii=False, separators=(",", ":"))
        return parts if len(parts) <= _LONGEST_MESSAGE else short(message)
    return short(message)


def _message(text: str | None) -> str | None:
    if text is None or not text.startswith('["'):
        return text
    try:
        parts = json.loads(text)
    except ValueError:  # an author's own text
        return text
    match parts:
        case [str(shown), str(template), dict(parameters)]:
            return from_stored(shown, [template, parameters])
    return text


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
        "across": job.across,
        "created_at": job.created_at,
        "parent": job.parent,
        "traceparent": job.traceparent,
        **job_changes(job),
    }


def job_changes(job: Job) -> dict[str, Any]:
    """The columns of a job that change."""
    return {
        "state": job.state.value,
        "seq": job.seq,
        "tally": dump({stage: _counts(tally) for stage, tally in job.tally.items()}),
        "cancel_requested": job.cancel_requested,
        "keeps_orders": job.keeps_orders,
        "error": dump(job.error),
        "updated_at": job.updated_at,
        "finished_at": job.finished_at,
    }


def _counts(tally: Tally) -> list[int]:
    """As every release reads them: [total, done], and if some are held also [1, maximum]."""
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
        "urgency": run.urgency,
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
        "message": message_text(run.message),
    }


def _notes(text: str) -> RunNotes:
    return RunNotes() if text == "{}" else run_notes.from_json(json.loads(text))


Record = TypeVar("Record")


class Shape(Generic[Record]):
    """Maps rows to records, by the names of the record's fields.

    Args:
        record: a dataclass.
        names: by field: its column, where that has another name.
        convert: by field: what makes its value of the column's.
    """

    def __init__(
        self,
        record: Callable[..., Record],
        names: Mapping[str, str],
        convert: Mapping[str, Callable[[Any], Any]],
    ) -> None:
        own = [field.name for field in fields(record)]  # type: ignore[arg-type]
        self.columns = tuple(names.get(name, name) for name in own)
        """Columns of a query, in this order."""
        self._record = record
        self._convert = tuple((own.index(name), function) for name, function in convert.items())

    def __call__(self, row: Iterable[Any]) -> Record:
        """The record of a row with these columns."""
        values = list(row)
        for number, convert in self._convert:
            values[number] = convert(values[number])
        return self._record(*values)


def _or_0(value: int | None) -> int:
    return value or 0


job_of = Shape(
    Job,
    {"key": "idempotency_key"},
    {
        "state": _JOB_STATES.__getitem__,
        "tally": _tallies,
        "stepwise": bool,
        "cancel_requested": bool,
        "keeps_orders": bool,
        "across": bool,
        "error": load,
    },
)
run_of = Shape(
    StageRun,
    {"notes": "scratch"},
    {"state": _RUN_STATES.__getitem__, "urgency": _or_0, "error": load, "notes": _notes, "message": _message},
)


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
        "free": memo.free,
    }


def memo_of(row: Row[Any]) -> Memo:
    return Memo(row.run_id, row.name, row.token, row.value, row.made_at, bool(row.free))


def message_row(message: Message) -> dict[str, Any]:
    return {
        "job_id": message.job_id,
        "name": message.name,
        "message_key": message.key,
        "payload": message.payload,
        "sent_at": message.sent_at,
    }


def message_of(row: Row[Any]) -> Message:
    return Message(row.job_id, row.name, row.payload, row.sent_at, row.message_key, row.id)


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
        "clock_off": worker.clock_off,
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
        clock_off=row.clock_off or 0,
    )
