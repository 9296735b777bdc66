"""A claim: a worker's request and its result. The `Claimer` carries it out after the operations of its batch."""

from dataclasses import dataclass, field
from typing import ClassVar

from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.transaction import Ended


@dataclass(frozen=True, slots=True)
class Claim:
    """Up to `limit` ready runs of these queues for a worker.

    With a `job_id`, or the ids of runs as `only`, it takes of that job or of those runs what this very transaction
    makes ready, whatever the queue.
    """

    patience: ClassVar[float] = 5.0
    answer_within: ClassVar[float | None] = None  # what was claimed for a caller that left would run nowhere
    failpoint: ClassVar[str] = "claim"
    may_be_second: ClassVar[bool] = False
    queues: tuple[str, ...]
    limit: int
    worker: str
    job_id: str | None = None
    only: frozenset[str] | None = None

    def wants(self, run: StageRun) -> bool:
        """Whether a run that this transaction made ready is among what it takes."""
        return run.job_id == self.job_id if self.only is None else run.id in self.only


@dataclass(slots=True)
class Claimed:
    """A stage run that a worker now owns, with what it needs to begin."""

    run: StageRun
    job: Job
    token: str
    outputs: dict[str, dict[int | None, Ended]] = field(default_factory=dict)
    members: list["Claimed"] = field(default_factory=list)
    """The runs that share its call, its lease and its slot, where its stage has `batch`."""

    def everyone(self) -> list["Claimed"]:
        """The first of the batch, which this is, and the others."""
        return [self, *self.members]


@dataclass(slots=True)
class ClaimResult:
    """Result of a claim: the claimed runs, and the queues with more ready runs."""

    claimed: list[Claimed]
    more: frozenset[str] = frozenset()
    missed: bool = False
    """Something was ready but locked by another process, which may leave it: worth another look soon."""
    due_in: float | None = None
    """Seconds until a batch that gathers goes although it is not full."""
