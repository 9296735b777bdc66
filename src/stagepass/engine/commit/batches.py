"""Batch collection: a stage with `batch=` is called once for many ready runs, of one job or of many.

    ready runs of the queue, in the order of turns     r r r r r r r …
    a full batch, or the first of them is `within` old └─── claimed together ───┘   one leader, its mates

A run that waits for company is ready like any other: it stands in its queue in turn, holds no slot, and a cancel
ends it at once. The claim alone decides whether there are enough. One lease covers the batch, and one operation
settles it; each run keeps its own attempts, output and error.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args, get_origin

from stagepass.engine.commit.choose import in_order
from stagepass.engine.model.ports import Candidate
from stagepass.engine.model.records import StageRun
from stagepass.declare.values import Duration, seconds
from stagepass.errors import DeclarationError

if TYPE_CHECKING:
    from stagepass.declare.registry import Registry
    from stagepass.declare.stage import Stage

MOST = 500
"""The largest batch: as many rows as one transaction handles well."""

ALONE = "alone"
"""In a run's scratch: it, or somebody with it, broke a batch; from now on it is a batch of its own."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Up to `most` runs in one call; what is there after `within` seconds goes without waiting for more."""

    most: int
    within: float


def read_batch(most: int | None, within: Duration, where: str) -> Batch | None:
    """What an author declares. Raises `DeclarationError`."""
    if most is None:
        return None
    if not 2 <= most <= MOST:
        raise DeclarationError(f"{where}: batch={most!r} is how many runs go into one call, from 2 to {MOST}")
    if seconds(within) <= 0:
        raise DeclarationError(f'{where}: within={within!r} is how long a batch is waited for, such as "5s"')
    return Batch(most, seconds(within))


def element(kind: Any, where: str, what: str) -> Any:
    """``list[X]`` → ``X``; of a union with exceptions (``list[Row | StageError]``), what is stored."""
    if get_origin(kind) is not list:
        raise DeclarationError(f"{where}: with batch= {what} is a list with one entry per run: write list[…]")
    (inner,) = get_args(kind)
    members = get_args(inner)
    stored = [member for member in members if not (isinstance(member, type) and issubclass(member, BaseException))]
    if not stored or len(stored) == len(members):
        return inner
    union = stored[0]
    for member in stored[1:]:
        union = union | member
    return union


@dataclass(slots=True)
class Formed:
    """What a claim may choose from, once batches are formed."""

    stored: Sequence[Candidate]
    fresh: Sequence[StageRun]
    mates: dict[str, list[str]] = field(default_factory=dict)
    """By leader: who goes with it."""
    ripe_in: float | None = None
    """Seconds until the first batch that is not full goes all the same."""


def form(
    registry: "Registry", queues: Iterable[str], stored: Sequence[Candidate], fresh: Sequence[StageRun], now: int
) -> Formed:
    """Leave one leader for each batch that may go, and nothing for those that gather."""
    batched = {queue: batch for queue in queues if (batch := registry.batch(queue)) is not None}
    if not batched:
        return Formed(stored, fresh)
    formed = Formed([], [])
    leaders: set[str] = set()
    known = {run.id for run in fresh}
    entries = [entry for entry in stored if entry.queue in batched and entry.run_id not in known]
    entries += [Candidate(r.id, r.queue, r.priority, r.turn, r.due_at) for r in fresh if r.queue in batched]
    for queue, batch in batched.items():
        waiting = in_order(entry for entry in entries if entry.queue == queue)
        for start in range(0, len(waiting), batch.most):
            group = waiting[start : start + batch.most]
            left = batch.within - (now - min(entry.due_at for entry in group)) / 1000
            if len(group) == batch.most or left <= 0:
                leaders.add(group[0].run_id)
                formed.mates[group[0].run_id] = [entry.run_id for entry in group[1:]]
            else:
                formed.ripe_in = left if formed.ripe_in is None else min(formed.ripe_in, left)
    formed.stored = [entry for entry in stored if entry.queue not in batched or entry.run_id in leaders]
    formed.fresh = [run for run in fresh if run.queue not in batched or run.id in leaders]
    return formed


def widest(registry: "Registry", queues: Iterable[str]) -> int:
    """How many ready runs of one queue a look must see to know whether a batch is full."""
    return max((batch.most for queue in queues if (batch := registry.batch(queue)) is not None), default=0)


def fits(run: StageRun, leader: StageRun) -> bool:
    """Whether a run may go with that leader."""
    return run.version == leader.version and not run.scratch.get(ALONE) and not leader.scratch.get(ALONE)


def refuse_hook(stage: "Stage", hook: Callable[..., Any]) -> None:
    """Raises `DeclarationError`: hooks are about what one run began elsewhere, and noted with ``ctx.once``."""
    if stage.batch is not None:
        raise DeclarationError(
            f"stage {stage.queue}: a stage with batch= has no {hook.__name__}: its calls belong to many jobs at once"
        )
