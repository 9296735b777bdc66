"""Chooses the next ready runs from several queues: by priority, then the queues in turn."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from stagepass.engine.model.records import StageRun
from stagepass.engine.model.transaction import Candidate


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
    entries += [
        Candidate(run.id, run.queue, run.priority, run.turn, run.due_at, run.urgency, run.owner) for run in fresh
    ]
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
        lane = _of_the_same_owner(heads)
        heads.remove(lane)
        picked.append(lane.popleft())
        if lane:
            heads.append(lane)
    return [entry.run_id for entry in picked], frozenset(entry.queue for entry in picked[wanted:])


def _of_the_same_owner(heads: deque[deque[Candidate]]) -> deque[Candidate]:
    """The lane whose turn it is, or another one where its owner has something more urgent."""
    first = heads[0][0]
    own = (lane for lane in heads if (lane[0].owner, lane[0].priority) == (first.owner, first.priority))
    return max(own, key=lambda lane: lane[0].urgency)


def in_order(lane: Iterable[Candidate]) -> list[Candidate]:
    """Runs of one queue in the order in which they go: owners by turn, and each owner's own by urgency."""
    return _by_urgency(_by_turn(lane))


def moved_back(stored: Sequence[Candidate], taken: Iterable[str]) -> dict[str, int]:
    """New turns for runs whose turn was used by a more urgent one of their owner: they get the turn of that one."""
    taken = set(taken)
    lanes: dict[str, list[Candidate]] = defaultdict(list)
    for entry in stored:
        lanes[entry.queue].append(entry)
    found: dict[str, int] = {}
    for lane in lanes.values():
        turns = _by_turn(lane)
        for holder, goes in zip(turns, _by_urgency(turns), strict=True):
            if goes.run_id in taken and holder.run_id not in taken:
                found[holder.run_id] = goes.turn
    return found


def _by_turn(lane: Iterable[Candidate]) -> list[Candidate]:
    return sorted(lane, key=lambda c: (-c.priority, c.turn, -c.urgency, c.due_at, c.run_id))


def _by_urgency(turns: list[Candidate]) -> list[Candidate]:
    """Each turn goes to the most urgent run of its owner."""
    if len({entry.urgency for entry in turns}) < 2:
        return turns
    own: dict[tuple[int, str], deque[Candidate]] = defaultdict(deque)
    for entry in sorted(turns, key=lambda c: -c.urgency):
        own[entry.priority, entry.owner].append(entry)
    return [own[entry.priority, entry.owner].popleft() for entry in turns]
