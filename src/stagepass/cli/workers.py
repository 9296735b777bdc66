"""``stagepass workers``: who is alive, what they serve, and when their heart last beat."""

from stagepass.cli.output import Json, ago, as_json, emit_view, note, table
from stagepass.cli.texts import text


def workers(json: Json = False) -> None:
    """List worker processes with their queues and last heartbeat, and warn about work that none of them serves."""
    from stagepass.cli.installation import installation
    from stagepass.engine.model.clock import WRONG
    from stagepass.views.workers import worker_view

    system = installation()
    is_alive = system.liveness.alive
    now = system.engine.clock.now()
    found = sorted(system.store.workers(), key=lambda worker: (worker.host, worker.queues, worker.pid))
    if as_json():
        for worker in found:
            emit_view(worker_view(worker, is_alive(worker, now)))
        return
    rows = [
        (
            worker.pid,
            worker.host.split("/")[0],
            text("workers.alive") if is_alive(worker, now) else text("workers.gone"),
            text("workers.lock") if worker.lock_key is not None else text("workers.heartbeat"),
            worker.slots,
            ago(worker.beat_at, now),
            ago(worker.started_at, now),
            " ".join(worker.queues),
        )
        for worker in found
    ]
    table(("pid", "host", "state", "watch", "slots", "beat", "age", "queues"), rows, empty="workers.none")
    for host, off in sorted({(worker.host.split("/")[0], worker.clock_off / 1000) for worker in found}):
        if abs(off) > WRONG:
            note("workers.clock", style="yellow", host=host, seconds=f"{off:+.1f}")
    for pause in system.store.pauses():
        note("workers.paused", style="yellow", target=f"{pause.scope.value}:{pause.name}", why=pause.why or "-")
    served = {queue for worker in found if is_alive(worker, now) for queue in worker.queues}
    for queue, state, count in sorted(system.store.unfinished()):
        if state == "parked":
            note("workers.parked", style="yellow", queue=queue, count=count)
        elif state == "ready" and queue not in served:
            note("workers.unserved", style="yellow", queue=queue, count=count)
