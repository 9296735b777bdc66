"""Operations of bulk operations: each page is one transaction with its place, so that none is done twice or left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from stagepass.engine.commit.operation import Operation
from stagepass.engine.model.actors import Act
from stagepass.engine.model.bulk import REFUSALS_KEPT, Bulk, BulkAct, BulkState, as_stored
from stagepass.engine.model.ids import job_of
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import RunState
from stagepass.engine.rules import operator, stop
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import Conflict, NotFound, RequestError
from stagepass.sentences import sentence


@dataclass(slots=True)
class StartBulk(Operation):
    """Store a bulk operation; a relay carries it out."""

    bulk: Bulk

    def apply(self, uow: UnitOfWork) -> Bulk:
        bulk = self.bulk
        if (there := uow.tx.bulk(bulk.id)) is not None:
            return there
        uow.save_bulk(bulk)
        after = {"act": bulk.act.value, "total": bulk.total, "usd": bulk.usd, "filter": as_stored(bulk.selection)}
        act = Act("bulk", bulk.by, bulk_id=bulk.id)
        uow.note_act(act, f"bulk:{bulk.id}", None, None, after, owner=bulk.selection.owner)
        return bulk


@dataclass(slots=True)
class StopBulk(Operation):
    """End a bulk operation where it stands. What it has done stays done."""

    id: str
    act: Act | None

    def apply(self, uow: UnitOfWork) -> Bulk:
        bulk = uow.tx.bulk(self.id)
        if bulk is None:
            raise NotFound(sentence("there is no bulk operation {id}", id=self.id), id=self.id)
        if bulk.state is not BulkState.RUNNING:
            raise Conflict(sentence("this bulk operation has ended"), state=bulk.state.value)
        ended = replace(bulk, state=BulkState.STOPPED, finished_at=uow.now, updated_at=uow.now)
        uow.save_bulk(ended)
        if self.act is not None:
            act = replace(self.act, bulk_id=bulk.id)
            uow.note_act(act, f"bulk:{bulk.id}", None, {"state": "running"}, {"state": "stopped", "done": bulk.done})
        return ended


@dataclass(slots=True)
class BulkStep(Operation):
    """Carry out one page. Returns whether the operation still runs and stood where the caller thought."""

    failpoint: ClassVar[str] = "bulk"
    patience: ClassVar[float] = 30.0
    answer_within: ClassVar[float | None] = None
    bulk: Bulk
    targets: Sequence[str]
    """Ids of jobs or of dead letters, in order; none: it is done."""

    def jobs(self) -> Sequence[str]:
        return tuple(dict.fromkeys(map(job_of, self.targets)))

    def runs(self) -> Sequence[str]:
        return tuple(self.targets) if self.bulk.act.on_dead_letters else ()

    def apply(self, uow: UnitOfWork) -> bool:
        stored = uow.tx.bulk(self.bulk.id)
        if stored is None or stored.state is not BulkState.RUNNING or stored.position != self.bulk.position:
            return False
        refusals: dict[str, str] = {}
        for target in self.targets:
            try:
                self._act_on(uow, target)
            except RequestError as refusal:
                refusals[target] = refusal.message
        room = REFUSALS_KEPT - len(stored.refusals)
        stored.refusals |= dict(list(refusals.items())[:room])
        stored.refused += len(refusals)
        stored.done += len(self.targets) - len(refusals)
        stored.updated_at = uow.now
        if self.targets:
            stored.position = self.targets[-1]
        else:
            stored.state, stored.finished_at = BulkState.DONE, uow.now
        uow.save_bulk(stored)
        return True

    def _act_on(self, uow: UnitOfWork, target: str) -> None:
        job = uow.jobs.get(job_of(target))
        if job is None:  # deleted meanwhile
            raise NotFound(sentence("there is no job {job}", job=job_of(target)))
        act = Act(self.bulk.act.value, self.bulk.by, self._details(), self.bulk.id)
        if self.bulk.act.on_dead_letters:
            run = uow.runs.get(target)
            if run is None or run.state is not RunState.FAILED:
                return  # sent again with another dead letter of its job, or by a person
            before = run.state.value
            if self.bulk.act is BulkAct.REDRIVE:
                operator.redrive(uow, run, job, anew=self.bulk.anew)
            else:
                operator.discard(uow, run, job)
            uow.note_act(act, f"run:{run.id}", job, before, run.state.value)
        else:
            before = job.state.value
            self._on_job()(uow, job)
            uow.note_act(act, f"job:{job.id}", job, before, job.state.value)

    def _on_job(self) -> Callable[[UnitOfWork, Job], Any]:
        match self.bulk.act:
            case BulkAct.CANCEL:
                return stop.cancel
            case BulkAct.RESUME:
                return partial(operator.resume, anew=self.bulk.anew)
        return partial(operator.tag, tags=self.bulk.tags)

    def _details(self) -> dict[str, Any]:
        return {"tags": self.bulk.tags} if self.bulk.tags else {}
