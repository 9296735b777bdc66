"""Work in flight, the processes that do it, and what their stages need."""

from stagepass.doctor.facts import WorkFacts
from stagepass.doctor.presence import GONE
from stagepass.doctor.sources import Sources
from stagepass.engine.model.filters import RunFilter
from stagepass.engine.model.states import RunState
from stagepass.errors import SettingsError
from stagepass.store.processes import ProcessRow

LATE = 5_000
"""Milliseconds after which ready or due work is late: a worker looks every 3 s, a relay 4 times a second."""

MOST = 200
DAY = 86_400_000


def look(sources: Sources) -> WorkFacts:
    """Facts about unfinished stage runs."""
    store, now = sources.store, sources.clock.now()
    unfinished = store.unfinished()
    states = {state for _, state, _ in unfinished}
    living = {worker.id for worker in sources.liveness.living(store.workers(), now)}
    due = store.next_due()
    held = store.find_runs(RunFilter(None, (RunState.HELD,), limit=MOST)) if "held" in states else []
    parked = store.parked(MOST) if "parked" in states else []
    return WorkFacts(
        unfinished=unfinished,
        ready_since=dict(store.ready_since(now - LATE)),
        overdue_since=due if due is not None and now - due > LATE else None,
        parked=sorted({(run.queue, run.pipeline, run.version) for run in parked}),
        open_versions=store.open_versions(),
        held=[run for run in held if not run.notes.step],
        undecided=store.undecided([run.id for run in held]),
        keys_refused=sorted(_keys_refused(sources, now)) if "failed" in states else (),
        running=store.running_by_worker(living),
        leases=[(worker, count) for worker, count in store.leases() if worker not in living],
        stuck=store.stuck_jobs(MOST),
        alerts_missed=sum(row.state == "missed" for row in store.alerts(now - DAY)),
    )


def _keys_refused(sources: Sources, now: int) -> set[tuple[str, str]]:
    failed = sources.store.failed_between(now - DAY, now + 1)
    return {
        (str(error["provider"]), queue)
        for queue, error in failed
        if error.get("reason") == "key" and error.get("provider")
    }


def processes(sources: Sources) -> list[ProcessRow]:
    """The live processes that say what they are."""
    return list(sources.store.processes(sources.clock.now() - GONE))


def needs(sources: Sources) -> list[tuple[str, str]]:
    """(queue, problem) of stages whose provider cannot work with the settings here."""
    providers = sources.providers()
    return [(stage.queue, problem) for stage in sources.registry.stages() for problem in providers.check(stage)]


def secrets(sources: Sources) -> dict[str, frozenset[str]]:
    """By queue: the secrets that its stage needs."""
    found: dict[str, frozenset[str]] = {}
    for stage in sources.registry.stages():
        try:
            found[stage.queue] = frozenset(sources.providers().secrets(stage))
        except SettingsError:
            continue
    return found
