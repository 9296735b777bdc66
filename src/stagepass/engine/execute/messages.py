"""Messages inside a stage: `ctx.receive`."""

import builtins
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Optional

from pydantic import BaseModel, TypeAdapter, ValidationError

from stagepass.declare.values import Duration, seconds
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operation import Operation, owned
from stagepass.engine.execute.call_values import Kept
from stagepass.engine.execute.calls import Calls
from stagepass.engine.execute.steps import Steps
from stagepass.engine.execute.steps import Store as InStore
from stagepass.engine.execute.waits import Waits
from stagepass.engine.model import call_records, failpoints
from stagepass.engine.model.call_records import Record
from stagepass.engine.model.outcomes import Cancel
from stagepass.engine.model.records import Memo, Message
from stagepass.engine.model.store import Store
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import InvalidOutput

LOOK = 3600.0
"""Seconds after which the stage polls in case the wake-up was lost."""


class Messages:
    """`ctx.receive` of one pass."""

    def __init__(self, calls: Calls, waits: Waits, store: Store, committer: Committer) -> None:
        self._calls = calls
        self._waits = waits
        self._store = store
        self._committer = committer

    def receive(self, name: str, type: Any, at_most: Duration, saying: str | None) -> Steps[Any]:
        """See `Context.receive`."""
        adapter: TypeAdapter[Any] = TypeAdapter(Optional[type] if type is not None else Any)  # noqa: UP045
        limit, text = seconds(at_most), saying or f"waiting for the message {name}"

        def body(own: str, _: Record | None) -> Steps[Any]:
            key, call = call_records.record_name("receive", own), call_records.digest("receive", name)
            self._calls.passed.add(call_records.record_name("form", own))
            since = self._waits.begin(f"receive:{own}")
            while True:
                found = yield InStore(lambda: self._store.messages(self._calls.claimed.job.id, name, 1))
                left = limit - self._waits.elapsed(since)
                if not found and left > 0:
                    yield InStore(lambda: self._show_form(own, call, name, text, type, since + int(limit * 1000)))
                    raise self._waits.pause(min(left, LOOK), text, own, idle=True, at_most=left)
                message = found[0] if found else None
                value, problem = _read(message, adapter, own)
                record = call_records.raised(call, problem) if problem else call_records.returned(call, _text(message))
                memo = self._calls.new(key, record)
                take = Take(self._calls.claimed, name, message and message.id, memo)
                if (yield InStore(partial(self._take, take))):
                    break
            if problem is not None:
                self._calls.raised.track(problem, key, own)
                raise problem
            return Kept(value)

        return (yield from self._calls.made("receive", name, (), body, adapter))

    def _show_form(self, own: str, call: str, name: str, text: str, type: Any, until: int) -> None:
        """What a person can fill in at the signed address of this message: kept with the wait for it."""
        key = call_records.record_name("form", own)
        if not (isinstance(type, builtins.type) and issubclass(type, BaseModel)) or self._calls.record(key) is not None:
            return
        facts = {"name": name, "saying": text, "form": type.model_json_schema()}
        facts["message"] = call_records.record_name("receive", own)
        self._calls.settle_with(self._calls.new(key, call_records.under_way(call, until, **facts)))

    def _take(self, take: "Take") -> bool:
        """False when another message is the first by now."""
        failpoints.hit("call.before_record")
        done = self._committer.do(take)
        if done is None:
            self._calls.cleaning = True
            raise Cancel
        if done:
            self._calls.note(take.memo)
            failpoints.hit("call.after_record")
        return bool(done)


def _text(message: Message | None) -> str:
    return "null" if message is None else message.payload


def _read(message: Message | None, adapter: TypeAdapter[Any], own: str) -> tuple[Any, InvalidOutput | None]:
    """The payload as its type, or what is wrong with it: then it is taken all the same, and blocks no other."""
    try:
        return adapter.validate_json(_text(message)), None
    except ValidationError as problem:
        where = "; ".join(
            ".".join(map(str, error["loc"])) or "value" for error in problem.errors(include_input=False)[:5]
        )
        return None, InvalidOutput(f"the message {own} does not fit its type: {where}")


@dataclass(slots=True)
class Take(Operation):
    """Take a message, or none, and keep that the wait for it is over, in one transaction."""

    patience: ClassVar[float] = 60.0
    claimed: Claimed
    name: str
    message: int | None
    memo: Memo

    def jobs(self) -> tuple[str, ...]:
        return (self.claimed.job.id,)

    def runs(self) -> tuple[str, ...]:
        return (self.claimed.run.id,)

    def apply(self, uow: UnitOfWork) -> bool | None:
        """Returns None when the job is cancelled, and False when another message is the first by now."""
        run, job = owned(uow, self.claimed)
        if not job.needs(run):
            return None
        there = uow.tx.memo(run.id, self.memo.name)
        if there is not None:  # a commit whose answer was lost
            return there.token == self.memo.token
        first = uow.tx.messages(job.id, self.name, 1)
        fresh = [one for one in uow.fresh_messages if (one.job_id, one.name) == (job.id, self.name)]
        if (first[0].id if first else None) != self.message or (fresh and self.message is None):
            return False
        if self.message is not None:
            uow.take_message(self.message, run.id)
        uow.note_intent(self.memo)
        return True
