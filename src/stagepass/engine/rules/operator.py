"""Operators' commands on stopped work: resume, decide, retry, discard."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stagepass.declare.pipeline import Pipeline
from stagepass.declare.stage import Stage
from stagepass.declare.tags import MOST
from stagepass.engine.model.ids import run_id, stage_of
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.records import Job, Memo, StageRun, Tally
from stagepass.engine.model.run_notes import EVERY, RunNotes
from stagepass.engine.model.states import ENDED, OPEN, STOPPED, JobState, RunState
from stagepass.engine.rules.ending import undo_stages
from stagepass.engine.rules.graph import advance, leave_children, start
from stagepass.engine.rules.orders import ByRun, orders_of, refuse_open, refuse_purchase
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import Conflict, InvalidInput, NotFound
from stagepass.sentences import sentence

R, J = RunState, JobState


def resume(uow: UnitOfWork, job: Job, *, anew: Anew = Anew.NO) -> Job:
    """Resume a failed, cancelled or held job. Finished stages are kept.

    Of a job that was undone, only what cleaned up and failed is sent again.

    Args:
        anew: give up the orders of the stages that are sent again.

    Raises:
        Conflict: also if everything was undone.
    """
    if job.state not in (J.FAILED, J.CANCELLED, J.HELD):
        raise Conflict(
            sentence("only a failed, cancelled or held job can be resumed; this one is {state}", state=job.state),
            state=job.state,
        )
    pipeline = _pipeline(uow, job)
    runs = uow.runs_in(job.id, STOPPED | {R.HELD})
    again = sent_again(job, pipeline, runs)
    if not again and undo_stages(job, pipeline):
        raise _undone()
    held = anew is not Anew.FORCE and any(run.state is R.HELD for run in again)
    if held and uow.tx.open_calls([run.id for run in again]):
        raise Conflict(
            sentence(
                "a call that may have been billed was interrupted; decide on it first: keep its value, or repeat it"
            ),
            runs=[run.id for run in again],
        )
    if anew is not Anew.NO:
        refuse_open(uow, orders_of(uow, job, again), anew)
        for run in again:
            _give_up(uow, run)
    if job.ending or undo_stages(job, pipeline):
        return _clean_up_again(uow, job, again, anew)
    _drop_on_failure(uow, job, pipeline)
    _reopen(uow, job, kept=sorted(name for name in job.tally if job.done(name)), anew=anew)
    for run in again:
        _send_again(uow, run, job)
    for stage in pipeline.stages.values():
        if stage.name in job.tally:
            advance(uow, job, stage)
    return job


def sent_again(job: Job, pipeline: Pipeline | None, runs: Iterable[StageRun]) -> list[StageRun]:
    """Of these runs of a job, those that `resume` sends again."""
    cleanup = bool(job.ending or (pipeline is not None and undo_stages(job, pipeline)))
    return [run for run in runs if run.notes.cleanup is cleanup and (is_stopped(job, run) or run.state is R.HELD)]


def _clean_up_again(uow: UnitOfWork, job: Job, again: Sequence[StageRun], anew: Anew) -> Job:
    """Send what cleans up again; the job ends as it had ended."""
    if job.ending is None:
        job.ending = job.state
        kept = sorted(name for name in job.tally if job.done(name) and not any(run.stage == name for run in again))
        error = {name: value for name, value in (job.error or {}).items() if name not in ("undone", "not_undone")}
        _reopen(uow, job, kept=kept, anew=anew, error=error or None)
    elif job.state is J.HELD:
        uow.move_job(job, J.RUNNING)
    for run in again:
        if run.state is not R.HELD:
            job.tally[run.stage].done -= 1
        _send_again(uow, run, job)
    return job


def _drop_on_failure(uow: UnitOfWork, job: Job, pipeline: Pipeline) -> None:
    """The failure that it ran for is over; the next one is another one."""
    for handler in pipeline.handlers.values():
        if job.tally.pop(handler.name, None) is not None:
            for run in uow.runs_in(job.id, frozenset(RunState)):
                if run.stage == handler.name:
                    _give_up(uow, run)
                    uow.drop_run(run)


def _undone() -> Conflict:
    return Conflict(
        sentence("what this job did was undone, so it cannot continue; submit its input again"), reason="undone"
    )


def tag(uow: UnitOfWork, job: Job, *, tags: Mapping[str, str | None]) -> Job:
    """Set tags beside those that the job has; None removes one. Raises `InvalidInput` for too many."""
    known = {**uow.tx.tags(job.id), **tags}
    if sum(value is not None for value in known.values()) > MOST:
        raise InvalidInput(sentence("a job has at most {most} tags", most=MOST), field="tags")
    uow.set_tags(job.id, tags)
    return job


def _give_up(uow: UnitOfWork, run: StageRun) -> None:
    """Forget what a run has bought, and stop what it has started."""
    uow.forget(run.id)
    uow.return_messages(run.id)
    leave_children(uow, run)


def _reopen(uow: UnitOfWork, job: Job, *, kept: list[str], anew: Anew, error: dict[str, Any] | None = None) -> None:
    job.error, job.finished_at, job.cancel_requested = error, None, False
    uow.move_job(job, J.RUNNING)
    uow.emit(job, "job.resumed", kept=kept, anew=None if anew is Anew.NO else anew.value)


def is_stopped(job: Job, run: StageRun) -> bool:
    """Whether it can be sent again; a failed item that its whole stage has done without is left as it is."""
    return run.state in STOPPED and not (run.notes.counted and job.done(run.stage))


def _send_again(uow: UnitOfWork, run: StageRun, job: Job) -> None:
    """Ready, with a full budget of attempts; its memos stay, so nothing is bought again."""
    if run.notes.counted and run.stage in job.tally:
        job.tally[run.stage].done -= 1
        uow.touch_job(job)
    run.notes = RunNotes(again=[EVERY] if run.attempts else [], cleanup=run.notes.cleanup)
    run.crashes, run.progress = 0, 0.0
    run.started_at = run.finished_at = run.error = run.message = None
    run.due_at = uow.now
    uow.move_run(run, R.READY)


def decide(uow: UnitOfWork, run: StageRun, job: Job, *, name: str, value: str | None) -> Job:
    """A person decided on a call with an unknown outcome: the held run continues.

    Args:
        name: of the call's memo.
        value: what the call gave, as JSON; None allows to make it again.
    """
    memo = uow.tx.memo(run.id, name)
    if memo is None or memo.value is not None:
        what = sentence("if its answer has arrived, resume the job")
        raise NotFound(
            sentence(
                "the stage run {run} has no undecided call {name}; {what}", run=run.id, name=f"{name!r}", what=what
            ),
            name=name,
        )
    if run.state is not R.HELD:
        raise Conflict(sentence("this stage run is {state}, not held", state=run.state), state=run.state.value)
    _send_again(uow, run, job)
    if job.state is J.HELD:
        uow.move_job(job, J.RUNNING)
    uow.emit(job, "stage.decided", run)
    if value is None:
        uow.forget(run.id, name)
    else:
        uow.note_memo(Memo(run.id, name, memo.token, value, uow.now))
    return job


def retry_stage(uow: UnitOfWork, job: Job, *, name: str, anew: Anew = Anew.NO) -> Job:
    """Make a stage again from the stored results before it, and then all that comes after it.

    A run that has bought something goes on with that: it waits for the order, or fetches its result once more.

    Args:
        anew: give up what the stage and those after it had bought.
    """
    pipeline = _pipeline(uow, job)
    stage = pipeline.stages.get(name)
    if stage is None:
        raise NotFound(
            sentence(
                "{pipeline} has no stage {name}; its stages: {stages}",
                pipeline=job.pipeline,
                name=f"{name!r}",
                stages=", ".join(pipeline.stages),
            ),
            field="stage",
        )
    missing = [parent.name for parent in stage.after if not job.done(parent.name)]
    if missing:
        raise Conflict(
            sentence(
                "{name} needs the result of {missing}, which has not finished", name=name, missing=", ".join(missing)
            ),
            missing=missing,
        )
    if undo_stages(job, pipeline):
        raise _undone()
    if job.ending:
        raise _is_ending(job)
    if job.cancel_requested and job.state not in ENDED:
        raise Conflict(sentence("the job is being cancelled; wait until it has stopped"), state=job.state.value)
    again = {stage.name, *(other.name for other in pipeline.downstream(stage))}
    runs = uow.runs_in(job.id, frozenset(RunState))
    busy = sorted({run.stage for run in runs if run.stage in again and run.state is R.RUNNING})
    if busy:
        raise Conflict(
            sentence("{busy} is running; cancel the job or wait until it ends", busy=", ".join(busy)), busy=busy
        )
    orders = _orders_again(uow, job, stage, again, runs, anew)
    _drop_on_failure(uow, job, pipeline)
    runs = [run for run in runs if not run.notes.cleanup]
    for run in runs:
        if run.stage in again:
            if run.id not in orders:
                _give_up(uow, run)
            if run.stage != name or stage.mapped:
                uow.drop_run(run)
            else:
                _reset(uow, run, job)
    for gone in again:
        job.tally.pop(gone, None)
    kept = sorted(other for other in job.tally if job.done(other))
    job.keeps_orders = job.keeps_orders or bool(orders)
    _reopen(uow, job, kept=kept, anew=anew)
    if not stage.mapped and run_id(job.id, name) in uow.runs:
        job.tally[name] = Tally(1)
    else:
        start(uow, job, stage, hold=False)
    for run in runs:  # branches beside it that a failure had stopped
        if run.stage not in again and is_stopped(job, run):
            _send_again(uow, run, job)
    for other in pipeline.stages.values():
        if other.name in job.tally:
            advance(uow, job, other)
    return job


def _orders_again(
    uow: UnitOfWork, job: Job, stage: Stage, again: set[str], runs: Sequence[StageRun], anew: Anew
) -> ByRun:
    """The orders that a stage to be run again, and the stages after it, keep; none if they are given up."""
    mine = [run for run in runs if run.stage in again]
    orders = orders_of(uow, job, mine, others=[run_id(job.id, other) for other in again])
    orders = {run_id: some for run_id, some in orders.items() if stage_of(run_id) in again}
    if anew is not Anew.NO:
        refuse_open(uow, orders, anew)
        for gone in orders:
            uow.forget(gone)
        return {}
    if not any(stage_of(run_id) == stage.name for run_id in orders):
        # it makes something else now, of which what was bought for the stages after it is not
        refuse_purchase(job, stage.name, (order for some in orders.values() for order in some))
    return orders


def _reset(uow: UnitOfWork, run: StageRun, job: Job) -> None:
    run.output, run.progress = None, 0.0
    if run.state in OPEN:
        run.notes = RunNotes(again=[EVERY] if run.attempts else [])
        run.crashes, run.due_at = 0, uow.now
        run.started_at = run.error = run.message = None
        if run.state is R.READY:
            uow.touch_run(run)
        else:
            uow.move_run(run, R.READY)
    else:
        _send_again(uow, run, job)


def redrive(uow: UnitOfWork, run: StageRun, job: Job, *, anew: Anew = Anew.NO) -> Job:
    """Send a dead letter again, with what its job had stopped beside it. `anew` as in `resume`."""
    if run.state not in (R.FAILED, R.DISCARDED):
        raise Conflict(
            sentence("the stage run {run} is not a dead letter: it is {state}", run=run.id, state=run.state),
            run_id=run.id,
        )
    if job.ending and not run.notes.cleanup:
        raise _is_ending(job)
    if not run.notes.cleanup and undo_stages(job, _pipeline(uow, job)):
        raise _undone()
    if run.notes.cleanup and (job.ending or not undo_stages(job, _pipeline(uow, job))):
        return _clean_up_again(uow, job, [run], anew)
    if not is_stopped(job, run):
        raise Conflict(
            sentence(
                "the job continued without this item of {stage}, and later stages used the other items; to "
                "include it, run the whole stage again: retry {stage}",
                stage=run.stage,
            ),
            run_id=run.id,
            stage=run.stage,
        )
    return resume(uow, job, anew=anew)


def _is_ending(job: Job) -> Conflict:
    return Conflict(sentence("the job is cleaning up; wait until it has ended"), state=job.state.value)


def discard(uow: UnitOfWork, run: StageRun, job: Job) -> Job:
    """Give a dead letter up; the job stays failed and its other results stay."""
    if run.state is not R.FAILED:
        raise Conflict(sentence("this stage run is {state}, not failed", state=run.state), state=run.state.value)
    uow.move_run(run, R.DISCARDED)
    uow.emit(job, "stage.discarded", run)
    return job


def _pipeline(uow: UnitOfWork, job: Job) -> Pipeline:
    pipeline = uow.registry.find(job.pipeline, job.version)
    if pipeline is None:
        raise Conflict(
            sentence(
                "this process does not have {pipeline} version {version}; use one that does",
                pipeline=job.pipeline,
                version=job.version,
            )
        )
    return pipeline
