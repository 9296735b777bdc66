"""A running run: it works, it is to stop, it is past its limit, or its worker has died."""

from stagepass.doctor.why import acts
from stagepass.doctor.why.look import RELAY_LATE, Look
from stagepass.doctor.why.model import Fact, Reason
from stagepass.engine.model.records import StageRun, WorkerRow
from stagepass.engine.rules import attempt


def reason(look: Look, run: StageRun) -> Reason:
    """What a running run is doing."""
    worker = look.workers.get(run.worker or "")
    if worker is None or not look.alive(worker):
        return _lost(look, run, worker)
    evidence = [
        Fact("attempt", run.attempts, run.attempt_at),
        Fact("worker", f"{worker.host.split('/')[0]} pid {worker.pid}", worker.beat_at, private=True),
        Fact("heartbeat", "", worker.beat_at),
        *([Fact("doing", run.message)] if run.message else []),
    ]
    stage = look.stage(run)
    left = attempt.time_left(run, stage, look.now) if stage else None
    end = None if left is None else look.now + int(left * 1000)
    since = run.attempt_at or run.created_at
    if look.job.cancel_requested:
        return Reason("cancelling", run, since, end, evidence=evidence, acts=[acts.restart(worker.pid)])
    if left is not None and left < 0:
        evidence.append(Fact("limit", f"{stage.time_limit:g} s" if stage else "", end))
        stuck = [acts.restart(worker.pid), acts.cancel(look.job)]
        return Reason("past_limit", run, since, waits="operator", evidence=evidence, acts=stuck)
    return Reason("working", run, since, end, evidence=evidence, acts=[acts.watch(look.job), acts.cancel(look.job)])


def _lost(look: Look, run: StageRun, worker: WorkerRow | None) -> Reason:
    patience = int(look.sources.settings.dead_after_seconds * 1000)
    evidence = [Fact("attempt", run.attempts, run.attempt_at), Fact("crashes", run.crashes)]
    silent_since = None
    if worker is not None:
        silent_since = worker.beat_at
        name = f"{worker.host.split('/')[0]} pid {worker.pid}"
        evidence += [Fact("heartbeat", "", worker.beat_at), Fact("worker", name, worker.beat_at, private=True)]
    late = silent_since is not None and look.now - silent_since > patience + RELAY_LATE
    if late or look.overdue_since is not None:
        return Reason("lost_no_relay", run, silent_since, waits="operator", evidence=evidence, acts=[acts.relay()])
    at = look.now + patience
    return Reason("lost", run, silent_since, at, evidence=evidence, acts=[acts.relay()])
