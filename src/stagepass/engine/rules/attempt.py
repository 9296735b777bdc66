"""An attempt begins, and ends: claim, then complete, wait, fail, hold, release, park or rescue."""

from collections.abc import Sequence
from typing import Any

from stagepass.declare.stage import Stage
from stagepass.engine.model.ids import new_token
from stagepass.engine.model.outcomes import Completed, Failure, Held, Skipped, Unknown, Waiting
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import ENDED, TIMED, JobState, RunState
from stagepass.engine.rules.ending import carry_on, end, handler_over
from stagepass.engine.rules.graph import advance, leave, leave_children, note_hold, settle_held
from stagepass.engine.rules.stop import LONGEST_TEXT, finish_cancel, stop_others, stopped
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import StageError, WorkerLost
from stagepass.sentences import as_stored, sentence
from stagepass.spans import in_words
from stagepass.text import clean

R, J = RunState, JobState

LONGEST_PARK = 15.0
"""Seconds between two offers of a parked run. The first come sooner: during a release both versions run."""


def claim(uow: UnitOfWork, run: StageRun, job: Job, worker: str) -> None:
    """Hand a ready run to a worker. The token is the proof that it is its own."""
    uow.move_run(run, R.RUNNING)
    run.token, run.worker = new_token(), worker
    if uow.registry.stage(run.pipeline, run.version, run.stage) is None:
        return  # it will be parked: no attempt begins
    notes = run.notes
    notes.claims += 1
    ready_at = run.due_at if notes.idle_since is None else notes.idle_since
    _leave_out_idle(uow, run)
    if notes.resumes:
        notes.resumes = False
    else:
        run.attempts += 1
        run.attempt_at = uow.now
        notes.idle_attempt = 0
        if run.started_at is None:
            run.started_at = uow.now
        run.error = None
        uow.measure("stagepass_stage_run_wait_seconds", uow.now - ready_at, run.queue)
        if notes.lost_at is not None:
            uow.measure("stagepass_recovery_seconds", uow.now - notes.lost_at)
            notes.lost_at = None
        if not notes.cancelling:
            uow.emit(job, "stage.started", run, attempt=run.attempts)
    if job.state is J.QUEUED:
        uow.move_job(job, J.RUNNING)


def _leave_out_idle(uow: UnitOfWork, run: StageRun) -> None:
    """Exclude the time a started run waited for a slot, a provider's limit or a worker with its version."""
    notes = run.notes
    since = run.due_at if notes.idle_since is None else notes.idle_since
    notes.idle_since = None
    if run.started_at is not None and since < uow.now:
        notes.idle += uow.now - since
        notes.idle_attempt += uow.now - since


def time_left(run: StageRun, stage: Stage, now: int) -> float:
    """Seconds that a claimed attempt has, by the limit of the attempt and by that of the stage run."""
    attempt = now - (run.attempt_at or now) - run.notes.idle_attempt
    return min(stage.time_limit - attempt / 1000, stage.run_limit - _used(run, now))


def _used(run: StageRun, now: int) -> float:
    """Seconds of its limit that a stage run has used since its first attempt began: its work and its own waits."""
    return (now - (run.started_at or now) - run.notes.idle) / 1000


def complete(uow: UnitOfWork, run: StageRun, job: Job, outcome: Completed | Skipped) -> None:
    """Store the output, and start the next stages."""
    skipped = isinstance(outcome, Skipped)
    run.output = None if isinstance(outcome, Skipped) else outcome.output
    run.progress, run.message, run.error = 1.0, None, None
    uow.note_attempt(run, "skipped" if skipped else "completed")
    leave(uow, run, R.SKIPPED if skipped else R.COMPLETED)
    run.finished_at = uow.now
    _count_done(uow, run, job, "stage.skipped" if skipped else "stage.completed")


def _count_done(uow: UnitOfWork, run: StageRun, job: Job, event: str, **data: Any) -> None:
    job.tally[run.stage].done += 1
    uow.touch_job(job)
    if job.state in ENDED:
        return  # kept without news; a resume tells of it
    pipeline = uow.registry.find(job.pipeline, job.version)
    uow.emit(job, event, run, **data)
    if job.ending:
        carry_on(uow, job)
    elif job.cancel_requested:
        finish_cancel(uow, job)
    elif pipeline:
        advance(uow, job, pipeline.stages[run.stage])


def wait(uow: UnitOfWork, run: StageRun, job: Job, outcome: Waiting) -> None:
    """Give the slot back until the next look is due; a signal that came meanwhile makes it due at once."""
    notes = run.notes
    notes.resumes = True
    if outcome.waits is not None:
        notes.waits = outcome.waits
    notes.looked = outcome.looked or notes.looked
    notes.awaits_all = outcome.awaits_all
    if outcome.memoless:
        notes.memoless = notes.claims
    for memo in outcome.memos:
        uow.note_intent(memo)
    streak_over(uow, run, outcome.worked)
    run.message = outcome.saying
    if stopped(uow, run, job):
        return
    if outcome.idle:
        notes.idle_since = uow.now
    notes.busy, notes.blocked_by = outcome.busy, outcome.blocked_by
    signalled, notes.unread = notes.unread, False
    run.due_at = uow.now if signalled else uow.now + int(outcome.wait * 1000)
    leave(uow, run, R.READY if signalled else R.WAITING)
    if outcome.emit:
        limit = {} if outcome.at_most is None else {"at_most": round(outcome.at_most, 1)}
        uow.emit(job, "stage.waiting", run, message=outcome.saying, seconds=round(outcome.wait, 1), **limit)


def fail(uow: UnitOfWork, run: StageRun, job: Job, outcome: Failure) -> None:
    """Try again later where that can help; else the run is a dead letter and the job has failed."""
    error = outcome.error
    run.error = describe(error, outcome.trace)
    failures, same_failures = _count_failure(uow, run, outcome)
    if not job.needs(run):
        uow.note_attempt(run, "failed", run.error)
        stopped(uow, run, job)
        return
    stage = uow.registry.stage(run.pipeline, run.version, run.stage)
    pause = (
        stage.retry.next_wait(error, failures=failures, same_failures=same_failures, dice=uow.dice) if stage else None
    )
    if stage and pause is not None and pause > stage.run_limit and error.retry_after:
        _say_too_long(error, stage)
        run.error = describe(error, outcome.trace)
    if stage and pause is not None and _used(run, uow.now) + pause <= stage.run_limit:
        uow.note_attempt(run, "retrying", run.error)
        run.due_at = uow.now + int(pause * 1000)
        leave(uow, run, R.RETRYING)
        uow.emit(
            job,
            "stage.retrying",
            run,
            code=error.code,
            message=run.error.get("message"),
            provider=error.provider,
            attempt=run.attempts,
            retries=stage.retry.left(error, failures=failures, same_failures=same_failures),
            seconds=round(pause, 1),
        )
        return
    uow.note_attempt(run, "failed", run.error)
    _fail_for_good(uow, run, job, stage, error)


def _count_failure(uow: UnitOfWork, run: StageRun, outcome: Failure) -> tuple[int, int]:
    """Failures of that call in a row, and those with this error's code; the call itself can be tried again."""
    notes, call, code = run.notes, outcome.call, outcome.error.code
    if outcome.waits is not None:
        notes.waits = outcome.waits
    notes.looked = outcome.looked or notes.looked
    if outcome.memoless:
        notes.memoless = notes.claims
    for name in outcome.drop:
        uow.forget(run.id, name)
    if outcome.again:
        notes.again = sorted({*notes.again, *outcome.again} - {f"-{again}" for again in outcome.again})
    streak_over(uow, run, [worked for worked in outcome.worked if worked != call])
    codes = notes.streaks.setdefault(call, {}) if call else notes.codes
    codes[code] = codes.get(code, 0) + 1
    if not call:
        notes.failures += 1
    return (sum(codes.values()) if call else notes.failures), codes[code]


def streak_over(uow: UnitOfWork, run: StageRun, calls: Sequence[str]) -> None:
    """These calls worked: failures before that do not count any more."""
    over = [call for call in calls if call in run.notes.streaks]
    for call in over:
        del run.notes.streaks[call]
    if over:
        uow.touch_run(run)


def _say_too_long(error: StageError, stage: Stage) -> None:
    """The provider's word on when to come back, and a stage run that may not last as long."""
    said = f"to come back after {in_words(error.retry_after or 0)}, and this stage run may take {in_words(stage.run_limit)}"
    error.message = f"{error.message or error.code}; the provider says {said}"
    error.advice = error.advice or "redrive it when that time has passed, or raise the stage's run_limit"


def _fail_for_good(uow: UnitOfWork, run: StageRun, job: Job, stage: Stage | None, error: StageError) -> None:
    leave(uow, run, R.FAILED)
    leave_children(uow, run)
    run.finished_at = uow.now
    facts = describe(error, None)
    details = {name: facts.get(name) for name in ("code", "message", "provider", "advice")}
    if run.notes.cleanup:
        uow.emit(job, "stage.failed", run, attempts=run.attempts, **details)
        handler_over(uow, run, job)
        return
    if stage and stage.mapped and stage.collect != "all":
        tally = job.tally[run.stage]
        if stage.collect == "settled" or tally.done + 1 < tally.total or uow.has_completed(job.id, run.stage):
            run.notes.counted = True
            _count_done(uow, run, job, "stage.failed", **details)
            return
    uow.emit(job, "stage.failed", run, attempts=run.attempts, **details)
    stop_others(uow, job)
    job.error = {**details, "stage": run.stage, "item": run.item, "run_id": run.id}
    end(uow, job, J.FAILED)


def hold(uow: UnitOfWork, run: StageRun, job: Job, outcome: Held) -> None:
    """Only a person can decide how to continue."""
    run.error = describe(outcome.error, None)
    uow.note_attempt(run, "held", run.error)
    if stopped(uow, run, job):
        return
    leave(uow, run, R.HELD)
    note_hold(run, job)
    uow.emit(
        job, "stage.held", run, code=outcome.error.code, message=outcome.error.message, advice=outcome.error.advice
    )
    settle_held(uow, job)


def release(uow: UnitOfWork, run: StageRun, job: Job, *, alone: bool = False) -> None:
    """Give the attempt back: its worker shuts down, or its batch is split up (`alone`)."""
    run.notes.resumes = True
    run.notes.alone = run.notes.alone or alone
    if stopped(uow, run, job):
        return
    run.due_at = uow.now
    leave(uow, run, R.READY)


def park(uow: UnitOfWork, run: StageRun, job: Job, outcome: Unknown) -> None:
    """Keep what this worker does not know: one that does fetches it, and it is offered again soon, then seldom."""
    if stopped(uow, run, job):
        return
    notes = run.notes
    if notes.idle_since is None:
        notes.idle_since = min(run.due_at, uow.now)
    times = notes.parked
    run.due_at = uow.now + int(min(LONGEST_PARK, 2.0 ** min(times, 10)) * 1000)
    notes.parked = times + 1
    run.message = outcome.reason
    leave(uow, run, R.PARKED)
    if times == 0:
        uow.emit(job, "stage.parked", run, message=outcome.reason)


def rescue(uow: UnitOfWork, run: StageRun, job: Job, lost_at: int | None = None) -> None:
    """Its worker died: another one takes over, unless too many have died.

    Args:
        lost_at: when the worker was last seen, in milliseconds.
    """
    run.crashes += 1
    error = WorkerLost(
        sentence("the worker died during {crashes} attempt(s) at this stage", crashes=run.crashes),
        advice=sentence("look for what ends the process: memory, a native library, the machine"),
    )
    uow.note_attempt(run, "worker_lost", describe(error, None))
    stage = uow.registry.stage(run.pipeline, run.version, run.stage)
    if stage is not None and stage.batch is not None:
        run.notes.alone = True  # should it be what kills workers, it takes no other with it
    if stopped(uow, run, job):
        return
    if run.crashes >= (stage.crashes if stage else 3):
        run.error = describe(error, None)
        _fail_for_good(uow, run, job, stage, error)
    else:
        run.due_at = uow.now
        run.notes.lost_at = lost_at
        leave(uow, run, R.READY)
        uow.emit(job, "stage.rescued", run, crashes=run.crashes)


def describe(error: StageError, trace: str | None) -> dict[str, Any]:
    """An error as it is stored: plain JSON, without what a provider may have echoed."""
    facts = {
        "code": error.code,
        "type": type(error).__name__,
        "message": clean(str(error.message), lines=True, most=LONGEST_TEXT),
        "provider": error.provider,
        "advice": error.advice and clean(str(error.advice), lines=True, most=LONGEST_TEXT),
        "reason": error.reason,
        "trace": trace,
        "said": _said(error) or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _said(error: StageError) -> dict[str, Any]:
    """Templates and parameters of the texts, so that they can be shown in another language."""
    stored = {"message": as_stored(error.message), "advice": as_stored(error.advice or "")}
    return {name: value for name, value in stored.items() if value is not None}


def wake(uow: UnitOfWork, run: StageRun, job: Job) -> bool:
    """Make a parked run ready now, whenever it was due. False if it has changed state meanwhile."""
    if run.state is not R.WAITING or run.notes.busy is None:
        return False
    run.due_at = uow.now
    return promote(uow, run, job)


def fetch(uow: UnitOfWork, run: StageRun, job: Job) -> bool:
    """A worker that knows what another one parked is here. False when it has moved on meanwhile."""
    if run.state is not R.PARKED or stopped(uow, run, job):
        return False
    uow.move_run(run, R.READY)
    return True


def promote(uow: UnitOfWork, run: StageRun, job: Job) -> bool:
    """Its waiting is over. False when it has moved on meanwhile."""
    if run.state not in TIMED or run.due_at > uow.now:
        return False
    if stopped(uow, run, job):  # cannot be, and would be looked at again and again
        return False
    uow.move_run(run, R.READY)
    return True
