"""Nested jobs, as the committer changes them: a child is started, sent on, given up, and stopped with its parent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from stagepass.declare.pipeline import Pipeline
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operation import Operation, owned
from stagepass.engine.commit.operations import OnJob, OnRuns
from stagepass.engine.model.records import Job, Memo, StageRun
from stagepass.engine.model.run_notes import EVERY
from stagepass.engine.model.states import ENDED, JobState
from stagepass.engine.model.store import Store
from stagepass.engine.rules import operator, stop
from stagepass.engine.rules.accept import accept
from stagepass.engine.rules.messages import child_ended
from stagepass.engine.rules.unit_of_work import UnitOfWork

PAGE = 100


@dataclass(slots=True)
class Start(Operation):
    """Start a child, in one transaction with its memo."""

    claimed: Claimed
    memo: Memo
    pipeline: Pipeline
    job: Job
    tags: Mapping[str, str]
    """Of its pipeline; those of its parent come with them."""
    begun: bool = False
    """It is one of many, perhaps: it is found by its parent, and not noted there."""

    def jobs(self) -> tuple[str, ...]:
        return (self.claimed.job.id,)

    def runs(self) -> tuple[str, ...]:
        return (self.claimed.run.id,)

    def apply(self, uow: UnitOfWork) -> bool:
        """Returns False when the parent's owner has cancelled it: then nothing is begun."""
        run, parent = owned(uow, self.claimed)
        if not parent.needs(run):
            return False
        there = uow.tx.memo(self.memo.run_id, self.memo.name)
        if there is not None:  # a commit whose answer was lost
            return True
        uow.note_intent(self.memo)
        tags = {**uow.tags_of_run(run.id), **self.tags}
        accept(uow, self.pipeline, replace(self.job, tally={}), tags=tags)  # a copy, since a batch may be done again
        if not self.begun:
            _note(uow, run, self.job.id)
        elif not run.notes.begun:
            run.notes.begun = True
            uow.touch_run(run)
        return True


@dataclass(slots=True)
class GoOn(Operation):
    """Send a child on that had failed or was cancelled."""

    claimed: Claimed
    child: str
    call: str

    def jobs(self) -> tuple[str, ...]:
        return (self.claimed.job.id, self.child)

    def runs(self) -> tuple[str, ...]:
        return (self.claimed.run.id,)

    def apply(self, uow: UnitOfWork) -> None:
        run, _ = owned(uow, self.claimed)
        child = uow.jobs.get(self.child)
        if child is not None and child.state in (JobState.FAILED, JobState.CANCELLED):
            operator.resume(uow, child)
        again = [name for name in run.notes.again if name != self.call]
        run.notes.again = [*again, f"-{self.call}"] if EVERY in again else again
        self.claimed.run.notes.again = run.notes.again
        uow.touch_run(run)
        if not run.notes.begun:
            _note(uow, run, self.child)


@dataclass(slots=True)
class GiveUp(Operation):
    """Cancel a child that took too long, in one transaction with its memo."""

    claimed: Claimed
    child: str
    memo: Memo

    def jobs(self) -> tuple[str, ...]:
        return (self.claimed.job.id, self.child)

    def runs(self) -> tuple[str, ...]:
        return (self.claimed.run.id,)

    def apply(self, uow: UnitOfWork) -> bool:
        """Returns False when it has ended meanwhile."""
        run, _ = owned(uow, self.claimed)
        child = uow.jobs.get(self.child)
        there = uow.tx.memo(self.memo.run_id, self.memo.name)
        if there is not None:  # a commit whose answer was lost
            return there.token == self.memo.token
        if child is not None and child.state in ENDED:
            return False
        if child is not None:
            stop.cancel(uow, child)
            uow.woken = [woken for woken in uow.woken if woken != run.id]  # it knows
        uow.note_intent(self.memo)
        return True


def _note(uow: UnitOfWork, run: StageRun, child: str) -> None:
    """Children by stage run: who is to be stopped with it."""
    children = run.notes.children
    if child not in children:
        children.append(child)
    uow.touch_run(run)


# ── what follows a commit ──


def after_commit(committer: Committer, woken: Iterable[str], left_alone: Iterable[str]) -> None:
    """Wake stage runs whose child has ended, and cancel children whose parent was stopped. Waits for nothing."""
    for run_id in woken:
        committer.put(OnRuns([(run_id, run_id.partition(".")[0])], child_ended))
    for child in left_alone:
        committer.put(OnJob(child, None, cancel_job))


def cancel_orphans(store: Store, committer: Committer) -> int:
    """The relay's net: cancel children whose parent does not wait for them any more. Returns how many."""
    orphans = store.orphans(PAGE)
    for child in orphans:
        committer.do(OnJob(child, None, cancel_job))
    return len(orphans)


def cancel_job(uow: UnitOfWork, job: Job) -> None:
    if job.state not in ENDED:
        stop.cancel(uow, job)
