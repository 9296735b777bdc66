"""An attempt has ended: each kind of outcome has its rule."""

from collections.abc import Sequence
from typing import assert_never

from stagepass.engine.model.outcomes import (
    Cancelled,
    Completed,
    Each,
    Failure,
    Held,
    Outcome,
    Released,
    RunOutcome,
    Skipped,
    Unknown,
    Waiting,
)
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.rules.attempt import complete, fail, hold, park, release, wait
from stagepass.engine.rules.stop import cancelled
from stagepass.engine.rules.unit_of_work import UnitOfWork


def by_run(outcome: Outcome, runs: int) -> Sequence[RunOutcome]:
    """The outcome of each of the runs that shared an attempt; mostly there is one."""
    if isinstance(outcome, Each):
        return outcome.outcomes
    if isinstance(outcome, Failure) and runs > 1 and not outcome.error.retryable:
        return [Released(alone=True)] * runs  # one run of the batch failed it permanently, and it is unknown which
    return [outcome] * runs


def settle(uow: UnitOfWork, run: StageRun, job: Job, outcome: RunOutcome) -> None:
    """Settles a run whose attempt has ended."""
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
        case Released(alone):
            release(uow, run, job, alone=alone)
        case Unknown():
            park(uow, run, job, outcome)
        case _:
            assert_never(outcome)
