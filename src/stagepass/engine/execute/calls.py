"""The calls of one pass through a stage: each has a name and a number, and what it gave or raised is kept.

Within a stage run a call that returned or raised gives the same again at every later pass, attempt and crash,
until that very call is tried again: by a retry because its error left the stage, or by a person.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pydantic import TypeAdapter

from stagepass.engine.commit.call_operations import Keep
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.commit.committer import Committer
from stagepass.engine.execute.call_values import Kept, Text, kind_of, reader_of
from stagepass.engine.execute.lease import Lease
from stagepass.engine.execute.raised_calls import RaisedCalls, begins_anew, wait_name
from stagepass.engine.execute.steps import Steps
from stagepass.engine.execute.steps import Store as InStore
from stagepass.engine.model import call_records, failpoints
from stagepass.engine.model.call_records import LONGEST_NAME, Record, kept_name, numbered, record_name
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ids import new_token
from stagepass.engine.model.outcomes import Cancel, Failure, NotDone, Waiting
from stagepass.engine.model.records import Memo
from stagepass.engine.model.store import Store
from stagepass.errors import CallChanged, OutcomeUnknown, StoreUnavailable
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
        self.raised = RaisedCalls(self.waits)
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
            if not self.raised.knows(problem, key):
                error = problem
                yield InStore(lambda: self.keep_raised(key, call, error))
                self.raised.track(problem, key, own, children=children)
            raise
        self.waits.pop(wait_name(key, own), None)
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
            self.raised.track(problem, key, own, drop=drop, children=children)
            raise problem
        return reader_of(record, adapter)(record.text)

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
        taken = self.seen if key.startswith("~wait:") and begins_anew(problem) else ()
        self.keep(self.new(key, call_records.raised(call, problem)), drop=drop, taken=taken)
        self.passed.add(key)

    def _keep_returned(self, key: str, call: str, value: Any, adapter: TypeAdapter[Any] | None) -> None:
        there = self.memo(key)
        if isinstance(value, Text):
            kind, text = "", value.text
        else:
            kind, reads = ("", adapter) if adapter is not None else kind_of(value)
            text = dumps(reads, value)
        drop, taken = (key,) if there is not None else (), self.seen if key.startswith("~wait:") else ()
        self.keep(self.new(key, call_records.returned(call, text, kind)), drop=drop, taken=taken)

    def settle_with(self, memo: Memo) -> None:
        """Keep it in the transaction that gives the slot back."""
        self.begun.append(memo)
        self.note(memo)

    def fail_with(self, problem: BaseException, failure: Failure) -> Failure:
        """End the pass: the stage failed with this."""
        self.raised.blame(problem, failure)
        failure.looked = max(self.seen, default=0)
        failure.waits, failure.memoless = self.waits, self._memoless
        failure.worked = sorted(self.worked)
        return failure

    def end_with(self, waiting: Waiting) -> Waiting:
        """End the pass and give the slot back; started calls and successful polls are stored with it."""
        waiting.waits, waiting.memoless = self.waits, self._memoless
        waiting.awaits_all = self.awaits_all
        waiting.looked = max(self.seen, default=0)
        waiting.memos, waiting.worked, waiting.emit = self.begun, sorted(self.worked), self.first_pause
        return waiting
