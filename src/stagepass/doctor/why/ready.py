"""A ready run: no worker, all workers busy, a batch that gathers, or workers that do not take it."""

from collections.abc import Sequence

from stagepass.doctor.why import acts
from stagepass.doctor.why.look import Look
from stagepass.doctor.why.model import Fact, Reason
from stagepass.engine.model.controls import EVERYTHING, Scope
from stagepass.engine.model.records import StageRun, WorkerRow

STARTS_WITHIN = 5_000
"""Milliseconds that a run may be ready beside a free slot: a worker looks every 3 s by itself, without a broker."""


def reason(look: Look, run: StageRun) -> Reason:
    """Why a ready run has not begun."""
    if (held := paused(look, run)) is not None:
        return held
    workers = look.serving(run.queue)
    if not workers:
        return _no_worker(look, run)
    if (limited := _limited(look, run)) is not None:
        return limited
    gathering = _gathering(look, run)
    if gathering is not None:
        return gathering
    if look.free(workers) == 0:
        return _in_line(look, run, workers, "workers_full")
    waited = look.now - run.due_at
    if waited <= STARTS_WITHIN:
        return _made(run, "starting", at=look.now, evidence=_capacity(look, workers))
    if not look.broker_answers(run.queue):
        return _broker_away(look, run, workers)
    line = look.sources.store.line_before(run)
    if line.runs and look.pace(run.queue) > 0:
        return _in_line(look, run, workers, "in_line")
    return _stalled(look, run, workers)


def _made(run: StageRun, code: str, **rest: object) -> Reason:
    if run.notes.cancelling:
        rest["evidence"] = [Fact("cleaning", run.stage), *rest.get("evidence", [])]  # type: ignore[misc]
    return Reason(code, run, since=run.due_at, parameters={"queue": run.queue}, **rest)  # type: ignore[arg-type]


def paused(look: Look, run: StageRun) -> Reason | None:
    """An operator's pause that keeps it from starting."""
    for pause in look.pauses:
        if pause.holds(run.queue, run.owner):
            target = (
                f"{pause.scope}:{pause.name}" if pause.scope is Scope.OWNER else pause.name.replace(EVERYTHING, "all")
            )
            evidence = [Fact("paused", pause.why or pause.scope.value, pause.since)]
            evidence.append(Fact("paused_by", pause.actor, pause.since, private=True))
            made = _made(run, "paused", waits="operator", evidence=evidence, acts=[acts.unpause(target)])
            made.since = pause.since
            made.parameters["target"] = target
            return made
    return None


def _limited(look: Look, run: StageRun) -> Reason | None:
    """As many run as an operator allows for the queue."""
    found = look.limits.get(run.queue)
    most = found.limit.concurrency if found is not None and found.scope is Scope.QUEUE else None
    running = look.sources.store.running_in(run.queue) if most is not None else 0
    if found is None or most is None or running < most:
        return None
    evidence = [
        Fact("running", f"{running}/{most}", look.now),
        Fact("paused_by", found.actor, found.since, private=True),
    ]
    made = _made(run, "limited", evidence=evidence, acts=[acts.unlimit(run.queue)])
    made.parameters["most"] = most
    return made


def _no_worker(look: Look, run: StageRun) -> Reason:
    others = sorted({queue for worker in look.living for queue in worker.queues})
    evidence = [Fact("workers_of_queue", 0, look.now), Fact("workers_alive", len(look.living), look.now)]
    if others:
        evidence.append(Fact("served_queues", ", ".join(others[:8]) + (" …" if len(others) > 8 else "")))
    gone = [worker for worker in look.workers.values() if run.queue in worker.queues]
    if gone:
        last = max(gone, key=lambda worker: worker.beat_at)
        evidence.append(Fact("last_worker", f"{last.host.split('/')[0]} pid {last.pid}", last.beat_at, private=True))
    return _made(run, "no_worker", waits="operator", evidence=evidence, acts=[acts.worker(run.queue)])


def _gathering(look: Look, run: StageRun) -> Reason | None:
    batch = look.sources.registry.batch(run.queue)
    if batch is None or run.notes.alone:
        return None
    at = run.due_at + int(batch.within * 1000)
    if at <= look.now:
        return None
    made = _made(run, "gathering", at=at, evidence=[Fact("batch_most", batch.most), Fact("batch_within", batch.within)])
    made.parameters["most"] = batch.most
    return made


def _in_line(look: Look, run: StageRun, workers: Sequence[WorkerRow], code: str) -> Reason:
    line, pace = look.sources.store.line_before(run), look.pace(run.queue)
    at = look.now + int((line.runs + 1) / pace * 60_000) if pace else None
    evidence = [
        *_capacity(look, workers),
        Fact("position", line.runs + 1, look.now),
        Fact("owners_before", line.owners),
        Fact("own_before", line.own),
        Fact("pace", f"{pace:.1f}/min"),
    ]
    made = _made(run, code, at=at, evidence=evidence, acts=[acts.worker(run.queue, "more_workers")])
    made.parameters |= {"owners": line.owners, "position": line.runs + 1}
    return made


def _broker_away(look: Look, run: StageRun, workers: Sequence[WorkerRow]) -> Reason:
    evidence = [Fact("broker", "-", look.now), *_capacity(look, workers)]
    return _made(run, "broker_away", waits="operator", at=look.now, evidence=evidence, acts=[acts.worker(run.queue)])


def _stalled(look: Look, run: StageRun, workers: Sequence[WorkerRow]) -> Reason:
    evidence = _capacity(look, workers)
    here = []
    for worker in workers:
        name = f"{worker.host.split('/')[0]} pid {worker.pid}"
        evidence.append(Fact("worker", name, worker.beat_at, private=True))
        here.append(acts.restart(worker.pid))
    limit = int(look.sources.settings.stalled_after_seconds * 2000)
    return _made(
        run,
        "stalled",
        waits="operator",
        at=run.due_at + limit,
        evidence=evidence,
        acts=[*here[:3], acts.worker(run.queue)],
    )


def _capacity(look: Look, workers: Sequence[WorkerRow]) -> list[Fact]:
    slots = sum(worker.slots for worker in workers)
    return [
        Fact("workers_of_queue", len(workers), look.now),
        Fact("slots", f"{slots - look.free(workers)}/{slots}", look.now),
    ]
