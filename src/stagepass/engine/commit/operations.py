"""Operations of the committer: each names the rows it needs, and changes them in a `UnitOfWork`.

An operation checks first and changes then, so that one that refuses leaves the others of its batch
untouched.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from stagepass.declare.pipeline import Pipeline
from stagepass.declare.values import File
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.model.ids import job_of
from stagepass.engine.model.outcomes import Completed, LeaseLost, Outcome
from stagepass.engine.model.records import Job, Memo, Spend, StageRun
from stagepass.engine.model.states import ENDED, RunState
from stagepass.engine.model.transaction import Outputs
from stagepass.engine.rules import settle
from stagepass.engine.rules.accept import accept
from stagepass.engine.rules.attempt import streak_over
from stagepass.engine.rules.messages import take_callbacks
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import Conflict, NotFound
from stagepass.sentences import sentence

FOR_EVER = float("inf")


class Operation(ABC):
    """One thing to do inside a transaction.

    `patience` is the number of seconds to retry while the database is unavailable; without limit for one that stores
    the end of an attempt, or something that was paid for. `answer_within` is for how many seconds its caller waits.
    """

    patience: ClassVar[float] = 5.0
    answer_within: ClassVar[float | None] = 8.0
    skip_locked: bool = False
    """Leave out rows that another transaction holds; the caller asks again."""
    failpoint: ClassVar[str] = ""
    """Prefix of the failpoints around its commit."""
    may_be_second: ClassVar[bool] = False
    """Whether another process may have kept the same key just before; then it is tried again, and finds that."""
    again: bool = False
    """It is retried, and whether its first commit went through is unknown."""

    def jobs(self) -> Sequence[str]:
        """Ids of the jobs to lock and read."""
        return ()

    def runs(self) -> Sequence[str]:
        """Ids of the stage runs to read."""
        return ()

    @abstractmethod
    def apply(self, uow: UnitOfWork) -> Any:
        """Check, then change. What it returns is the caller's result."""

    def known(self) -> Outputs:
        """Outputs in memory, for a claim of the next run of the same job in this transaction."""
        return {}


@dataclass(slots=True)
class Accepted:
    """A submitted job, and whether this very call made it."""

    job: Job
    created: bool


@dataclass(slots=True)
class Submit(Operation):
    """Accept a job; the same owner and key give the job that is already there."""

    failpoint: ClassVar[str] = "submit"
    may_be_second: ClassVar[bool] = True
    pipeline: Pipeline
    job: Job
    delay: float = 0.0
    files: Sequence[File] = ()
    """Its uploads, which become its own in the same transaction."""
    started_by: str | None = None
    """The stage run that started it with `ctx.start`, and does not wait for it."""

    def apply(self, uow: UnitOfWork) -> Accepted:
        if self.again:
            uow.open_jobs([self.job.id])
            if there := uow.jobs.get(self.job.id):
                there.input = self.job.input
                return Accepted(there, created=True)
        # a copy, since a batch that fails is done again
        job = replace(self.job, created_at=uow.now, updated_at=uow.now, tally={})
        if job.key is not None:
            there = uow.job_by_key(job.owner, job.key)
            if there is not None:
                if there.body_hash != job.body_hash or there.pipeline != job.pipeline:
                    raise Conflict(
                        sentence(
                            "this idempotency key was already used with a different input; send the same input or a new "
                            "key"
                        ),
                        field="idempotency_key",
                        job_id=there.id,
                    )
                return Accepted(there, created=False)
        accept(uow, self.pipeline, job, delay=self.delay, started_by=self.started_by)
        uow.keep_files(job, self.files)
        return Accepted(job, created=True)


@dataclass(slots=True)
class Settle(Operation):
    """End an attempt, of a run or of a batch. Refused with `LeaseLost` when the lease is no longer this one's."""

    patience: ClassVar[float] = FOR_EVER
    answer_within: ClassVar[float | None] = None
    failpoint: ClassVar[str] = "settle"
    claimed: Claimed
    outcome: Outcome

    def jobs(self) -> Sequence[str]:
        return tuple(one.job.id for one in self.claimed.everyone())

    def runs(self) -> Sequence[str]:
        return tuple(one.run.id for one in self.claimed.everyone())

    def apply(self, uow: UnitOfWork) -> Job:
        """Returns the job as it is then; of a batch, that of the first run that is still ours."""
        everyone = self.claimed.everyone()
        outcomes = settle.by_run(self.outcome, len(everyone))
        mine = [
            (*pair, outcome)
            for claimed, outcome in zip(everyone, outcomes, strict=True)
            if (pair := _owned_or_none(uow, claimed)) is not None
        ]
        if not mine:
            raise LeaseLost(self.claimed.run.id)
        for claimed in everyone:
            if claimed.job.id in uow.jobs:  # for a claim of its next run
                uow.jobs[claimed.job.id].input = claimed.job.input
        for run, job, outcome in mine:
            settle.settle(uow, run, job, outcome)
        return mine[0][1]

    def known(self) -> Outputs:
        if self.claimed.members:
            return {}  # read again: the outcome is known per run only
        mine = dict(self.claimed.outputs)
        if isinstance(self.outcome, Completed) and self.claimed.run.item is None:
            mine[self.claimed.run.stage] = {None: (self.outcome.output, None)}
        return {self.claimed.job.id: mine}


def owned(uow: UnitOfWork, claimed: Claimed) -> tuple[StageRun, Job]:
    """The claimed run and its job. Raises `LeaseLost` when the lease is no longer this one's."""
    found = _owned_or_none(uow, claimed)
    if found is None:
        raise LeaseLost(claimed.run.id)
    return found


def _owned_or_none(uow: UnitOfWork, claimed: Claimed) -> tuple[StageRun, Job] | None:
    run, job = uow.runs.get(claimed.run.id), uow.jobs.get(claimed.job.id)
    if run is None or job is None or run.token != claimed.token or run.state is not RunState.RUNNING:
        return None
    return run, job


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
        _, job = owned(uow, self.claimed)
        if (job.cancel_requested or job.state in ENDED) and not self.cleaning:
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
        if (job.cancel_requested or job.state in ENDED) and not self.cleaning:
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


@dataclass(slots=True)
class OnJob(Operation):
    """Something a person asks of a job. `owner` None is for the operator: any job."""

    job_id: str
    owner: str | None
    act: Callable[[UnitOfWork, Job], Any]

    def jobs(self) -> Sequence[str]:
        return (self.job_id,)

    def apply(self, uow: UnitOfWork) -> Any:
        job = uow.jobs.get(self.job_id)
        if job is None or (self.owner is not None and job.owner != self.owner):
            raise NotFound(sentence("there is no job {job}", job=self.job_id), job_id=self.job_id)
        result = self.act(uow, job)
        uow.read_job_inputs([job.id])  # for the caller to show
        return result


@dataclass(slots=True)
class OnRun(Operation):
    """Something a person asks of a stage run. `owner` None is for the operator: any run."""

    run_id: str
    owner: str | None
    act: Callable[[UnitOfWork, StageRun, Job], Any]

    def jobs(self) -> Sequence[str]:
        return (job_of(self.run_id),)

    def runs(self) -> Sequence[str]:
        return (self.run_id,)

    def apply(self, uow: UnitOfWork) -> Any:
        run, job = uow.runs.get(self.run_id), uow.jobs.get(job_of(self.run_id))
        if run is None or job is None or (self.owner is not None and run.owner != self.owner):
            raise NotFound(sentence("there is no stage run {run}", run=self.run_id), run_id=self.run_id)
        result = self.act(uow, run, job)
        uow.read_job_inputs([job.id])
        return result


@dataclass(slots=True)
class OnRuns(Operation):
    """Something the relay does to stage runs, each with its job: promote, rescue."""

    failpoint: ClassVar[str] = "relay"
    targets: Sequence[tuple[str, str]]
    act: Callable[[UnitOfWork, StageRun, Job], Any]
    skip_locked: bool = False

    def jobs(self) -> Sequence[str]:
        return tuple(job for _, job in self.targets)

    def runs(self) -> Sequence[str]:
        return tuple(run for run, _ in self.targets)

    def apply(self, uow: UnitOfWork) -> int:
        return sum(1 for run, job in self._pairs(uow) if self.act(uow, run, job) is not False)

    def _pairs(self, uow: UnitOfWork) -> Iterator[tuple[StageRun, Job]]:
        for run_id, job_id in self.targets:
            run, job = uow.runs.get(run_id), uow.jobs.get(job_id)
            if run is not None and job is not None:
                yield run, job
