"""Records to rows, and rows to records."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row

from stagepass.engine.model.records import Attempt, Event, Job, Memo, Spend, StageRun, WorkerRow
from stagepass.engine.model.states import JobState, RunState

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
        "tally": dump(job.tally),
        "cancel_requested": job.cancel_requested,
        "error": dump(job.error),
        "updated_at": job.updated_at,
        "finished_at": job.finished_at,
    }


def job_of(row: Sequence[Any]) -> Job:
    """A row of all columns, in the table's order."""
    (id, pipeline, version, owner, key, body_hash, state, priority, input, seq, tally) = row[:11]
    (stepwise, cancel_requested, error, created_at, updated_at, finished_at, parent) = row[11:18]
    return Job(
        id=id,
        pipeline=pipeline,
        version=version,
        owner=owner,
        key=key,
        body_hash=body_hash,
        state=_JOB_STATES[state],
        priority=priority,
        input=input,
        seq=seq,
        tally=json.loads(tally),
        stepwise=bool(stepwise),
        cancel_requested=bool(cancel_requested),
        error=load(error),
        created_at=created_at,
        updated_at=updated_at,
        finished_at=finished_at,
        parent=parent,
    )


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
        "scratch": dump(run.scratch),
        "progress": run.progress,
        "message": short(run.message),
    }


def run_of(row: Sequence[Any]) -> StageRun:
    """A row of all columns, in the table's order."""
    (id, job_id, pipeline, version, stage, item, queue, owner, state, priority, turn, due_at) = row[:12]
    (attempts, crashes, token, worker, created_at, started_at, attempt_at, finished_at) = row[12:20]
    (item_input, output, error, scratch, progress, message) = row[20:26]
    return StageRun(
        id=id,
        job_id=job_id,
        pipeline=pipeline,
        version=version,
        stage=stage,
        item=item,
        queue=queue,
        owner=owner,
        state=_RUN_STATES[state],
        priority=priority,
        turn=turn,
        due_at=due_at,
        attempts=attempts,
        crashes=crashes,
        token=token,
        worker=worker,
        created_at=created_at,
        started_at=started_at,
        attempt_at=attempt_at,
        finished_at=finished_at,
        item_input=item_input,
        output=output,
        error=load(error),
        scratch=json.loads(scratch) if scratch != "{}" else {},
        progress=progress,
        message=message,
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
