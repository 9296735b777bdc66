"""A run that retries, is parked or is held; and a job that has ended."""

from typing import Any

from stagepass.doctor.texts import span
from stagepass.doctor.why import acts
from stagepass.doctor.why.look import RELAY_LATE, Look
from stagepass.doctor.why.model import Act, Fact, Reason
from stagepass.doctor.why.waiting import no_relay, undecided
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import JobState, RunState
from stagepass.sentences import from_stored


def retrying(look: Look, run: StageRun) -> Reason:
    """It failed in a way that may pass."""
    if look.now - run.due_at > RELAY_LATE:
        return no_relay(look, run)
    error = run.error or {}
    evidence = [
        *_error(error),
        Fact("attempt", run.attempts, run.attempt_at),
        *([Fact("provider", error["provider"])] if error.get("provider") else []),
    ]
    given = {"code": error.get("code", ""), "attempt": run.attempts}
    since = _last_end(look, run) or run.attempt_at
    return Reason("retrying", run, since, run.due_at, parameters=given, evidence=evidence, acts=acts.hurry(run))


def parked(look: Look, run: StageRun) -> Reason:
    """No worker that claimed it knows its stage or version."""
    evidence = [Fact("parked", run.message or "", run.notes.idle_since), Fact("offers", run.notes.parked)]
    known = look.sources.registry.find(run.pipeline, run.version)
    evidence.append(Fact("known_here", "yes" if known else "no"))
    last = max(look.sources.store.attempts([other.id for other in look.runs]), key=lambda a: a.ended_at, default=None)
    if last is not None:
        evidence.append(Fact("last_had", last.worker, last.ended_at, private=True))
    given = {"pipeline": run.pipeline, "version": run.version, "stage": run.stage, "queue": run.queue}
    since = run.notes.idle_since or run.due_at
    return Reason(
        "parked",
        run,
        since,
        waits="operator",
        parameters=given,
        evidence=evidence,
        acts=[acts.worker(run.queue, "version")],
    )


def held(look: Look, run: StageRun) -> Reason:
    """Only a person can decide how it continues."""
    calls = undecided(look.memos(run))
    since = _last_end(look, run) or run.created_at
    if calls:
        call = calls[0]
        evidence = [Fact("call", call.name, call.made_at), *_error(run.error)]
        given = {"call": call.name}
        return Reason("unknown_outcome", run, since, None, "person", given, evidence, acts.decide(run, call.name))
    if run.notes.step:
        before = max((other.finished_at or 0 for other in look.runs), default=0)
        evidence = [Fact("finished_before", "", before or since)]
        return Reason("stepwise", run, before or since, None, "person", {}, evidence, [acts.resume(look.job)])
    evidence = [Fact("attempt", run.attempts, run.attempt_at), *_error(run.error)]
    return Reason("held", run, since, None, "person", evidence=evidence, acts=[acts.resume(look.job)])


def _last_end(look: Look, run: StageRun) -> int | None:
    return max((attempt.ended_at for attempt in look.sources.store.attempts([run.id])), default=None)


def _error(error: dict[str, Any] | None) -> list[Fact]:
    said = (error or {}).get("said") or {}
    return [
        Fact(name, from_stored(str(error[key]), said.get(key)))
        for name, key in (("error", "message"), ("advice", "advice"))
        if error and error.get(key)
    ]


# ── jobs that have ended ──


def ended(look: Look) -> Reason:
    """How the job ended, and what can be done."""
    job = look.job
    if job.state is JobState.COMPLETED:
        return Reason("completed", None, job.finished_at, evidence=[_took(job)], acts=[acts.show(job)])
    if (error := job.error or {}) and (error.get("undone") or error.get("not_undone")):
        return _undone(job, error)
    if job.state is JobState.CANCELLED:
        evidence = [_took(job), *_error(job.error)]
        return Reason("cancelled", None, job.finished_at, None, "person", {}, evidence, _again(look, job))
    run = next((run for run in look.runs if run.id == error.get("run_id")), None)
    given = {"stage": error.get("stage", ""), "code": error.get("code", "")}
    evidence = [*_error(job.error), *([Fact("attempt", run.attempts, run.attempt_at)] if run else [])]
    beside = sum(other.state is RunState.RUNNING for other in look.runs)
    if beside:
        evidence.append(Fact("beside", beside, look.now))
    gone = any(other.state is RunState.DISCARDED for other in look.runs)
    code = "discarded" if gone else "failed"
    return Reason(code, run, job.finished_at, None, "person", given, evidence, _again(look, job))


def _undone(job: Job, error: dict[str, Any]) -> Reason:
    """It cleaned up; what an undo could not do is all that can still be sent again."""
    left = ", ".join(error.get("not_undone") or ())
    evidence = [_took(job), *_error(error), Fact("undone", ", ".join(error.get("undone") or ()) or "-")]
    if not left:
        return Reason("undone", None, job.finished_at, None, "person", {}, evidence, [acts.details(job)])
    given = {"stages": left}
    sent = [acts.resume(job, "resume_undo"), acts.details(job)]
    return Reason("not_undone", None, job.finished_at, None, "person", given, evidence, sent)


def _took(job: Job) -> Fact:
    return Fact("took", span((job.finished_at or job.updated_at) - job.created_at), job.created_at)


def _again(look: Look, job: Job) -> list[Act]:
    if look.sources.registry.find(job.pipeline, job.version) is None:
        return [acts.resume(job, "resume_version")]
    return [acts.resume(job, "resume"), acts.details(job)]
