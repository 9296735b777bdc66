"""Records to rows, and rows to records."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Generic, TypeVar

from stagepass.engine.model import run_notes
from stagepass.engine.model.records import Job, StageRun, Tally
from stagepass.engine.model.run_notes import RunNotes
from stagepass.engine.model.states import JobState, RunState
from stagepass.store.texts import dump, load, message_of_text, message_text

_RUN_STATES = {state.value: state for state in RunState}
_JOB_STATES = {state.value: state for state in JobState}


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
        "ending": job.ending and job.ending.value,
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


def _ending(value: str | None) -> JobState | None:
    return None if value is None else _JOB_STATES[value]


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
        "ending": _ending,
        "error": load,
    },
)
run_of = Shape(
    StageRun,
    {"notes": "scratch"},
    {"state": _RUN_STATES.__getitem__, "urgency": _or_0, "error": load, "notes": _notes, "message": message_of_text},
)

RUN_CHANGES = tuple(run_changes(StageRun("", "", "", 1, "", "", "", 0)))
JOB_CHANGES = tuple(job_changes(Job("", "", 1, "", "", 0, 0)))
"""Names of the columns that change."""
