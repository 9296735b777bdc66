"""An attempt has ended: each kind of outcome has its rule; a batch has one for each of its runs."""

from collections.abc import Sequence

from stagepass.engine.model.outcomes import (
    Cancelled,
    Completed,
    Each,
    Failure,
    Held,
    Outcome,
    Released,
    Skipped,
    Unknown,
    Waiting,
)
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.rules.attempt import complete, fail, hold, park, release, wait
from stagepass.engine.rules.stop import cancelled
from stagepass.engine.rules.unit_of_work import UnitOfWork


def settle(uow: UnitOfWork, ended: Sequence[tuple[StageRun, Job]], outcome: Outcome) -> None:
    """What becomes of these runs, which shared an attempt; mostly it is one."""
    if isinstance(outcome, Each):
        for (run, job), own in zip(ended, outcome.outcomes, strict=True):
            _settle(uow, run, job, own)
    elif isinstance(outcome, Failure) and len(ended) > 1 and not outcome.error.retryable:
        _part(uow, ended)
    else:
        for run, job in ended:
            _settle(uow, run, job, outcome)


def _part(uow: UnitOfWork, ended: Sequence[tuple[StageRun, Job]]) -> None:
    """One of a batch broke it for good, and nobody knows which: each goes by itself, and no attempt is spent."""
    for run, job in ended:
        run.notes.alone = True
        release(uow, run, job)


def _settle(uow: UnitOfWork, run: StageRun, job: Job, outcome: Outcome) -> None:
    match outcome:
        case Completed() | Skipped():
            complete(uow, run, job, outcome)
        case Waiting():
            wait(uow, run, job, outcome)
        case Failure():
            fail(uow, run, job, outcome)
        case Held():
            hold(uow, run, job, outcome)
        case Cancelled(reason):
            cancelled(uow, run, job, reason)
        case Released():
            release(uow, run, job)
        case Unknown():
            park(uow, run, job, outcome)
        case Each():
            raise AssertionError("a batch within a batch")
