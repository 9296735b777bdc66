"""Stops the runs of a job after a cancel or a sibling's failure."""

from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import ENDED, OPEN, JobState, RunState
from stagepass.engine.rules.ending import carry_on, end, handler_over
from stagepass.engine.rules.graph import leave, leave_children
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import Conflict
from stagepass.sentences import sentence

R, J = RunState, JobState

NOT_RUNNING = OPEN - {R.RUNNING}

LONGEST_TEXT = 2000
"""Characters of an error's text that are kept."""


def cancel(uow: UnitOfWork, job: Job) -> Job:
    """Stop what is queued or waits at once; what runs, at its next `ctx` call.

    Of a job that is ending only `on_failure` is stopped; an undo continues.
    """
    if job.state in ENDED:
        raise Conflict(sentence("the job is already {state}", state=job.state), state=job.state.value)
    if job.cancel_requested or (job.ending and not _in_on_failure(uow, job)):
        return job
    job.cancel_requested = True
    uow.touch_job(job)
    runs = uow.runs_in(job.id, OPEN)
    if any(run.state is R.RUNNING for run in runs):
        uow.emit(job, "job.cancelling")
    for run in runs:
        if run.state is not R.RUNNING:
            _cancel_run(uow, run, job)
    finish_cancel(uow, job)
    if job.state is J.HELD:  # a worker calls `on_cancel` first
        uow.move_job(job, J.RUNNING)
    return job


def _in_on_failure(uow: UnitOfWork, job: Job) -> bool:
    pipeline = uow.registry.find(job.pipeline, job.version)
    handlers = pipeline.handlers.values() if pipeline is not None else ()
    return any(handler.role == "on_failure" and handler.name in job.tally for handler in handlers)


def _cancel_run(uow: UnitOfWork, run: StageRun, job: Job, *, emit: bool = True) -> None:
    """End a run; where something was begun elsewhere, a worker calls the stage's `on_cancel` first."""
    stage = uow.registry.stage(run.pipeline, run.version, run.stage)
    begun = run.attempts > 0 and stage is not None and stage.cancel is not None
    if begun and not run.notes.cancelling and job.cancel_requested:
        run.notes.cancelling = run.notes.resumes = True
        run.due_at = uow.now
        if run.state is not R.READY:
            leave(uow, run, R.READY)
        else:
            uow.touch_run(run)
        return
    run.notes.cancelling = False
    leave(uow, run, R.CANCELLED)
    leave_children(uow, run)
    run.finished_at = uow.now
    if emit and job.state not in ENDED:
        uow.emit(job, "stage.cancelled", run)
    if run.notes.cleanup:
        handler_over(uow, run, job)


def finish_cancel(uow: UnitOfWork, job: Job) -> None:
    if job.ending:
        carry_on(uow, job)
        return
    if not job.cancel_requested or job.state in ENDED:
        return
    if not uow.runs_in(job.id, OPEN):
        end(uow, job, J.CANCELLED)


def cancelled(uow: UnitOfWork, run: StageRun, job: Job, reason: str) -> None:
    """The stage itself stopped, for the owner or by its own decision."""
    uow.note_attempt(run, "cancelled")
    asked = job.cancel_requested or job.ending
    _cancel_run(uow, run, job)
    if not asked and job.state not in ENDED:
        job.cancel_requested = True
        message = reason[:LONGEST_TEXT]
        job.error = {"code": "cancelled", "message": message, "stage": run.stage} if reason else None
        for other in uow.runs_in(job.id, NOT_RUNNING):
            _cancel_run(uow, other, job)
    finish_cancel(uow, job)


def stopped(uow: UnitOfWork, run: StageRun, job: Job) -> bool:
    """Whether the job no longer needs the run: it was cancelled, has ended or is ending."""
    if job.needs(run):
        return False
    _cancel_run(uow, run, job)
    finish_cancel(uow, job)
    return True


def stop_others(uow: UnitOfWork, job: Job) -> None:
    """Stages side by side with a failed one: what has not begun is stopped; what runs may finish, and is kept."""
    if sum(tally.total - tally.done for tally in job.tally.values()) <= 1:
        return
    for other in uow.runs_in(job.id, NOT_RUNNING):
        _cancel_run(uow, other, job, emit=False)
