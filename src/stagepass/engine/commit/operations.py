"""Operations on jobs and stage runs: accepting a job, ending an attempt, what people ask, what the relay does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from stagepass.declare.pipeline import Pipeline
from stagepass.declare.values import File
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.commit.operation import FOR_EVER, Operation, owned_or_none
from stagepass.engine.model.actors import Act
from stagepass.engine.model.ids import job_of
from stagepass.engine.model.outcomes import Completed, LeaseLost, Outcome
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.transaction import Outputs
from stagepass.engine.rules import settle
from stagepass.engine.rules.accept import accept
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import Conflict, NotFound
from stagepass.sentences import sentence


@dataclass(slots=True)
class Accepted:
    """A submitted job, and whether this very call made it."""

    job: Job
    created: bool
    tags: Mapping[str, str] = field(default_factory=dict)
    """Of a job that this call made."""


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
    tags: Mapping[str, str] = field(default_factory=dict)

    def key(self) -> tuple[str, str] | None:
        return None if self.job.key is None else (self.job.owner, self.job.key)

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
        tags = {**uow.tags_of_run(self.started_by), **self.tags} if self.started_by else self.tags
        accept(uow, self.pipeline, job, delay=self.delay, started_by=self.started_by, tags=tags)
        uow.keep_files(job, self.files)
        return Accepted(job, created=True, tags=tags)


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
            if (pair := owned_or_none(uow, claimed)) is not None
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


@dataclass(slots=True)
class OnJob(Operation):
    """Something a person asks of a job. `owner` None is for the operator: any job."""

    job_id: str
    owner: str | None
    act: Callable[[UnitOfWork, Job], Any]
    audited: Act | None = None
    """The act of a person that this carries out."""

    def jobs(self) -> Sequence[str]:
        return (self.job_id,)

    def apply(self, uow: UnitOfWork) -> Any:
        job = uow.jobs.get(self.job_id)
        if job is None or (self.owner is not None and job.owner != self.owner):
            raise NotFound(sentence("there is no job {job}", job=self.job_id), job_id=self.job_id)
        before = job.state.value
        result = self.act(uow, job)
        if self.audited is not None and result is not False:
            uow.note_act(self.audited, f"job:{job.id}", job, before, job.state.value)
        uow.read_job_inputs([job.id])  # for the caller to show
        return result


@dataclass(slots=True)
class OnRun(Operation):
    """Something a person asks of a stage run. `owner` None is for the operator: any run."""

    run_id: str
    owner: str | None
    act: Callable[[UnitOfWork, StageRun, Job], Any]
    audited: Act | None = None

    def jobs(self) -> Sequence[str]:
        return (job_of(self.run_id),)

    def runs(self) -> Sequence[str]:
        return (self.run_id,)

    def apply(self, uow: UnitOfWork) -> Any:
        run, job = uow.runs.get(self.run_id), uow.jobs.get(job_of(self.run_id))
        if run is None or job is None or (self.owner is not None and run.owner != self.owner):
            raise NotFound(sentence("there is no stage run {run}", run=self.run_id), run_id=self.run_id)
        before = run.state.value
        result = self.act(uow, run, job)
        if self.audited is not None:
            uow.note_act(self.audited, f"run:{run.id}", job, before, run.state.value)
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
