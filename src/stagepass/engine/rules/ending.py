"""A job that fails or is cancelled ends; one with something to clean up does that first, and reports its end after it.

failed, or ──▶ `job.ending`: what has not begun is stopped, what runs may finish
cancelled      undo          when nothing runs any more: the undo of each finished run, the last stage's first
               on_failure    of a failed job, after them
          ──▶ job.failed, job.cancelled

Each of these is a stage run like any other. One that fails for good is a dead letter, and the others continue.
"""

from typing import Any

from stagepass.declare.pipeline import Pipeline
from stagepass.declare.stage import Stage
from stagepass.engine.model.records import Job, StageRun, Tally
from stagepass.engine.model.states import ENDED, STOPPED, JobState, RunState
from stagepass.engine.rules.graph import add_run, end_job, settle_held
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.sentences import as_stored, sentence

R, J = RunState, JobState

_EVENT = {J.FAILED: "job.failed", J.CANCELLED: "job.cancelled"}


def end(uow: UnitOfWork, job: Job, state: JobState) -> None:
    """End a job as failed or cancelled; one with something to clean up ends after that."""
    pipeline, asked = uow.registry.find(job.pipeline, job.version), job.cancel_requested
    if pipeline is not None and pipeline.handlers_for(state.value):
        job.ending, job.cancel_requested = state, False
        if _go_on(uow, job, pipeline):
            if job.state is J.HELD:
                uow.move_job(job, J.RUNNING)
            uow.emit(job, "job.ending", state=state.value, **_reason(job, state))
            return
        job.cancel_requested = asked
    _conclude(uow, job, state)


def carry_on(uow: UnitOfWork, job: Job) -> None:
    """A run of a job that is ending is over: what comes next, or the end."""
    if job.ending is None or job.state in ENDED:
        return
    pipeline = uow.registry.find(job.pipeline, job.version)
    if pipeline is not None and _go_on(uow, job, pipeline):
        settle_held(uow, job)
    else:
        job.cancel_requested = False
        _conclude(uow, job, job.ending)


def handler_over(uow: UnitOfWork, run: StageRun, job: Job) -> None:
    """A run of an undo or of `on_failure` is over, however it ended."""
    job.tally[run.stage].done += 1
    uow.touch_job(job)
    carry_on(uow, job)


def undo_stages(job: Job, pipeline: Pipeline) -> list[Stage]:
    """The undo stages that have begun. Where there is one, the job cannot continue any more."""
    begun = [(handler, job.tally.get(handler.name)) for handler in pipeline.undos]
    return [handler for handler, tally in begun if tally is not None and tally.total]


def _go_on(uow: UnitOfWork, job: Job, pipeline: Pipeline) -> bool:
    """Start the next handler, unless one is under way. False when the last one is over."""
    assert job.ending is not None
    for handler in pipeline.handlers_for(job.ending.value):
        tally = job.tally.get(handler.name)
        if tally is None:
            if handler.role == "undo" and uow.runs_in(job.id, {R.RUNNING}):
                return True  # what runs may still finish, and is undone then
            tally = _start(uow, job, handler)
        if not tally.all_done:
            return True
    return False


def _start(uow: UnitOfWork, job: Job, handler: Stage) -> Tally:
    """Make the runs of a handler, as many as there is to do."""
    undoes, items = handler.undoes, dict[int | None, str | None]({None: None})
    if undoes is not None:
        finished = [run for run in uow.runs_in(job.id, {R.COMPLETED}) if run.stage == undoes.name]
        reads_item = any(parameter.source == "item" for parameter in handler.parameters)
        inputs = uow.tx.item_inputs([run.id for run in finished]) if reads_item and finished else {}
        items = {run.item: inputs.get(run.id) for run in finished}
    job.tally[handler.name] = tally = Tally(len(items))
    for item, item_input in items.items():
        add_run(uow, job, handler, item, item_input, cleanup=True)
    uow.touch_job(job)
    return tally


def _conclude(uow: UnitOfWork, job: Job, state: JobState) -> None:
    job.ending = None
    if undone := _undone(uow, job):
        job.error = {**(job.error or _cancelled()), **undone}
    end_job(uow, job, state, _EVENT[state], **_reason(job, state), **undone)


def _cancelled() -> dict[str, Any]:
    message = sentence("the job was cancelled, and what it had done was undone")
    return {"code": "cancelled", "message": message, "said": {"message": as_stored(message)}}


def _reason(job: Job, state: JobState) -> dict[str, Any]:
    error = job.error if state is J.FAILED and job.error else {}
    return {name: error.get(name) for name in ("code", "message", "provider", "advice", "stage", "item")}


def _undone(uow: UnitOfWork, job: Job) -> dict[str, list[str]]:
    """Stages whose runs were undone, and those of which one was not."""
    pipeline = uow.registry.find(job.pipeline, job.version)
    begun = undo_stages(job, pipeline) if pipeline is not None else []
    if not begun:
        return {}
    failed = {run.stage for run in uow.runs_in(job.id, STOPPED)}
    found: dict[str, list[str]] = {}
    for handler in begun:
        found.setdefault("not_undone" if handler.name in failed else "undone", []).append(handler.after[0].name)
    return found
