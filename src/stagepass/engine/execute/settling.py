"""Stores the ends of attempts, and claims what a slot runs next in the same transaction."""

import logging
from collections.abc import Callable

from stagepass.engine.commit.claims import Claim, Claimed, ClaimResult
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.operation import Operation
from stagepass.engine.commit.operations import Settle
from stagepass.engine.execute.classify import classify
from stagepass.engine.model.outcomes import Failure, LeaseLost, Outcome
from stagepass.engine.model.records import Job
from stagepass.errors import StagepassError, StoreBug, StoreUnavailable

log = logging.getLogger("stagepass.dispatcher")


class Settling:
    """Stores ends of attempts. It never raises: a slot survives what cannot be stored.

    Args:
        on_settled: called with the claimed run and its job as it is then.
    """

    def __init__(self, committer: Committer, on_settled: Callable[[Claimed, Job], None]) -> None:
        self._committer = committer
        self._on_settled = on_settled

    def settle(self, claimed: Claimed, outcome: Outcome) -> None:
        """Store this end."""
        try:
            self._on_settled(claimed, self._committer.do(Settle(claimed, outcome)))
        except LeaseLost:
            log.warning("%s: could not be settled: the lease was lost", claimed.run.id)
        except Exception as problem:
            log.error("%s: could not be settled: %s", claimed.run.id, type(problem).__name__)

    def settle_and_claim(self, claimed: Claimed, outcome: Outcome | None, claim: Claim | None) -> ClaimResult:
        """Store this end, if there is one, and claim in the same transaction."""
        operations: list[Operation | Claim] = [Settle(claimed, outcome)] if outcome is not None else []
        if claim is not None:
            operations.append(claim)
        claim_result = ClaimResult([])
        try:
            futures = self._committer.put_here(*operations)
        except StagepassError:
            return claim_result
        for operation, future in zip(operations, futures, strict=True):
            try:
                result = future.result()
            except LeaseLost:
                log.warning("%s: the lease was lost; its result is dropped", claimed.run.id)
            except Exception as problem:
                log.error("%s: %s could not be stored: %s", claimed.run.id, type(operation).__name__, problem)
                if isinstance(operation, Settle) and not isinstance(problem, StoreUnavailable):
                    self.settle(claimed, Failure(classify(_not_stored(problem))))
            else:
                if isinstance(operation, Claim):
                    claim_result = result
                else:
                    self._on_settled(claimed, result)
        return claim_result


def _not_stored(problem: Exception) -> StagepassError:
    """An end that cannot be stored as it is: a value that no database holds is the stage's, all else is ours."""
    return problem if isinstance(problem, StagepassError) else StoreBug(type(problem).__name__)
