"""Rows of what belongs to a job: events, attempts, memos, messages and payments; and of workers."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Row

from stagepass.engine.model.records import Attempt, Event, Memo, Message, Spend, WorkerRow
from stagepass.store.texts import dump, load


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
        "lock_key": worker.lock_key,
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
        lock_key=row.lock_key,
    )
