"""`ctx.once`: calls that are made once, their values, and those whose answer was lost."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from stagepass.engine.commit.call_operations import Forget, Intend, Remember
from stagepass.engine.commit.committer import Committer
from stagepass.engine.execute import stillness
from stagepass.engine.execute.calls import Calls
from stagepass.engine.execute.classify import classify
from stagepass.engine.execute.payments import Payments
from stagepass.engine.execute.steps import Ask, Steps, Store
from stagepass.engine.model import call_records, failpoints
from stagepass.engine.model.outcomes import Busy, Cancel, NotDone, Wait
from stagepass.engine.model.records import Memo, Spend
from stagepass.errors import OutcomeUnknown, StoreUnavailable
from stagepass.sentences import sentence
from stagepass.strict import Unfit, dumps


class Memos:
    """The memos of one claimed stage run.

    A call is noted before it is made (`Intend`) and kept after it (`Remember`). What stands between the two
    when a process dies is a call of which it is unknown whether it was carried out. What a call raised is a
    separate record, ``~once:NAME``, beside the intent where that stays open.
    """

    def __init__(self, calls: Calls, committer: Committer, payments: Payments) -> None:
        self.recover: Callable[[str], Any] | None = None
        """Asks the stage's `on_recover` hook about the call of that name."""
        self._calls = calls
        self._committer = committer
        self._payments = payments

    def once(self, name: str, call: Callable[[], Any], adapter: TypeAdapter[Any], *, free: bool) -> Steps[Any]:
        """See `Context.once`; `call` returns a value, or in a coroutine an awaitable."""
        self._calls.check(clean_up=True)
        own = self._calls.number("once", name)
        memo = yield Store(lambda: self._calls.memo(own))
        key = call_records.record_name("once", own)
        failed = yield Store(lambda: self._calls.record(key))
        if failed is not None:
            return self._calls.given(failed, own, key, adapter)
        if memo is not None and memo.value is not None:
            self._calls.passed.add(own)
            return adapter.validate_json(memo.value)
        if memo is not None:
            found = yield Store(lambda: self._found(own, memo, adapter))
            if found is not None:
                return found
        value = yield from self._free(own, key, call, adapter) if free else self._bought(own, key, call, adapter)
        self._calls.passed.add(own)
        return value

    def forget(self, name: str) -> Steps[None]:
        """See `Context.forget`."""
        self._calls.check(clean_up=True)
        own = self._calls.uncount("once", name)
        key = call_records.record_name("once", own)
        memo = yield Store(lambda: self._calls.memo(own))
        if memo is not None:
            yield Store(lambda: self._committer.do(Forget(memo)))
            self._calls.drop(own)
        if (yield Store(lambda: self._calls.record(key))) is not None:
            yield Store(lambda: self._calls.keep(drop=(key,)))

    def replace(self, name: str, value: Any) -> Steps[None]:
        """See `Context.keep`."""
        text = _as_json(name, value, TypeAdapter(Any))
        there = yield Store(lambda: self._calls.memo(name))
        kept = self._calls.new(name, text)
        yield Store(lambda: self._calls.keep(kept, drop=(name,) if there is not None else ()))
        self._calls.passed.add(name)

    # ── calling ──

    def _bought(self, own: str, key: str, call: Callable[[], Any], adapter: TypeAdapter[Any]) -> Steps[Any]:
        intent = yield Store(lambda: self._intend(own))
        with stillness.watched() as watch:
            try:
                with self._payments.buying(intent) as spends, self._calls.inside(own):
                    value = yield Ask(watch.around(call))
            except BaseException as problem:
                error = problem
                yield Store(lambda: self._failed(intent, key, error, watch, bool(spends)))
                raise
        yield Store(lambda: self._record(intent, value, adapter, spends))
        return value

    def _free(self, own: str, key: str, call: Callable[[], Any], adapter: TypeAdapter[Any]) -> Steps[Any]:
        try:
            with self._calls.inside(own):
                value = yield Ask(call)
        except StoreUnavailable:
            raise
        except Exception as problem:
            error = problem
            yield Store(lambda: self._calls.keep_raised(key, call_records.digest("once", own), error))
            self._calls.raised.track(problem, key, own)
            raise
        kept = replace(self._calls.new(own, _as_json(own, value, adapter)), free=True)
        yield Store(lambda: self._intended(kept))
        return value

    def _intend(self, own: str) -> Memo:
        """Note that the call is about to be made."""
        failpoints.hit("once.before_intent")
        intent = self._calls.new(own, None)
        self._intended(intent)
        failpoints.hit("once.after_intent")
        return intent

    def _intended(self, memo: Memo) -> None:
        if self._committer.do(Intend(self._calls.claimed, memo, self._calls.cleaning)):
            self._calls.cleaning = True
            raise Cancel
        self._calls.note(memo)

    def _failed(self, intent: Memo, key: str, problem: BaseException, watch: stillness.Watch, paid: bool) -> None:
        """A provider's answer means that nothing was bought; silence means that it is unknown."""
        not_done = not paid and _not_done(problem, watch)
        if not isinstance(problem, Exception) or isinstance(problem, (StoreUnavailable, OutcomeUnknown)):
            if not_done:
                self._committer.do(Forget(intent))
                self._calls.drop(intent.name)
            return
        self._calls.keep_raised(
            key, call_records.digest("once", intent.name), problem, drop=(intent.name,) if not_done else ()
        )
        self._calls.raised.track(problem, key, intent.name)

    def _record(self, memo: Memo, value: Any, adapter: TypeAdapter[Any], spends: Sequence[Spend]) -> None:
        """Keep the value of a call that was made, with what it cost."""
        failpoints.hit("once.after_call")
        try:
            kept = replace(memo, value=_as_json(memo.name, value, adapter))
            self._committer.do(Remember(kept, spends))
        except Exception:  # its value cannot be kept, and it was paid for all the same
            self._payments.keep(spends)
            raise
        self._payments.noted(spends)
        self._calls.note(kept)
        failpoints.hit("once.after_record")

    def _found(self, own: str, memo: Memo, adapter: TypeAdapter[Any]) -> Any:
        """The value of a call whose answer was lost, or None when it is certain that it had no effect."""
        if self.recover is not None:
            try:
                with self._payments.buying(memo) as spends:
                    value = self.recover(own)
            except NotDone:
                self._committer.do(Forget(memo))
                self._calls.drop(own)
                return None
            if value is not None:
                self._record(memo, value, adapter, spends)
                return value
        raise OutcomeUnknown(
            sentence("{name} may have been done by an earlier attempt, whose answer was lost", name=repr(own)),
            advice=sentence("look it up at the provider; then keep the value that it gave, or allow the call again"),
        )


def _as_json(name: str, value: Any, adapter: TypeAdapter[Any]) -> str:
    """Raises `ValueError` for a value that would be another one when it is read again."""
    try:
        return dumps(adapter, value)
    except Unfit as problem:
        raise ValueError(f"ctx.once({name!r}) gave a value that cannot be kept: {problem}") from None


def _not_done(problem: BaseException, watch: stillness.Watch) -> bool:
    """Whether it is certain that the call bought nothing."""
    if isinstance(problem, ConnectionRefusedError) or (isinstance(problem, Busy) and problem.certain):
        return True
    if isinstance(problem, Wait):  # a wait inside the call: all is well if nothing was asked for before it
        return watch.still_at_wait
    if not isinstance(problem, Exception):
        return False
    error = classify(problem)
    if error.not_done or (error.answered and isinstance(problem, type(error))):
        return True
    return type(problem).__module__ == "builtins" and not isinstance(problem, OSError) and watch.still()
