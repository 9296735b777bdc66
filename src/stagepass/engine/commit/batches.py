"""Batch collection: a stage with `batch=` is called once for many ready runs, of one job or of many.

    ready runs of the queue, in the order of turns     r r r r r r r …
    a full batch, or the first of them is `within` old └─── claimed together ───┘   the first, and the other members

A run that waits for company is ready like any other: it keeps its place in the queue, holds no slot, and a cancel
ends it at once. The claim alone decides whether there are enough. One lease covers the batch, and one operation
settles it; each run keeps its own attempts, output and error.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stagepass.declare.registry import Registry
from stagepass.engine.commit.choose import in_order
from stagepass.engine.model.records import StageRun
from stagepass.engine.model.transaction import Candidate


@dataclass(slots=True)
class Formed:
    """Candidates of a claim, after batches are formed."""

    stored: Sequence[Candidate]
    fresh: Sequence[StageRun]
    members: dict[str, list[str]] = field(default_factory=dict)
    """By the first of a batch: the others."""
    due_in: float | None = None
    """Seconds until the first batch that is not full goes all the same."""


def form(
    registry: Registry, queues: Iterable[str], stored: Sequence[Candidate], fresh: Sequence[StageRun], now: int
) -> Formed:
    """Keep the first run of each batch that may start, and drop those that still gather."""
    batched = {queue: batch for queue in queues if (batch := registry.batch(queue)) is not None}
    if not batched:
        return Formed(stored, fresh)
    formed = Formed([], [])
    firsts: set[str] = set()
    known = {run.id for run in fresh}
    entries = [entry for entry in stored if entry.queue in batched and entry.run_id not in known]
    entries += [
        Candidate(r.id, r.queue, r.priority, r.turn, r.due_at, r.urgency, r.owner) for r in fresh if r.queue in batched
    ]
    for queue, batch in batched.items():
        waiting = in_order(entry for entry in entries if entry.queue == queue)
        for start in range(0, len(waiting), batch.most):
            group = waiting[start : start + batch.most]
            left = batch.within - (now - min(entry.due_at for entry in group)) / 1000
            if len(group) == batch.most or left <= 0:
                firsts.add(group[0].run_id)
                formed.members[group[0].run_id] = [entry.run_id for entry in group[1:]]
            else:
                formed.due_in = left if formed.due_in is None else min(formed.due_in, left)
    formed.stored = [entry for entry in stored if entry.queue not in batched or entry.run_id in firsts]
    formed.fresh = [run for run in fresh if run.queue not in batched or run.id in firsts]
    return formed


def widest(registry: Registry, queues: Iterable[str]) -> int:
    """Number of ready runs per queue to read in order to know whether a batch is full."""
    return max((batch.most for queue in queues if (batch := registry.batch(queue)) is not None), default=0)


def fits(run: StageRun, first: StageRun) -> bool:
    """Whether a run may be in the batch of that one."""
    return run.version == first.version and not run.notes.alone and not first.notes.alone
