"""Payments of an attempt: each is recorded once, and one inside `ctx.once` together with its value."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from stagepass.engine.commit.call_operations import Spent
from stagepass.engine.commit.committer import Committer
from stagepass.engine.model.ports import Bus
from stagepass.engine.model.records import Memo, Spend, StageRun
from stagepass.engine.model.store import Store

LONGEST_KEY = 80
"""Characters of a payment's own key."""

MOST_USD = 1_000_000_000.0
MOST_TOKENS = 2**62
"""Of one payment. What is more is no price: one infinity would stay in every sum."""


@dataclass(slots=True)
class _Call:
    """A `ctx.once` that is being made."""

    run_id: str
    memo: Memo
    spends: list[Spend] = field(default_factory=list)


_call: ContextVar[_Call | None] = ContextVar("stagepass_call", default=None)
"""Per thread or task, so that payments of parallel calls stay separate."""


class Payments:
    """The payments of one attempt at a stage run."""

    def __init__(self, store: Store, committer: Committer, bus: Bus, run: StageRun) -> None:
        self._store = store
        self._committer = committer
        self._bus = bus
        self._run = run
        self._count = 0
        self._known: set[str | None] | None = None

    def pay(self, spend: Spend, key: str | None) -> None:
        """Note a payment, unless it is noted already.

        Without a key, a payment is identified by its position in this attempt, or in this call of
        `ctx.once`: after a wait the stage starts again, and its earlier payments are not recorded twice.
        """
        _check(spend, key)
        call = _call.get()
        if call is not None and call.run_id == self._run.id:
            own = f"{call.memo.token}/{len(call.spends)}"
            call.spends.append(replace(spend, memo=call.memo.name, key=_named(key) or own))
            return
        own = f"{self._run.attempt_at}.{self._run.attempts}/{self._count}"
        self._count += 1
        self.keep([replace(spend, key=_named(key) or own)])

    @contextmanager
    def buying(self, memo: Memo) -> Iterator[list[Spend]]:
        """Inside, payments are collected for the memo. What they were for is not kept if it ends in an error."""
        call = _Call(self._run.id, memo)
        before = _call.set(call)
        try:
            yield call.spends
        except BaseException:
            # paid all the same; but there will be no value that saves it from being paid again
            self.keep(call.spends)
            raise
        finally:
            _call.reset(before)

    def keep(self, spends: Sequence[Spend]) -> None:
        """Write down what is not noted yet."""
        known = self._noted()
        fresh = [spend for spend in spends if spend.key not in known]
        if fresh:
            self._committer.do(Spent(fresh))
            self.noted(fresh)

    def noted(self, spends: Sequence[Spend]) -> None:
        """These are written down."""
        self._noted().update(spend.key for spend in spends)
        for spend in spends:
            queue = spend.queue or ""
            self._bus.count("spends", queue, spend.provider)
            self._bus.count("spend_usd", queue, spend.provider, amount=spend.usd)

    def _noted(self) -> set[str | None]:
        if self._known is None:
            run = self._run
            first = run.attempts == 1 and run.notes.claims == 1 and not run.notes.keeps_orders  # then there are none
            stored = [] if first else self._store.spends(run.job_id)
            self._known = {spend.key for spend in stored if spend.run_id == run.id}
        return self._known


def _check(spend: Spend, key: str | None) -> None:
    """Raises `ValueError` for what neither the ledger nor a counter could hold."""
    if key is not None and not (1 <= len(key) <= LONGEST_KEY and key.isprintable()):
        raise ValueError(f"a payment's key has 1 to {LONGEST_KEY} characters, all of them printable")
    if not 0 <= spend.usd <= MOST_USD:
        raise ValueError(f"ctx.spend: usd is {spend.usd}; give a number of US dollars from 0 to {MOST_USD:,.0f}")
    for name, value in (("tokens_in", spend.tokens_in), ("tokens_out", spend.tokens_out)):
        if not 0 <= value <= MOST_TOKENS:
            raise ValueError(f"ctx.spend: {name} is {value!s:.20}; give a whole number from 0 to {MOST_TOKENS:,}")


def _named(key: str | None) -> str | None:
    return None if key is None else f"key:{key}"
