"""Operations of the calls of an attempt: what is about to be called, what it gave, and what was paid for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from stagepass.engine.commit.claims import Claimed
from stagepass.engine.commit.operation import FOR_EVER, Operation, owned
from stagepass.engine.model.records import Memo, Spend, StageRun
from stagepass.engine.rules.attempt import streak_over
from stagepass.engine.rules.messages import take_callbacks
from stagepass.engine.rules.unit_of_work import UnitOfWork


@dataclass(slots=True)
class Intend(Operation):
    """Note that a call is about to be made; its value follows, or its outcome is unknown."""

    patience: ClassVar[float] = 30.0
    answer_within: ClassVar[float | None] = None
    claimed: Claimed
    memo: Memo
    cleaning: bool = False
    """The stage knows that the job is cancelled, and cleans up."""

    def jobs(self) -> Sequence[str]:
        return (self.claimed.job.id,)

    def runs(self) -> Sequence[str]:
        return (self.claimed.run.id,)

    def apply(self, uow: UnitOfWork) -> bool:
        """Returns whether the job's owner has cancelled it: then nothing is to be bought."""
        run, job = owned(uow, self.claimed)
        if not job.needs(run) and not self.cleaning:
            return True
        there = uow.tx.memo(self.memo.run_id, self.memo.name) if self.again else None
        if there is None or there.token != self.memo.token:
            uow.note_intent(self.memo)
        return False


@dataclass(slots=True)
class Keep(Operation):
    """Store results and errors of an attempt's calls before the stage uses them."""

    patience: ClassVar[float] = 60.0
    answer_within: ClassVar[float | None] = None
    claimed: Claimed
    memos: Sequence[Memo]
    drop: Sequence[str] = ()
    """Names of memos that these replace."""
    worked: Sequence[str] = ()
    """Calls whose streak of failures is over."""
    taken: Sequence[int] = ()
    """Callbacks that the wait which is over has seen."""
    cleaning: bool = False
    """The stage knows that the job is cancelled, and cleans up."""

    def jobs(self) -> Sequence[str]:
        return (self.claimed.job.id,)

    def runs(self) -> Sequence[str]:
        return (self.claimed.run.id,)

    def apply(self, uow: UnitOfWork) -> bool:
        """Returns whether the job's owner has cancelled it: then nothing is kept."""
        run, job = owned(uow, self.claimed)
        if not job.needs(run) and not self.cleaning:
            return True
        if self.again and self._is_kept(uow, run):
            return False
        for name in self.drop:
            uow.forget(run.id, name)
        for memo in self.memos:
            uow.note_intent(memo)
        streak_over(uow, run, self.worked)
        take_callbacks(uow, run, self.taken)
        return False

    def _is_kept(self, uow: UnitOfWork, run: StageRun) -> bool:
        there = [uow.tx.memo(run.id, memo.name) for memo in self.memos]
        return all(one is not None and one.token == memo.token for one, memo in zip(there, self.memos, strict=True))


@dataclass(slots=True)
class Remember(Operation):
    """Keep the value of a call that was made, also when the lease is lost: it was paid for."""

    patience: ClassVar[float] = FOR_EVER
    answer_within: ClassVar[float | None] = None
    memo: Memo
    spends: Sequence[Spend] = ()
    """Payments of the call: value and payments are stored together or not at all."""

    def apply(self, uow: UnitOfWork) -> None:
        uow.note_memo(self.memo)
        for spend in self.spends:
            uow.note_spend(spend)


@dataclass(slots=True)
class Forget(Operation):
    """Drop a memo: the call had no effect, or what it began has ended."""

    patience: ClassVar[float] = FOR_EVER
    answer_within: ClassVar[float | None] = None
    memo: Memo

    def apply(self, uow: UnitOfWork) -> None:
        uow.forget(self.memo.run_id, self.memo.name, self.memo.token)  # never one that a later attempt made


@dataclass(slots=True)
class Spent(Operation):
    """Record a payment, even if the lease is lost; once per key."""

    patience: ClassVar[float] = FOR_EVER
    answer_within: ClassVar[float | None] = None
    spends: Sequence[Spend]

    def apply(self, uow: UnitOfWork) -> None:
        for spend in self.spends:
            uow.note_spend(spend)
