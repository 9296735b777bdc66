"""What a stage run remembers: calls that are made once, their values, and those whose answer was lost."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from stagepass.engine.commit.claims import Claimed
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operations import Forget, Intend, Remember
from stagepass.engine.execute.classify import classify
from stagepass.engine.execute.payments import Payments
from stagepass.engine.model import failpoints
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ids import new_token
from stagepass.engine.model.outcomes import Busy, Cancel, NotDone
from stagepass.engine.model.ports import Store
from stagepass.engine.model.records import Memo, Spend
from stagepass.errors import OutcomeUnknown
from stagepass.strict import Unfit, dumps

T = TypeVar("T")

LONGEST_NAME = 80
"""Characters of a memo's name."""


class Memos:
    """The memos of one claimed stage run; read from the store when the first is asked for.

    A call is noted before it is made (`Intend`) and kept after it (`Remember`). What stands between the two
    when a process dies is a call of which nobody knows whether it was carried out.
    """

    def __init__(self, store: Store, committer: Committer, clock: Clock, claimed: Claimed, payments: Payments) -> None:
        self.recover: Callable[[str], Any] | None = None
        """Asks the stage's `on_recover` hook about the call of that name."""
        self._store = store
        self._committer = committer
        self._clock = clock
        self._claimed = claimed
        self._payments = payments
        self._memos: dict[str, Memo] | None = None

    def once(self, name: str, call: Callable[[], T], adapter: TypeAdapter[Any], *, free: bool) -> T:
        """See `Context.once`."""
        memo = self.get(name)
        if memo is None and free:
            return self._keep(name, call(), adapter)
        if memo is None:
            return self._call(name, call, adapter)
        if memo.value is not None:
            return cast(T, adapter.validate_json(memo.value))
        found = self._found(name, memo, adapter)
        return self._call(name, call, adapter) if found is None else cast(T, found)

    async def once_async(
        self, name: str, call: Callable[[], Awaitable[T]], adapter: TypeAdapter[Any], *, free: bool
    ) -> T:
        """See `Context.once_async`."""
        memo = await asyncio.to_thread(self.get, name)
        if memo is not None and memo.value is not None:
            return cast(T, adapter.validate_json(memo.value))
        if memo is not None:
            found = await asyncio.to_thread(self._found, name, memo, adapter)
            if found is not None:
                return cast(T, found)
        if free:
            return await asyncio.to_thread(self._keep, name, await call(), adapter)
        intent = await asyncio.to_thread(self._intend, name)
        try:
            with self._payments.buying(intent) as spends:
                value = await call()
        except BaseException as problem:
            await asyncio.to_thread(self._call_failed, name, intent, problem)
            raise
        await asyncio.to_thread(self._record, intent, value, adapter, spends)
        return value

    def forget(self, name: str) -> None:
        """See `Context.forget`."""
        memo = self.get(name)
        if memo is not None:
            self._committer.do(Forget(memo))
        if self._memos is not None:
            self._memos.pop(name, None)

    def get(self, name: str) -> Memo | None:
        """The memo of that name, with its value or, for a call that was cut off, without."""
        if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
            raise ValueError(
                f"a memo's name has 1 to {LONGEST_NAME} characters, all of them printable, not {name[:LONGEST_NAME]!a}"
            )
        if self._memos is None:
            run = self._claimed.run
            first = run.attempts == 1 and run.notes.claims == 1  # then there cannot be any yet
            stored = [] if first else self._store.memos(run.id)
            self._memos = {memo.name: memo for memo in stored}
        return self._memos.get(name)

    def note(self, memo: Memo) -> None:
        """A memo that was kept just now, by somebody else."""
        if self._memos is not None:
            self._memos[memo.name] = memo

    def _intend(self, name: str) -> Memo:
        """Note that the call is about to be made."""
        failpoints.hit("once.before_intent")
        memo = Memo(self._claimed.run.id, name, new_token(), None, self._clock.now())
        if self._committer.do(Intend(self._claimed, memo)):
            raise Cancel
        failpoints.hit("once.after_intent")
        return memo

    def _call(self, name: str, call: Callable[[], T], adapter: TypeAdapter[Any]) -> T:
        memo = self._intend(name)
        try:
            with self._payments.buying(memo) as spends:
                value = call()
        except BaseException as problem:
            self._call_failed(name, memo, problem)
            raise
        self._record(memo, value, adapter, spends)
        return value

    def _call_failed(self, name: str, memo: Memo, problem: BaseException) -> None:
        """A provider's answer means that nothing was bought; silence means that nobody knows."""
        not_done = isinstance(problem, ConnectionRefusedError) or (isinstance(problem, Busy) and problem.certain)
        if isinstance(problem, Exception):
            error = classify(problem)
            not_done = not_done or error.not_done or (error.answered and isinstance(problem, type(error)))
        if not_done:
            self._committer.do(Forget(memo))
        else:
            self.note(memo)

    def _keep(self, name: str, value: T, adapter: TypeAdapter[Any]) -> T:
        text = _as_json(name, value, adapter)
        memo = Memo(self._claimed.run.id, name, new_token(), text, self._clock.now())
        if self._committer.do(Intend(self._claimed, memo)):
            raise Cancel
        self.note(memo)
        return value

    def _record(self, memo: Memo, value: Any, adapter: TypeAdapter[Any], spends: Sequence[Spend]) -> None:
        """Keep the value of a call that was made, with what it cost."""
        failpoints.hit("once.after_call")
        try:
            text = _as_json(memo.name, value, adapter)
            kept = Memo(memo.run_id, memo.name, memo.token, text, self._clock.now())
            self._committer.do(Remember(kept, spends))
        except Exception:  # its value cannot be kept, and it was paid for all the same
            self._payments.keep(spends)
            raise
        self._payments.noted(spends)
        self.note(kept)
        failpoints.hit("once.after_record")

    def _found(self, name: str, memo: Memo, adapter: TypeAdapter[Any]) -> Any:
        """The value of a call whose answer was lost, or None when it is certain that it had no effect."""
        if self.recover is not None:
            try:
                with self._payments.buying(memo) as spends:
                    value = self.recover(name)
            except NotDone:
                self.forget(name)
                return None
            if value is not None:
                self._record(memo, value, adapter, spends)
                return value
        raise OutcomeUnknown(
            f"{name!r} may have been done by an earlier attempt, whose answer was lost",
            advice="look it up at the provider; then keep the value that it gave, or allow the call again",
        )


def _as_json(name: str, value: Any, adapter: TypeAdapter[Any]) -> str:
    """Raises `ValueError` for a value that would be another one when it is read again."""
    try:
        return dumps(adapter, value)
    except Unfit as problem:
        raise ValueError(f"ctx.once({name!r}) gave a value that cannot be kept: {problem}") from None
