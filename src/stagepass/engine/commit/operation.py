"""What the committer carries out: an operation names the rows it needs, and changes them in a `UnitOfWork`.

An operation checks first and changes then, so that one that refuses leaves the others of its batch
untouched.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from stagepass.engine.commit.claims import Claimed
from stagepass.engine.model.outcomes import LeaseLost
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import RunState
from stagepass.engine.model.transaction import Outputs
from stagepass.engine.rules.unit_of_work import UnitOfWork

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

    def key(self) -> tuple[str, str] | None:
        """(owner, idempotency key) of which it has to know the job."""
        return None

    @abstractmethod
    def apply(self, uow: UnitOfWork) -> Any:
        """Check, then change. What it returns is the caller's result."""

    def known(self) -> Outputs:
        """Outputs in memory, for a claim of the next run of the same job in this transaction."""
        return {}


def owned(uow: UnitOfWork, claimed: Claimed) -> tuple[StageRun, Job]:
    """The claimed run and its job. Raises `LeaseLost` when the lease is no longer this one's."""
    found = owned_or_none(uow, claimed)
    if found is None:
        raise LeaseLost(claimed.run.id)
    return found


def owned_or_none(uow: UnitOfWork, claimed: Claimed) -> tuple[StageRun, Job] | None:
    run, job = uow.runs.get(claimed.run.id), uow.jobs.get(claimed.job.id)
    if run is None or job is None or run.token != claimed.token or run.state is not RunState.RUNNING:
        return None
    return run, job
