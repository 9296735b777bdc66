"""Claims obey operators: nothing of a pause starts, and no more of a queue than its limit allows, over all workers."""

from collections.abc import Iterable, Sequence

from stagepass.engine.commit.batches import Formed
from stagepass.engine.commit.choose import in_order
from stagepass.engine.model.controls import Controls
from stagepass.engine.model.records import StageRun
from stagepass.engine.model.transaction import Candidate
from stagepass.engine.rules.unit_of_work import UnitOfWork


def unpaused(
    stored: Sequence[Candidate], fresh: Sequence[StageRun], controls: Controls
) -> tuple[Sequence[Candidate], Sequence[StageRun]]:
    """What no pause holds."""
    if not controls.pauses:
        return stored, fresh
    return (
        [entry for entry in stored if not controls.holds(entry.queue, entry.owner)],
        [run for run in fresh if not controls.holds(run.queue, run.owner)],
    )


def within_limits(uow: UnitOfWork, formed: Formed, controls: Controls) -> None:
    """Keep of each limited queue as many as may still start, the first ones; a batch counts as its stage runs."""
    there = {entry.queue for entry in formed.stored} | {run.queue for run in formed.fresh}
    queues = there & controls.concurrency.keys()
    if not queues:
        return
    entries = [*formed.stored, *map(_candidate, formed.fresh)]
    kept: set[str] = set()
    for queue, left in _room(uow, queues, controls).items():
        for entry in in_order(entry for entry in entries if entry.queue == queue):
            if left <= 0:
                break
            kept.add(entry.run_id)
            left -= 1
            if members := formed.members.get(entry.run_id):
                formed.members[entry.run_id] = members[:left]
                left -= len(members)
    formed.stored = [entry for entry in formed.stored if entry.queue not in queues or entry.run_id in kept]
    formed.fresh = [run for run in formed.fresh if run.queue not in queues or run.id in kept]


def allowed_runs(uow: UnitOfWork, fresh: Sequence[StageRun], controls: Controls) -> Sequence[StageRun]:
    """Of runs that became ready in this transaction: those that may start."""
    _, fresh = unpaused((), fresh, controls)
    formed = Formed((), fresh)
    within_limits(uow, formed, controls)
    return formed.fresh


def _room(uow: UnitOfWork, queues: Iterable[str], controls: Controls) -> dict[str, int]:
    """By queue: how many more may start."""
    running = uow.tx.count_running(sorted(queues))
    return {queue: controls.concurrency[queue] - count - uow.more_running(queue) for queue, count in running.items()}


def _candidate(run: StageRun) -> Candidate:
    return Candidate(run.id, run.queue, run.priority, run.turn, run.due_at, run.urgency, run.owner)
