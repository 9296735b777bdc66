"""Building the graph: what begins when something is done, and when a job has ended."""

import json
from typing import Any

from stagepass.declare.stage import Stage
from stagepass.engine.model.ids import run_id
from stagepass.engine.model.records import Job, StageRun, Tally
from stagepass.engine.model.states import ENDED, OPEN, JobState, RunState
from stagepass.engine.rules.unit_of_work import UnitOfWork

R, J = RunState, JobState

MOST_CHILDREN = 100_000
"""Of one stage run; more than are ever begun."""


def start(uow: UnitOfWork, job: Job, stage: Stage, *, delay: float = 0.0, hold: bool) -> None:
    """Make the runs of a stage whose predecessors are done."""
    if stage.mapped:
        items = _items(uow, job, stage)
        job.tally[stage.name] = Tally(len(items))
        for number, item in enumerate(items):
            add_run(uow, job, stage, number, json.dumps(item, ensure_ascii=False), delay, hold)
        if not items:
            advance(uow, job, stage)
    else:
        job.tally[stage.name] = Tally(1)
        add_run(uow, job, stage, None, None, delay, hold)
    uow.touch_job(job)


def add_run(
    uow: UnitOfWork,
    job: Job,
    stage: Stage,
    item: int | None,
    item_input: str | None,
    delay: float = 0.0,
    hold: bool = False,
    *,
    cleanup: bool = False,
) -> None:
    """Make one run of a stage; `cleanup` for one outside of the graph."""
    run = StageRun(
        id=run_id(job.id, stage.name, item),
        job_id=job.id,
        pipeline=job.pipeline,
        version=job.version,
        stage=stage.name,
        queue=stage.queue,
        owner=job.owner,
        created_at=uow.now,
        item=item,
        item_input=item_input,
        priority=job.priority if job.across else 0,
        urgency=job.priority,
        due_at=uow.now + int(delay * 1000),
        state=R.HELD if hold else R.WAITING if delay > 0 else R.READY,
    )
    run.notes.keeps_orders, run.notes.cleanup = job.keeps_orders, cleanup
    if hold:
        run.notes.step = True
        note_hold(run, job)
    uow.add_run(run)


def _items(uow: UnitOfWork, job: Job, stage: Stage) -> list[Any]:
    assert stage.over is not None
    source, path = stage.over
    run = uow.runs.get(run_id(job.id, source.name))
    text = run.output if run is not None else None
    if not text:
        stored = uow.tx.outputs([(job.id, source.name)])
        text = stored.get(job.id, {}).get(source.name, {}).get(None, (None, None))[0]
    value = json.loads(text) if text else None
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []


def advance(uow: UnitOfWork, job: Job, stage: Stage) -> None:
    """A run of `stage` is done: start what waited for the whole stage, or end the job."""
    if not job.done(stage.name):
        settle_held(uow, job)
        return
    for following in stage.next:
        if following.name not in job.tally and all(job.done(parent.name) for parent in following.after):
            start(uow, job, following, hold=job.stepwise)
            if job.stepwise and job.tally[following.name].total:
                uow.emit(job, "job.held", reason="step", next=following.name)
    pipeline = uow.registry.find(job.pipeline, job.version)
    if pipeline and job.state not in ENDED and all(job.done(name) for name in pipeline.stages):
        end_job(uow, job, J.COMPLETED, "job.completed")
    settle_held(uow, job)


def end_job(uow: UnitOfWork, job: Job, state: JobState, event: str, **data: Any) -> None:
    if job.state is J.QUEUED and state is not J.CANCELLED:
        uow.move_job(job, J.RUNNING)
    uow.move_job(job, state)
    job.finished_at = uow.now
    uow.emit(job, event, **data)
    if job.parent is not None:
        uow.woken.append(job.parent)


def leave(uow: UnitOfWork, run: StageRun, to: RunState) -> None:
    uow.move_run(run, to)
    run.token = run.worker = None


def leave_children(uow: UnitOfWork, run: StageRun) -> None:
    """The child jobs of this run are no longer needed: cancel them after the commit."""
    uow.left_alone += run.notes.children
    if run.notes.begun:
        uow.left_alone += uow.tx.open_children(run.id, MOST_CHILDREN)


def note_hold(run: StageRun, job: Job) -> None:
    """One more run of the stage may be held. The number saves reading all runs to see whether the job is."""
    tally = job.tally[run.stage]
    if tally.most_held is not None:
        tally.most_held += 1


def settle_held(uow: UnitOfWork, job: Job) -> None:
    """Hold the job if nothing in it can continue until a person decides."""
    pipeline = uow.registry.find(job.pipeline, job.version) if job.ending else None
    own = pipeline.handlers if pipeline is not None else job.tally
    unfinished = [tally for name, tally in job.tally.items() if name in own and not tally.all_done]
    held = [tally.most_held for tally in unfinished if tally.most_held != 0]
    if not held or job.state is not J.RUNNING or job.cancel_requested:
        return
    left = sum(tally.total - tally.done for tally in unfinished)
    if None not in held and left > sum(most for most in held if most is not None):
        return  # too many to keep all of them
    states = {run.state for run in uow.runs_in(job.id, OPEN)}
    if states == {R.HELD}:
        uow.move_job(job, J.HELD)
