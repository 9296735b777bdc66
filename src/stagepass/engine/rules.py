"""What happens to a job next: every move, in one place. Works on a `Book`; the caller saves it.

Accept, start and advance build the graph; claim hands a run out; complete, wait, fail, hold, release
and rescue end an attempt; resume, retry_stage, cancel and signal are what people ask for.
"""

import json
from typing import Any

from stagepass.engine.book import Book
from stagepass.engine.ids import new_token, run_id
from stagepass.engine.outcomes import Completed, Failure, Held, Skipped, Unknown, Waiting
from stagepass.engine.pipeline import Pipeline, Stage
from stagepass.engine.records import Job, StageRun
from stagepass.engine.states import ENDED, OPEN, STOPPED, TIMED, JobState, RunState
from stagepass.errors import Conflict, NotFound, StageError, WorkerLost

R, J = RunState, JobState

LONGEST_TEXT = 2000
"""Characters of an error's text that are kept."""

# ── building the graph ───────────────────────────────────────────────────────────────────────────


def accept(book: Book, pipeline: Pipeline, job: Job, *, delay: float = 0.0) -> None:
    """A new job: its first stages are ready, or become so after `delay` seconds."""
    book.add_job(job)
    book.emit(job, "job.accepted", pipeline=pipeline.name, version=pipeline.version)
    for stage in pipeline.roots:
        start(book, job, stage, delay=delay, hold=False)


def start(book: Book, job: Job, stage: Stage, *, delay: float = 0.0, hold: bool) -> None:
    """Make the runs of a stage whose predecessors are done."""
    if stage.mapped:
        items = _items(book, job, stage)
        job.tally[stage.name] = [len(items), 0]
        for number, item in enumerate(items):
            _add_run(book, job, stage, number, json.dumps(item, ensure_ascii=False), delay, hold)
        if not items:
            advance(book, job, stage)
    else:
        job.tally[stage.name] = [1, 0]
        _add_run(book, job, stage, None, None, delay, hold)
    book.touch_job(job)


def _add_run(
    book: Book, job: Job, stage: Stage, item: int | None, item_input: str | None, delay: float, hold: bool
) -> None:
    run = StageRun(
        id=run_id(job.id, stage.name, item),
        job_id=job.id,
        pipeline=job.pipeline,
        version=job.version,
        stage=stage.name,
        queue=stage.queue,
        owner=job.owner,
        created_at=book.now,
        item=item,
        item_input=item_input,
        priority=job.priority,
        due_at=book.now + int(delay * 1000),
        state=R.HELD if hold else R.WAITING if delay > 0 else R.READY,
    )
    if hold:
        run.scratch["step"] = True
        _note_hold(run, job)
    book.add_run(run)


def _items(book: Book, job: Job, stage: Stage) -> list[Any]:
    assert stage.over is not None
    source, path = stage.over
    run = book.runs.get(run_id(job.id, source.name))
    text = run.output if run is not None and run.output is not None else None
    if text is None:
        stored = book.tx.outputs([(job.id, source.name)])
        text = stored.get(job.id, {}).get(source.name, {}).get(None, (None, None))[0]
    value = json.loads(text) if text else None
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []


def advance(book: Book, job: Job, stage: Stage) -> None:
    """A run of `stage` is done: start what waited for the whole stage, or end the job."""
    if not job.done(stage.name):
        _settle_held(book, job)
        return
    for following in stage.next:
        if following.name not in job.tally and all(job.done(parent.name) for parent in following.after):
            start(book, job, following, hold=job.stepwise)
            if job.stepwise and job.tally[following.name][0]:
                book.emit(job, "job.held", reason="step", next=following.name)
    pipeline = book.registry.find(job.pipeline, job.version)
    if pipeline and job.state not in ENDED and all(job.done(name) for name in pipeline.stages):
        _end_job(book, job, J.COMPLETED, "job.completed", progress=1.0)
    _settle_held(book, job)


def _end_job(book: Book, job: Job, state: JobState, event: str, **data: Any) -> None:
    if job.state is J.QUEUED and state is not J.CANCELLED:
        book.move_job(job, J.RUNNING)
    book.move_job(job, state)
    job.finished_at = book.now
    book.emit(job, event, **data)


# ── an attempt begins ────────────────────────────────────────────────────────────────────────────


def claim(book: Book, run: StageRun, job: Job, worker: str) -> None:
    """Hand a ready run to a worker. The token is the proof that it is its own."""
    book.move_run(run, R.RUNNING)
    run.token, run.worker = new_token(), worker
    if book.registry.stage(run.pipeline, run.version, run.stage) is None:
        return  # it will be parked: no attempt begins
    run.scratch["claims"] = run.scratch.get("claims", 0) + 1
    _leave_out_idle(book, run)
    if not run.scratch.pop("resumes", False):
        run.attempts += 1
        run.attempt_at = book.now
        run.scratch.pop("idle_attempt", None)
        if run.started_at is None:
            run.started_at = book.now
        run.error = None
        if not run.scratch.get("cancelling"):
            book.emit(job, "stage.started", run, attempt=run.attempts)
    if job.state is J.QUEUED:
        book.move_job(job, J.RUNNING)


def _leave_out_idle(book: Book, run: StageRun) -> None:
    """What a begun run waited for a slot, for a provider's limit or for a worker that knows it, is not its own time."""
    since = run.scratch.pop("idle_since", run.due_at)
    if run.started_at is not None and since < book.now:
        for name in ("idle", "idle_attempt"):
            run.scratch[name] = run.scratch.get(name, 0) + book.now - since


def time_left(run: StageRun, stage: Stage, now: int) -> float:
    """Seconds that a claimed attempt has, by the limit of the attempt and by that of the stage run."""
    attempt = now - (run.attempt_at or now) - int(run.scratch.get("idle_attempt", 0))
    return min(stage.time_limit - attempt / 1000, stage.run_limit - _used(run, now))


def _used(run: StageRun, now: int) -> float:
    """Seconds of its limit that a stage run has used since its first attempt began: its work and its own waits."""
    return (now - (run.started_at or now) - int(run.scratch.get("idle", 0))) / 1000


# ── an attempt ends ──────────────────────────────────────────────────────────────────────────────


def complete(book: Book, run: StageRun, job: Job, outcome: Completed | Skipped) -> None:
    """Keep the output for good, and go on to what comes after."""
    skipped = isinstance(outcome, Skipped)
    run.output = None if isinstance(outcome, Skipped) else outcome.output
    run.progress, run.message, run.error = 1.0, None, None
    book.note_attempt(run, "skipped" if skipped else "completed")
    _leave(book, run, R.SKIPPED if skipped else R.COMPLETED)
    run.finished_at = book.now
    _count_done(book, run, job, "stage.skipped" if skipped else "stage.completed")


def _count_done(book: Book, run: StageRun, job: Job, event: str, **data: Any) -> None:
    job.tally[run.stage][1] += 1
    book.touch_job(job)
    if job.state in ENDED:
        return  # kept without news; a resume tells of it
    pipeline = book.registry.find(job.pipeline, job.version)
    progress = round(pipeline.progress(job.tally), 4) if pipeline else None
    book.emit(job, event, run, progress=progress, **data)
    if job.cancel_requested:
        _finish_cancel(book, job)
    elif pipeline:
        advance(book, job, pipeline.stages[run.stage])


def wait(book: Book, run: StageRun, job: Job, outcome: Waiting) -> None:
    """Give the slot back until the next look is due; a signal that came meanwhile makes it due at once."""
    run.scratch.update(outcome.scratch, resumes=True)
    run.message = outcome.saying
    if _stopped(book, run, job):
        return
    if outcome.idle:
        run.scratch["idle_since"] = book.now
    signalled = run.scratch.pop("unread", False)
    run.due_at = book.now if signalled else book.now + int(outcome.wait * 1000)
    _leave(book, run, R.READY if signalled else R.WAITING)
    if outcome.told:
        book.emit(job, "stage.waiting", run, message=outcome.saying, seconds=round(outcome.wait, 1))


def _stopped(book: Book, run: StageRun, job: Job) -> bool:
    """Whether the job wants no more of it: it was cancelled, or has ended meanwhile."""
    if not job.cancel_requested and job.state not in ENDED:
        return False
    _cancel_run(book, run, job)
    _finish_cancel(book, job)
    return True


def fail(book: Book, run: StageRun, job: Job, outcome: Failure) -> None:
    """Try again later where that can help; else the run is a dead letter and the job has failed."""
    error = outcome.error
    notes = run.scratch
    notes["failures"] = notes.get("failures", 0) + 1
    codes = notes.setdefault("codes", {})
    codes[error.code] = codes.get(error.code, 0) + 1
    run.error = describe(error, outcome.trace)
    notes.pop("waits", None)  # a new attempt waits anew
    if job.cancel_requested or job.state in ENDED:
        book.note_attempt(run, "failed", run.error)
        _stopped(book, run, job)
        return
    stage = book.registry.stage(run.pipeline, run.version, run.stage)
    pause = stage.retry.next_wait(error, failures=notes["failures"], same_failures=codes[error.code]) if stage else None
    if stage and pause is not None and _used(run, book.now) + pause <= stage.run_limit:
        book.note_attempt(run, "retrying", run.error)
        run.due_at = book.now + int(pause * 1000)
        _leave(book, run, R.RETRYING)
        book.emit(
            job,
            "stage.retrying",
            run,
            code=error.code,
            message=run.error.get("message"),
            provider=error.provider,
            attempt=run.attempts,
            retries=stage.retry.times,
            seconds=round(pause, 1),
        )
        return
    book.note_attempt(run, "failed", run.error)
    _fail_for_good(book, run, job, stage, error)


def _fail_for_good(book: Book, run: StageRun, job: Job, stage: Stage | None, error: StageError) -> None:
    _leave(book, run, R.FAILED)
    run.finished_at = book.now
    facts = describe(error, None)
    told = {name: facts.get(name) for name in ("code", "message", "provider", "advice")}
    if stage and stage.mapped and stage.collect != "all":
        notes = job.tally[run.stage]
        if stage.collect == "settled" or notes[1] + 1 < notes[0] or _any_done(book, job, run):
            run.scratch["counted"] = True
            _count_done(book, run, job, "stage.failed", **told)
            return
    book.emit(job, "stage.failed", run, attempts=run.attempts, **told)
    _stop_others(book, job)
    job.error = {**told, "stage": run.stage, "item": run.item, "run_id": run.id}
    _end_job(book, job, J.FAILED, "job.failed", stage=run.stage, item=run.item, **told)


def _any_done(book: Book, job: Job, run: StageRun) -> bool:
    return any(other.stage == run.stage and other.state is R.COMPLETED for other in book.open_all_runs(job.id))


def _stop_others(book: Book, job: Job) -> None:
    """Stages side by side with a failed one: what has not begun is stopped; what runs may finish, and is kept."""
    if sum(total - done for total, done, *_ in job.tally.values()) <= 1:
        return
    for other in book.open_all_runs(job.id):
        if other.state in OPEN and other.state is not R.RUNNING:
            _cancel_run(book, other, job, told=False)


def hold(book: Book, run: StageRun, job: Job, outcome: Held) -> None:
    """Nobody but a person can say how to go on."""
    run.error = describe(outcome.error, None)
    book.note_attempt(run, "held", run.error)
    if _stopped(book, run, job):
        return
    _leave(book, run, R.HELD)
    _note_hold(run, job)
    book.emit(
        job, "stage.held", run, code=outcome.error.code, message=outcome.error.message, advice=outcome.error.advice
    )
    _settle_held(book, job)


def _note_hold(run: StageRun, job: Job) -> None:
    """A third number in a stage's tally: some of its runs may be held. It saves a look at all runs otherwise."""
    job.tally[run.stage] = [*job.tally[run.stage][:2], 1]


def _settle_held(book: Book, job: Job) -> None:
    """Where nothing of a job can go on until a person decides, the job is held."""
    may_be = any(len(entry) > 2 and entry[0] != entry[1] for entry in job.tally.values())
    if not may_be or job.state is not J.RUNNING or job.cancel_requested:
        return
    runs = book.open_all_runs(job.id)
    if any(run.state is R.HELD for run in runs) and not any(run.state in OPEN - {R.HELD} for run in runs):
        book.move_job(job, J.HELD)


def release(book: Book, run: StageRun, job: Job) -> None:
    """The worker goes away in good order: the attempt goes on elsewhere."""
    run.scratch["resumes"] = True
    if _stopped(book, run, job):
        return
    run.due_at = book.now
    _leave(book, run, R.READY)


def park(book: Book, run: StageRun, job: Job, outcome: Unknown, *, wait: float = 15.0) -> None:
    """Keep what this worker does not know; offer it again later, perhaps to another."""
    if _stopped(book, run, job):
        return
    run.scratch.setdefault("idle_since", min(run.due_at, book.now))
    run.due_at = book.now + int(wait * 1000)
    first = not run.scratch.get("parked")
    run.scratch["parked"] = True
    run.message = outcome.reason
    _leave(book, run, R.PARKED)
    if first:
        book.emit(job, "stage.parked", run, message=outcome.reason)


def rescue(book: Book, run: StageRun, job: Job) -> None:
    """Its worker died: another one goes on, unless it has killed too many."""
    run.crashes += 1
    error = WorkerLost(
        f"the worker died during {run.crashes} attempt(s) at this stage",
        advice="look for what ends the process: memory, a native library, the machine",
    )
    book.note_attempt(run, "worker_lost", describe(error, None))
    run.scratch.pop("waits", None)  # a new attempt waits anew
    stage = book.registry.stage(run.pipeline, run.version, run.stage)
    if _stopped(book, run, job):
        return
    if run.crashes >= (stage.crashes if stage else 3):
        run.error = describe(error, None)
        _fail_for_good(book, run, job, stage, error)
    else:
        run.due_at = book.now
        _leave(book, run, R.READY)
        book.emit(job, "stage.rescued", run, crashes=run.crashes)


def _leave(book: Book, run: StageRun, to: RunState) -> None:
    book.move_run(run, to)
    run.token = run.worker = None


def describe(error: StageError, trace: str | None) -> dict[str, Any]:
    """An error as it is stored: plain, without what a provider may have echoed."""
    facts = {
        "code": error.code,
        "type": type(error).__name__,
        "message": error.message[:LONGEST_TEXT],
        "provider": error.provider,
        "advice": error.advice and error.advice[:LONGEST_TEXT],
        "trace": trace,
    }
    return {name: value for name, value in facts.items() if value is not None}


# ── what time brings ─────────────────────────────────────────────────────────────────────────────


def promote(book: Book, run: StageRun, job: Job) -> bool:
    """Its waiting is over. False when it has moved on meanwhile."""
    if run.state not in TIMED or run.due_at > book.now:
        return False
    if _stopped(book, run, job):  # cannot be, and would be looked at again and again
        return False
    book.move_run(run, R.READY)
    return True


# ── what people ask for ──────────────────────────────────────────────────────────────────────────


def signal(book: Book, run: StageRun, payload: Any) -> bool:
    """A callback came. A waiting run is ready at once; a running one will not wait when it wants to."""
    if run.state in (R.WAITING, R.RETRYING):
        run.scratch["signal"] = payload
        run.due_at = book.now
        book.move_run(run, R.READY)
        return True
    if run.state in (R.RUNNING, R.READY):
        run.scratch["signal"] = payload
        if run.state is R.RUNNING:
            run.scratch["unread"] = True
        book.touch_run(run)
        return True
    return False


def cancel(book: Book, job: Job) -> None:
    """Stop what is queued or waits at once; what runs, at its next `ctx` call."""
    if job.state in ENDED:
        raise Conflict(f"the job is already {job.state}", state=job.state.value)
    if job.cancel_requested:
        return
    job.cancel_requested = True
    book.touch_job(job)
    runs = book.open_all_runs(job.id)
    if any(run.state is R.RUNNING for run in runs):
        book.emit(job, "job.cancelling")
    for run in runs:
        if run.state in OPEN and run.state is not R.RUNNING:
            _cancel_run(book, run, job)
    _finish_cancel(book, job)
    if job.state is J.HELD:  # a worker calls `on_cancel` first
        book.move_job(job, J.RUNNING)


def _cancel_run(book: Book, run: StageRun, job: Job, *, told: bool = True) -> None:
    """End a run; where something was begun elsewhere, a worker calls the stage's `on_cancel` first."""
    stage = book.registry.stage(run.pipeline, run.version, run.stage)
    begun = run.attempts > 0 and stage is not None and stage.cancel is not None
    if begun and not run.scratch.get("cancelling") and job.cancel_requested:
        run.scratch.update(cancelling=True, resumes=True)
        run.due_at = book.now
        if run.state is not R.READY:
            _leave(book, run, R.READY)
        else:
            book.touch_run(run)
        return
    run.scratch.pop("cancelling", None)
    _leave(book, run, R.CANCELLED)
    run.finished_at = book.now
    if told and job.state not in ENDED:
        book.emit(job, "stage.cancelled", run)


def _finish_cancel(book: Book, job: Job) -> None:
    if not job.cancel_requested or job.state in ENDED:
        return
    if not any(run.state in OPEN for run in book.open_all_runs(job.id)):
        _end_job(book, job, J.CANCELLED, "job.cancelled")


def cancelled(book: Book, run: StageRun, job: Job, reason: str) -> None:
    """The stage itself stopped, for the owner or by its own decision."""
    book.note_attempt(run, "cancelled")
    asked = job.cancel_requested
    _cancel_run(book, run, job)
    if not asked and job.state not in ENDED:
        job.cancel_requested = True
        message = reason[:LONGEST_TEXT]
        job.error = {"code": "cancelled", "message": message, "stage": run.stage} if reason else None
        for other in book.open_all_runs(job.id):
            if other.state in OPEN and other.state is not R.RUNNING:
                _cancel_run(book, other, job)
    _finish_cancel(book, job)


def resume(book: Book, job: Job) -> list[StageRun]:
    """Go on from what failed, was cancelled or is held. What is done stays done."""
    if job.state not in (J.FAILED, J.CANCELLED, J.HELD):
        raise Conflict(f"only a failed, cancelled or held job can be resumed; this one is {job.state}", state=job.state)
    pipeline = _pipeline(book, job)
    runs = book.open_all_runs(job.id)
    again = [run for run in runs if _is_stopped(job, run) or run.state is R.HELD]
    if any(run.state is R.HELD for run in again) and book.tx.open_calls([run.id for run in again]):
        raise Conflict(
            "a call that may have cost money was cut off; decide on it first: keep its value, or allow it again",
            runs=[run.id for run in again],
        )
    _reopen(book, job, kept=sorted(name for name in job.tally if job.done(name)))
    for run in again:
        _send_again(book, run, job)
    for stage in pipeline.stages.values():
        if stage.name in job.tally:
            advance(book, job, stage)
    return again


def _reopen(book: Book, job: Job, *, kept: list[str]) -> None:
    job.error, job.finished_at, job.cancel_requested = None, None, False
    book.move_job(job, J.RUNNING)
    pipeline = book.registry.find(job.pipeline, job.version)
    progress = round(pipeline.progress(job.tally), 4) if pipeline else None
    book.emit(job, "job.resumed", kept=kept, progress=progress)


def _is_stopped(job: Job, run: StageRun) -> bool:
    """Whether it can be sent again; a failed item that its whole stage has done without is left as it is."""
    return run.state in STOPPED and not (run.scratch.get("counted") and job.done(run.stage))


def _send_again(book: Book, run: StageRun, job: Job) -> None:
    """Ready, with a full budget of attempts; its memos stay, so nothing is bought again."""
    if run.scratch.get("counted") and run.stage in job.tally:
        job.tally[run.stage][1] -= 1
        book.touch_job(job)
    run.scratch = {}
    run.crashes = 0
    run.started_at = run.finished_at = run.error = run.message = None
    run.due_at = book.now
    book.move_run(run, R.READY)


def decide(book: Book, job: Job, run: StageRun) -> None:
    """A person decided about a held run: it goes on."""
    if run.state is not R.HELD:
        raise Conflict(f"this stage run is {run.state}, not held", state=run.state.value)
    _send_again(book, run, job)
    if job.state is J.HELD:
        book.move_job(job, J.RUNNING)
    book.emit(job, "stage.decided", run)


def retry_stage(book: Book, job: Job, name: str) -> None:
    """Make a stage again from the stored results before it, and then all that comes after it."""
    pipeline = _pipeline(book, job)
    stage = pipeline.stages.get(name)
    if stage is None:
        raise NotFound(f"{job.pipeline} has no stage {name!r}; it has: {', '.join(pipeline.stages)}", field="stage")
    missing = [parent.name for parent in stage.after if not job.done(parent.name)]
    if missing:
        raise Conflict(f"{name} needs the result of {', '.join(missing)}, which is not there yet", missing=missing)
    if job.cancel_requested and job.state not in ENDED:
        raise Conflict("the job is being cancelled; wait until that is done", state=job.state.value)
    again = {stage.name, *(other.name for other in pipeline.downstream(stage))}
    runs = book.open_all_runs(job.id)
    busy = sorted({run.stage for run in runs if run.stage in again and run.state is R.RUNNING})
    if busy:
        raise Conflict(f"{', '.join(busy)} is running; cancel the job, or wait until it ends", busy=busy)
    for run in runs:
        if run.stage in again:
            book.forget(run.id)
            if run.stage != name or stage.mapped:
                book.drop_run(run)
            else:
                _reset(book, run, job)
    for gone in again:
        job.tally.pop(gone, None)
    kept = sorted(other for other in job.tally if job.done(other))
    _reopen(book, job, kept=kept)
    if not stage.mapped and run_id(job.id, name) in book.runs:
        job.tally[name] = [1, 0]
    else:
        start(book, job, stage, hold=False)
    for run in runs:  # branches beside it that a failure had stopped
        if run.stage not in again and _is_stopped(job, run):
            _send_again(book, run, job)
    for other in pipeline.stages.values():
        if other.name in job.tally:
            advance(book, job, other)


def _reset(book: Book, run: StageRun, job: Job) -> None:
    run.output, run.progress = None, 0.0
    if run.state in OPEN:
        run.scratch, run.crashes, run.due_at = {}, 0, book.now
        run.started_at = run.error = run.message = None
        if run.state is R.READY:
            book.touch_run(run)
        else:
            book.move_run(run, R.READY)
    else:
        _send_again(book, run, job)


def discard(book: Book, job: Job, run: StageRun) -> None:
    """Give a dead letter up; the job stays failed and its other results stay."""
    if run.state is not R.FAILED:
        raise Conflict(f"this stage run is {run.state}, not failed", state=run.state.value)
    book.move_run(run, R.DISCARDED)
    book.emit(job, "stage.discarded", run)


def _pipeline(book: Book, job: Job) -> Pipeline:
    pipeline = book.registry.find(job.pipeline, job.version)
    if pipeline is None:
        raise Conflict(f"this process does not know {job.pipeline} version {job.version}; ask one that does")
    return pipeline
