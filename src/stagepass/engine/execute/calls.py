"""The calls of one pass through a stage: each has a name and a number, and what it gave or raised is kept.

Within a stage run a call that returned or raised gives the same again at every later pass, attempt and crash,
until that very call is tried again: by a retry because its error left the stage, or by a person.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, is_dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from stagepass.engine.commit.call_operations import Keep
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.commit.committer import Committer
from stagepass.engine.execute.lease import Lease
from stagepass.engine.execute.steps import Steps
from stagepass.engine.execute.steps import Store as InStore
from stagepass.engine.model import call_records, failpoints
from stagepass.engine.model.call_records import LONGEST_NAME, Record, kept_name, numbered, record_name
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ids import new_token
from stagepass.engine.model.outcomes import Cancel, Failure, NotDone, Waiting
from stagepass.engine.model.records import Memo
from stagepass.engine.model.store import Store
from stagepass.errors import CallChanged, OutcomeUnknown, StoreUnavailable, TaskFailed, Transient
from stagepass.strict import dumps

Body = Callable[[str, Record | None], Steps[Any]]
"""The work of a call, given its name and the record of what has begun."""

LONGEST_SCOPED = 70
"""Characters of the name of a call inside another; what is longer ends in a hash."""

_scope: ContextVar[str | None] = ContextVar("stagepass_call_scope", default=None)
"""The `ctx.once` of this thread or task that is being called."""

_BEGINNINGS = ("run:", "approval:", "told:")
"""Memos that say that something has begun, not that it is over."""

_NOT_AN_OUTCOME = (StoreUnavailable, OutcomeUnknown, CallChanged, NotDone)
"""Exceptions inside a call that are not its own result."""


@dataclass(frozen=True, slots=True)
class Text:
    """The result of a call, with the JSON it was read from."""

    text: str
    value: Any


@dataclass(frozen=True, slots=True)
class Kept:
    """The result of a call whose own transaction has stored its record."""

    value: Any


@dataclass(slots=True)
class _Raised:
    """An error that a call of this pass raised, and what is dropped should it leave the stage."""

    problem: BaseException
    key: str
    drop: tuple[str, ...]
    began: tuple[str, int] | None = None
    """The wait that continues across attempts, and its start: `at_most` starts once."""
    children: tuple[str, ...] = ()
    """Calls whose child is sent on by the next try."""


class Calls:
    """The calls of one claimed stage run, in one pass; memos are loaded from the store on first use."""

    def __init__(self, store: Store, committer: Committer, clock: Clock, claimed: Claimed, lease: Lease) -> None:
        run, notes = claimed.run, claimed.run.notes
        self.claimed = claimed
        self.run_id = claimed.run.id
        self.waits: dict[str, int] = dict(notes.waits)
        """By call: when a wait that is under way began."""
        self.begun: list[Memo] = []
        """Records stored by the transaction that gives the slot back."""
        self.worked: set[str] = set()
        """Calls with a successful poll in this pass, which resets their consecutive failures."""
        self.first_pause = True
        """Whether the wait that ends this pass is news."""
        self.awaits_all = False
        """Whether the wait that ends this pass is for the end of the last child."""
        self.seen: list[int] = []
        """Callbacks that the poll of the current wait has seen."""
        self.old_signal_taken = False
        self.passed: set[str] = set()
        """Records of calls that this pass has reached."""
        self._store = store
        self._committer = committer
        self._clock = clock
        self._lease = lease
        self._counts: Counter[tuple[str, str]] = Counter()
        self._raised: list[_Raised] = []
        first = notes.claims == notes.memoless + 1 and (notes.memoless > 0 or run.attempts == 1)
        self._memoless = first and not notes.keeps_orders
        self._memos: dict[str, Memo] | None = {} if self._memoless else None
        self.cleaning = False

    # ── one call ──

    def check(self, *, clean_up: bool = False) -> None:
        """Raises `LeaseLost`, and `Cancel` once the job is cancelled; after that, calls of a clean-up pass."""
        try:
            self._lease.check()
        except Cancel:
            if not (clean_up and self.cleaning):
                self.cleaning = True
                raise

    def made(
        self,
        kind: str,
        name: str,
        identity: Sequence[Any],
        body: Body,
        adapter: TypeAdapter[Any] | None = None,
        children: Sequence[str] = (),
    ) -> Steps[Any]:
        """One call: what it gave or raised before, or its body now, whose outcome is kept before it is given."""
        self.check()
        own = self.number(kind, name)
        key, call = record_name(kind, own), call_records.digest(kind, name, *identity)
        record = yield InStore(lambda: self.record(key, call))
        if record is not None and (record.error is not None or record.text is not None):
            return self.given(record, own, key, adapter, children=children)
        try:
            value = yield from body(own, record)
        except _NOT_AN_OUTCOME:
            raise
        except Exception as problem:
            if not self._is_known(problem, key):
                error = problem
                yield InStore(lambda: self.keep_raised(key, call, error))
                self.track(problem, key, own, children=children)
            raise
        self.waits.pop(_wait_name(key, own), None)
        if isinstance(value, Kept):
            self.passed.add(key)
            return value.value
        yield InStore(lambda: self._keep_returned(key, call, value, adapter))
        self.passed.add(key)
        return value.value if isinstance(value, Text) else value

    def number(self, kind: str, name: str) -> str:
        """The name of the next call of that kind and name."""
        name = self._scoped(name)
        self._counts[kind, name] += 1
        return numbered(name, self._counts[kind, name])

    def uncount(self, kind: str, name: str) -> str:
        """The name of the last call of that name, whose place is free again."""
        name = self._scoped(name)
        number = max(1, self._counts[kind, name])
        self._counts[kind, name] = number - 1
        return numbered(name, number)

    @contextmanager
    def inside(self, own: str) -> Iterator[None]:
        """Calls made inside a `ctx.once` are numbered by themselves: once it is kept, they are not made any more."""
        before = _scope.set(own)
        try:
            yield
        finally:
            _scope.reset(before)

    @staticmethod
    def _scoped(name: str) -> str:
        scope = _scope.get()
        if scope is None:
            return name
        scoped = f"{scope}>{name}"
        return scoped if len(scoped) <= LONGEST_SCOPED else f"{scoped[:40]}~{call_records.digest(scoped)}"

    def given(
        self,
        record: Record,
        own: str,
        key: str,
        adapter: TypeAdapter[Any] | None,
        drop: Sequence[str] = (),
        children: Sequence[str] = (),
    ) -> Any:
        """Replay a stored call: return its result, or raise its error."""
        self.passed.add(key)
        if record.error is not None:
            problem = call_records.rebuilt(record.error)
            self.track(problem, key, own, drop=drop, children=children)
            raise problem
        return _reads(record, adapter)(record.text)

    # ── errors ──

    def track(
        self, problem: BaseException, key: str, own: str, *, drop: Sequence[str] = (), children: Sequence[str] = ()
    ) -> None:
        """A call raises this now: should it leave the stage, that call is tried again."""
        name = _wait_name(key, own)
        since = self.waits.pop(name, None)
        goes_on = since is not None and key.startswith("~wait:") and not _begins_anew(problem)
        children = children or ([own] if key.startswith("~run:") else [])
        began = (name, since) if goes_on and since is not None else None
        self._raised.append(_Raised(problem, key, (key, *drop), began, tuple(children)))

    def _is_known(self, problem: BaseException, key: str) -> bool:
        return any(one.problem is problem and one.key == key for one in self._raised)

    def blame(self, problem: BaseException, failure: Failure) -> Failure:
        """The stage failed: say which call it was, and what is dropped so that it can be tried again."""
        own = [one for one in self._raised if any(one.problem is leaf for leaf in _leaves(problem))]
        failure.call = own[0].key if own else ""
        failure.drop = [name for one in own for name in one.drop]
        failure.again = [child for one in own for child in one.children]
        for one in own:
            if one.began is not None:
                self.waits.setdefault(*one.began)
        failure.looked = max(self.seen, default=0)
        failure.waits, failure.memoless = self.waits, self._memoless
        failure.worked = sorted(self.worked)
        return failure

    # ── what is kept ──

    def record(self, key: str, call: str | None = None) -> Record | None:
        """The record of that name. Raises `CallChanged` when it is another call's."""
        memo = self.memo(key)
        if memo is None or memo.value is None:
            return None
        found = call_records.read(memo.value)
        if call is not None:
            call_records.check(found, call, key)
        return found

    def memo(self, name: str) -> Memo | None:
        """The memo of that name, with its value or, for a call that was cut off, without."""
        if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
            raise ValueError(
                f"a memo's name has 1 to {LONGEST_NAME} characters, all of them printable, not {name[:LONGEST_NAME]!a}"
            )
        if self._memos is None:
            self._memos = {memo.name: memo for memo in self._store.memos(self.run_id)}
        # a release before this one kept it with its blanks
        return self._memos.get(kept_name(name)) or self._memos.get(name)

    def ends_ahead(self) -> Iterator[int]:
        """End times of calls that this pass has not reached yet, in milliseconds since the epoch."""
        self.memo("any")
        for name, memo in (self._memos or {}).items():
            if name in self.passed or memo.value is None or name.startswith(_BEGINNINGS):
                continue
            record = call_records.read(memo.value) if name.startswith("~") else None
            until = record.until if record is not None else None
            if until is None or until <= self._clock.now():
                yield memo.made_at if until is None else until

    def read_again(self) -> None:
        """Includes records stored by others meanwhile."""
        self._memos = None

    def note(self, memo: Memo) -> None:
        """A memo that was kept just now."""
        self._memoless = False
        if self._memos is not None:
            self._memos[memo.name] = memo

    def drop(self, name: str) -> None:
        """A memo that was dropped just now."""
        if self._memos is not None:
            self._memos.pop(kept_name(name), None)
            self._memos.pop(name, None)

    def new(self, name: str, value: str | None) -> Memo:
        return Memo(self.run_id, kept_name(name), new_token(), value, self._clock.now())

    def keep(self, *memos: Memo, drop: Sequence[str] = (), taken: Sequence[int] = ()) -> None:
        """Keep these in one transaction. Raises `Cancel` when the job's owner has cancelled it."""
        failpoints.hit("call.before_record")
        if self._committer.do(Keep(self.claimed, memos, drop, sorted(self.worked), taken, self.cleaning)):
            self.cleaning = True
            raise Cancel
        if taken:
            self.seen, self.old_signal_taken = [], self.old_signal_taken or 0 in taken
        for name in drop:
            self.drop(name)
        for memo in memos:
            self.note(memo)
        failpoints.hit("call.after_record")

    def keep_raised(self, key: str, call: str, problem: Exception, drop: Sequence[str] = ()) -> None:
        self.worked.discard(key)  # a look worked and the wait failed all the same: that is no end of its failures
        taken = self.seen if key.startswith("~wait:") and _begins_anew(problem) else ()
        self.keep(self.new(key, call_records.raised(call, problem)), drop=drop, taken=taken)
        self.passed.add(key)

    def _keep_returned(self, key: str, call: str, value: Any, adapter: TypeAdapter[Any] | None) -> None:
        there = self.memo(key)
        if isinstance(value, Text):
            kind, text = "", value.text
        else:
            kind, reads = ("", adapter) if adapter is not None else _kind_of(value)
            text = dumps(reads, value)
        drop, taken = (key,) if there is not None else (), self.seen if key.startswith("~wait:") else ()
        self.keep(self.new(key, call_records.returned(call, text, kind)), drop=drop, taken=taken)

    def settle_with(self, memo: Memo) -> None:
        """Keep it in the transaction that gives the slot back."""
        self.begun.append(memo)
        self.note(memo)

    def end_with(self, waiting: Waiting) -> Waiting:
        """End the pass and give the slot back; started calls and successful polls are stored with it."""
        waiting.waits, waiting.memoless = self.waits, self._memoless
        waiting.awaits_all = self.awaits_all
        waiting.looked = max(self.seen, default=0)
        waiting.memos, waiting.worked, waiting.told = self.begun, sorted(self.worked), self.first_pause
        return waiting


def _wait_name(key: str, own: str) -> str:
    """The name in the run's notes of the wait that a call makes."""
    return own if key.startswith("~wait:") else key.removeprefix("~")


def _begins_anew(problem: BaseException) -> bool:
    """Whether a wait with this outcome is over: a failed poll or a deadline keeps the elapsed time."""
    return isinstance(problem, TaskFailed) or not isinstance(problem, (Transient, OSError))


def _leaves(problem: BaseException) -> Iterator[BaseException]:
    yield problem
    if isinstance(problem, BaseExceptionGroup):
        for inner in problem.exceptions:
            yield from _leaves(inner)


# ── values without a declared type ──


def _kind_of(value: Any) -> tuple[str, TypeAdapter[Any]]:
    """The class of a value, or of a list's entries, so that it is read back as one; anything else is plain JSON."""
    entries = value if isinstance(value, list) else [value]
    kinds = {type(entry) for entry in entries}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None or not (issubclass(kind, BaseModel) or is_dataclass(kind)):
        return "", TypeAdapter(Any)
    name = call_records.class_name(kind)
    return (f"list {name}", TypeAdapter(list[kind])) if isinstance(value, list) else (name, TypeAdapter(kind))  # type: ignore[valid-type]


def _reads(record: Record, adapter: TypeAdapter[Any] | None) -> Callable[[Any], Any]:
    if adapter is None and record.kind:
        kind = call_records.find_class(record.kind.removeprefix("list "))
        if kind is not None:
            adapter = TypeAdapter(list[kind] if record.kind.startswith("list ") else kind)  # type: ignore[valid-type]
    return (adapter or TypeAdapter(Any)).validate_json
