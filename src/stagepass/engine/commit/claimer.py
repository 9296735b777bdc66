"""Claims: the runs for which all claims of a transaction ask are found in one look, taken, and dealt out."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from stagepass.declare.registry import Registry
from stagepass.engine.commit import batches
from stagepass.engine.commit.choose import choose, moved_back
from stagepass.engine.commit.claims import Claim, Claimed, ClaimResult
from stagepass.engine.commit.obey import allowed_runs, unpaused, within_limits
from stagepass.engine.model.controls import NOTHING, Controls, Scope
from stagepass.engine.model.ids import run_id
from stagepass.engine.model.records import StageRun
from stagepass.engine.model.states import RunState
from stagepass.engine.model.transaction import Candidate, Ended, Outputs, Ready
from stagepass.engine.rules import attempt
from stagepass.engine.rules.unit_of_work import UnitOfWork


@dataclass(slots=True)
class _Group:
    """Claims of one worker for the same queues."""

    claims: list[tuple[int, Claim]] = field(default_factory=list)
    waiting: Sequence[Candidate] = ()
    controls: Controls = NOTHING

    @property
    def wanted(self) -> int:
        return sum(claim.limit for _, claim in self.claims)


class Claimer:
    """Of one process."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._served = ""
        """The queue that the last claim took from; the next one begins behind it."""

    def claim(self, uow: UnitOfWork, claims: Sequence[Claim], known: Outputs) -> list[ClaimResult]:
        """Carry out all claims of a transaction, and give every run that became ready in it its turn.

        Args:
            known: outputs that the operations before them had at hand.
        """
        results = [ClaimResult([]) for _ in claims]
        groups = _groups(claims)
        for number, claim in enumerate(claims):
            if not is_of_queues(claim) and (fresh := [run for run in uow.ready.values() if claim.wants(run)]):
                allowed = allowed_runs(uow, fresh, uow.tx.controls())[: claim.limit]
                results[number] = ClaimResult(self._hand_out(uow, allowed, claim.worker, known))
        for (queues, _), group in groups.items():
            found = uow.tx.candidates(queues, self._seen(queues, group)) if queues else Ready((), NOTHING)
            group.waiting, group.controls = found.candidates, found.controls
        uow.line_up(_without_ready_runs(groups))
        for (queues, worker), group in groups.items():
            for number, result in self._of_queues(uow, queues, worker, group, known):
                results[number] = result
        return results

    def _of_queues(
        self, uow: UnitOfWork, queues: tuple[str, ...], worker: str, group: _Group, known: Outputs
    ) -> list[tuple[int, ClaimResult]]:
        """The share of each claim in a group."""
        ready = [run for run in uow.ready.values() if run.queue in queues]
        stored, fresh = unpaused(group.waiting, ready, group.controls)
        formed = batches.form(self._registry, queues, stored, fresh, uow.now)
        within_limits(uow, formed, group.controls)
        taken, more, missed = self._take(uow, formed, group.wanted)
        claimed = self._hand_out(uow, taken, worker, known)
        if formed.members:
            for first in claimed:
                first.members = self._hand_out(uow, _members(uow, first.run, formed), worker, known)
        results = []
        for number, claim in group.claims:
            results.append((number, ClaimResult(claimed[: claim.limit], more, missed, formed.due_in)))
            del claimed[: claim.limit]
        return results

    def looks(self, claims: Sequence[Claim]) -> list[tuple[tuple[str, ...], int]]:
        """The looks at what is ready that these claims will need: queues, and how many runs of each."""
        return [(queues, self._seen(queues, group)) for (queues, _), group in _groups(claims).items() if queues]

    def _seen(self, queues: tuple[str, ...], group: _Group) -> int:
        return max(group.wanted, batches.widest(self._registry, queues))

    def _take(
        self, uow: UnitOfWork, formed: batches.Formed, wanted: int
    ) -> tuple[list[StageRun], frozenset[str], bool]:
        chosen, more = choose(formed.stored, formed.fresh, wanted, after=self._served)
        taken = _still_ready(uow, chosen, wanted)[:wanted]
        if taken:
            self._served = taken[-1].queue
            for run_id, turn in moved_back(formed.stored, (run.id for run in taken)).items():
                uow.move_back(run_id, turn)
        return taken, more, len(taken) < min(wanted, len(chosen))

    def _hand_out(self, uow: UnitOfWork, taken: Sequence[StageRun], worker: str, known: Outputs) -> list[Claimed]:
        for run in taken:
            attempt.claim(uow, run, uow.jobs[run.job_id], worker)
        return self._equip(uow, taken, known)

    def _equip(self, uow: UnitOfWork, taken: Sequence[StageRun], known: Outputs) -> list[Claimed]:
        """Load the inputs of each claimed run, and the outputs that its stage declares."""
        uow.read_inputs(taken)
        needs = {run.id: self._needed(run) for run in taken}
        wanted = {
            (run.job_id, stage)
            for run in taken
            for stage in needs[run.id]
            if stage not in known.get(run.job_id, {}) or None not in known[run.job_id][stage]
        }
        stored = uow.tx.outputs(sorted(wanted)) if wanted else {}
        for job_id, stage in wanted:  # what ended in this very transaction is not stored yet
            for run in uow.ended_runs(job_id, stage):
                stored.setdefault(job_id, {}).setdefault(stage, {})[run.item] = (run.output or None, run.error)
        own = self._undone(uow, taken)
        return [
            Claimed(
                run=run,
                job=uow.jobs[run.job_id],
                token=run.token or "",
                outputs={**stored.get(run.job_id, {}), **known.get(run.job_id, {}), **own.get(run.id, {})},
            )
            for run in taken
        ]

    def _undone(self, uow: UnitOfWork, taken: Sequence[StageRun]) -> dict[str, dict[str, dict[int | None, Ended]]]:
        """By run of an undo: the output of the run that it undoes."""
        undoes: dict[str, tuple[str, int | None, str]] = {}
        for run in taken:
            stage = self._registry.stage(run.pipeline, run.version, run.stage)
            if stage is not None and stage.undoes and any(p.source == "own" for p in stage.parameters):
                undoes[run.id] = (stage.undoes.name, run.item, run_id(run.job_id, stage.undoes.name, run.item))
        texts = uow.run_outputs([undone for _, _, undone in undoes.values()]) if undoes else {}
        return {own: {name: {item: (texts.get(undone), None)}} for own, (name, item, undone) in undoes.items()}

    def _needed(self, run: StageRun) -> set[str]:
        stage = self._registry.stage(run.pipeline, run.version, run.stage)
        if stage is None:
            return set()
        return {p.name for p in (*stage.parameters, *stage.when_parameters) if p.source == "stage"}


def is_of_queues(claim: Claim) -> bool:
    """Whether it looks at what is ready, rather than for what its own transaction makes ready."""
    return claim.job_id is None and claim.only is None


def _groups(claims: Sequence[Claim]) -> dict[tuple[tuple[str, ...], str], _Group]:
    groups: dict[tuple[tuple[str, ...], str], _Group] = defaultdict(_Group)
    for number, claim in enumerate(claims):
        if is_of_queues(claim):
            groups[(claim.queues, claim.worker)].claims.append((number, claim))
    return groups


def _without_ready_runs(groups: dict[tuple[tuple[str, ...], str], _Group]) -> set[str]:
    """Queues in which nothing stored is ready."""
    if any(pause.scope is Scope.OWNER for group in groups.values() for pause in group.controls.pauses):
        return set()  # what those owners have in a queue was not looked at
    busy = {candidate.queue for group in groups.values() for candidate in group.waiting}
    return {queue for queues, _ in groups for queue in queues if queue not in busy}


def _still_ready(uow: UnitOfWork, ids: Sequence[str], wanted: int) -> list[StageRun]:
    """These runs in this order, without those that another process has taken or holds."""
    stored = [run_id for run_id in ids if run_id not in uow.ready]
    for run, job in uow.tx.take(stored, wanted) if stored else ():
        uow.adopt(run, job)
    found = [uow.runs[run_id] for run_id in ids if run_id in uow.runs]
    return [run for run in found if run.state is RunState.READY and run.job_id in uow.jobs]


def _members(uow: UnitOfWork, first: StageRun, formed: batches.Formed) -> list[StageRun]:
    """The others of a batch, as far as they are free."""
    ids = [] if first.notes.alone else formed.members.get(first.id, [])
    return [run for run in _still_ready(uow, ids, len(ids)) if batches.fits(run, first)]
