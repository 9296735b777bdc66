"""Nested jobs: a stage starts a job of another pipeline once, and waits for its end without a slot.

    stage run ──starts, in one transaction with a memo──▶ child job (its `parent` is the stage run)
        ▲                                                    │
        └── woken after the commit that ends it ─────────────┘      a parent that is stopped stops its children

The memo's key (stage run, name) lets there be one child only. What is told after a commit is lost when the
process dies just then: the parent's own look, and the relay's look at orphans, find it again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter

from stagepass.declare.pipeline import Pipeline
from stagepass.declare.values import Duration, seconds
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operations import OnJob, OnRuns, Operation, owned
from stagepass.engine.commit.submission import prepare
from stagepass.engine.model import failpoints
from stagepass.engine.model.ids import new_token
from stagepass.engine.model.outcomes import Cancel, Wait
from stagepass.engine.model.ports import Store
from stagepass.engine.model.records import Job, Memo, StageRun
from stagepass.engine.model.states import ENDED, JobState
from stagepass.engine.rules import answer, operator, stop
from stagepass.engine.rules.accept import accept
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import ChildFailed, Permanent, TimedOut
from stagepass.reports.results import result

if TYPE_CHECKING:
    from stagepass.engine.execute.context import Context

DEEPEST = 5
"""How many jobs may stand above a job: a pipeline that runs itself ends here."""

PAGE = 100


# ── what a stage asks for ──


class ChildJobs:
    """`ctx.run` of one stage run."""

    def __init__(self, ctx: "Context", store: Store, committer: Committer, claimed: Claimed) -> None:
        self._ctx = ctx
        self._store = store
        self._committer = committer
        self._claimed = claimed

    def run(
        self,
        pipeline: str,
        input: BaseModel | dict[str, Any],
        name: str,
        kind: Any,
        at_most: Duration,
        every: Duration,
        saying: str | None,
    ) -> Any:
        """See `Context.run`."""
        key = f"run:{name}"
        memo = self._ctx._memos.get(key)
        child_id = self._start(key, pipeline, input) if memo is None else str(self._ctx.remembered(key))
        child = self._store.job(child_id)
        if child is None:
            raise Permanent(f"{name}: its job {child_id} was deleted", advice="make this stage again")
        if child.state is JobState.COMPLETED:
            self._ctx._waits.pop(key, None)
            return TypeAdapter(kind or Any).validate_python(result(self._store, self._committer.registry, child))
        if child.state in ENDED and key in self._ctx._waits:
            self._ctx._waits.pop(key)
            raise _failure(name, child)
        if child.state in ENDED:  # a new attempt at this stage is a new attempt at what had failed in it
            self._committer.do(GoOn(self._claimed, child.id))
        raise self._wait(key, child, at_most, every, saying or f"{name}: running")

    def _start(self, key: str, pipeline: str, input: BaseModel | dict[str, Any]) -> str:
        run, parent = self._claimed.run, self._claimed.job
        if self._depth(parent) >= DEEPEST:
            raise Permanent(
                f"{pipeline}: jobs are nested more than {DEEPEST} deep", advice="does a pipeline run itself?"
            )
        now = self._ctx.now()
        registry = self._committer.registry
        submit = prepare(registry, pipeline, input, owner=run.owner, now=now, priority=parent.priority)
        job = replace(submit.job, parent=run.id, key=None, stepwise=False)
        memo = Memo(run.id, key, new_token(), f'"{job.id}"', now)
        failpoints.hit("once.before_intent")
        if not self._committer.do(Start(self._claimed, memo, submit.pipeline, job)):
            raise Cancel
        failpoints.hit("once.after_intent")
        self._ctx._memos.note(memo)
        return job.id

    def _depth(self, job: Job) -> int:
        depth, above = 0, job
        while above.parent is not None and depth < DEEPEST:
            found = self._store.job(above.parent.partition(".")[0])
            if found is None:
                break
            depth, above = depth + 1, found
        return depth

    def _wait(self, key: str, child: Job, at_most: Duration, every: Duration, saying: str) -> Wait:
        now, limit = self._ctx.now(), seconds(at_most)
        since = self._ctx._waits.setdefault(key, now)
        left = limit - (now - since) / 1000
        if left <= 0:
            self._ctx._waits.pop(key)
            raise TimedOut(f"{saying}: not done after {limit:g} s", advice=f"the job {child.id} is cancelled")
        return self._ctx._pause(min(seconds(every), left), saying, first=since == now, idle=True)


def _failure(name: str, child: Job) -> ChildFailed:
    """A child's error as its parent's."""
    error = child.error or {}
    where = f" at {error['stage']}" if error.get("stage") else ""
    told = error.get("message") or error.get("code") or f"it was {child.state.value}"
    return ChildFailed(f"{name}: {child.state.value}{where}: {told}", advice=error.get("advice"), child=child.id)


# ── what the committer does ──


@dataclass(slots=True)
class Start(Operation):
    """Start a child, in one transaction with the memo that says so."""

    claimed: Claimed
    memo: Memo
    pipeline: Pipeline
    job: Job

    def jobs(self) -> tuple[str, ...]:
        return (self.claimed.job.id,)

    def runs(self) -> tuple[str, ...]:
        return (self.claimed.run.id,)

    def apply(self, uow: UnitOfWork) -> bool:
        """Returns False when the parent's owner has cancelled it: then nothing is begun."""
        run, parent = owned(uow, self.claimed)
        if parent.cancel_requested or parent.state in ENDED:
            return False
        there = uow.tx.memo(self.memo.run_id, self.memo.name)
        if there is not None:  # a commit of which nobody heard
            return True
        uow.note_intent(self.memo)
        accept(uow, self.pipeline, replace(self.job, tally={}))  # a copy, since a batch may be done again
        _note(uow, run, self.job.id)
        return True


@dataclass(slots=True)
class GoOn(Operation):
    """Send a child on that had failed or was cancelled."""

    claimed: Claimed
    child: str

    def jobs(self) -> tuple[str, ...]:
        return (self.claimed.job.id, self.child)

    def runs(self) -> tuple[str, ...]:
        return (self.claimed.run.id,)

    def apply(self, uow: UnitOfWork) -> None:
        run, _ = owned(uow, self.claimed)
        child = uow.jobs.get(self.child)
        if child is not None and child.state in (JobState.FAILED, JobState.CANCELLED):
            operator.resume(uow, child)
        _note(uow, run, self.child)


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
        committer.put(OnRuns([(run_id, run_id.partition(".")[0])], answer.wake_now))
    for child in left_alone:
        committer.put(OnJob(child, None, _cancel))


def cancel_orphans(store: Store, committer: Committer) -> int:
    """The relay's net: cancel children whose parent does not wait for them any more. Returns how many."""
    orphans = store.orphans(PAGE)
    for child in orphans:
        committer.do(OnJob(child, None, _cancel))
    return len(orphans)


def _cancel(uow: UnitOfWork, job: Job) -> None:
    if job.state not in ENDED:
        stop.cancel(uow, job)
