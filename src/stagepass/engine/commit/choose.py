"""Chooses the next ready runs from several queues: by priority, then the queues in turn."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from stagepass.engine.model.ports import Candidate
from stagepass.engine.model.records import StageRun


def choose(
    stored: Sequence[Candidate], fresh: Sequence[StageRun], wanted: int, *, after: str = ""
) -> tuple[list[str], frozenset[str]]:
    """Pick about `wanted` of the runs that are ready.

    Args:
        stored: ready rows, each queue's in its order; more than wanted, since others may hold some of them.
        fresh: runs that became ready in this transaction.
        after: the queue that was served last; the next one begins, so that none starves.

    Returns:
        The ids in the order in which to try them, and the queues in which more is ready than was wanted.
    """
    known = {run.id for run in fresh}
    entries = [candidate for candidate in stored if candidate.run_id not in known]
    entries += [Candidate(run.id, run.queue, run.priority, run.turn, run.due_at) for run in fresh]
    lanes: dict[str, list[Candidate]] = defaultdict(list)
    for entry in entries:
        lanes[entry.queue].append(entry)
    heads = deque(
        deque(in_order(lane)) for _, lane in sorted(lanes.items(), key=lambda entry: (entry[0] <= after, entry[0]))
    )
    picked: list[Candidate] = []
    while heads:
        best = max(lane[0].priority for lane in heads)
        while heads[0][0].priority != best:
            heads.rotate(-1)
        lane = heads.popleft()
        picked.append(lane.popleft())
        if lane:
            heads.append(lane)
    return [entry.run_id for entry in picked], frozenset(entry.queue for entry in picked[wanted:])


def in_order(lane: Iterable[Candidate]) -> list[Candidate]:
    """Runs of one queue in the order in which they go."""
    return sorted(lane, key=lambda c: (-c.priority, c.turn, c.due_at, c.run_id))
