"""``stagepass why JOB``: reads the job as it is at one moment, and names what each open stage run waits for."""

from collections.abc import Sequence
from functools import partial

from stagepass.doctor.sources import Sources
from stagepass.doctor.why import acts, ready, running, stopped, waiting
from stagepass.doctor.why.look import Look
from stagepass.doctor.why.model import Fact, Reason, Why
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import ENDED, OPEN, RunState

DEEPEST = 3
"""Child jobs of child jobs that are explained."""

MOST_RUNS = 200
"""Open runs of one job that are looked at one by one."""

_ORDER = ("operator", "person", "time")


def explain(sources: Sources, job: Job, runs: Sequence[StageRun], *, deep: int = 0) -> Why:
    """Explain a job.

    Args:
        runs: its stage runs, as `Store.look` read them.
        deep: how many jobs above it are being explained.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    look = Look(sources, job, runs)
    if job.state in ENDED:
        return Why(job, look.now, [stopped.ended(look)], look.unseen)
    live = [run for run in runs if run.state in OPEN]
    if not live:
        return Why(job, look.now, [_nothing_open(look)], look.unseen)
    found = _alike([_reason(look, run, deep) for run in live[:MOST_RUNS]])
    found[-1].count += len(live[MOST_RUNS:])
    for reason in found if job.ending else ():
        reason.evidence.append(Fact("ending", job.ending or ""))
    found.sort(key=lambda reason: (_ORDER.index(reason.waits), reason.since or look.now))
    return Why(job, look.now, found, look.unseen)


def _reason(look: Look, run: StageRun, deep: int) -> Reason:
    match run.state:
        case RunState.READY:
            return ready.reason(look, run)
        case RunState.RUNNING:
            return running.reason(look, run)
        case RunState.WAITING:
            return waiting.reason(look, run, partial(_child, look, deep))
        case RunState.RETRYING:
            return stopped.retrying(look, run)
        case RunState.PARKED:
            return stopped.parked(look, run)
        case RunState.HELD:
            return stopped.held(look, run)
    raise AssertionError(f"{run.state} is not open")


def _child(look: Look, deep: int, child: Job) -> Why:
    if deep >= DEEPEST:
        return Why(child, look.now, [])
    found = look.sources.store.look(child.id)
    return explain(look.sources, *found, deep=deep + 1) if found else Why(child, look.now, [])


def _alike(reasons: Sequence[Reason]) -> list[Reason]:
    """Items of one stage with the same reason are one, with their number; the one that waits longest stands for all."""
    found: dict[tuple[str, str], Reason] = {}
    for reason in reasons:
        key = (reason.run.stage if reason.run else "", reason.code)
        known = found.get(key)
        if known is None:
            found[key] = reason
        elif (reason.since or 0) < (known.since or 0):
            reason.count = known.count + 1
            found[key] = reason
        else:
            known.count += 1
    return list(found.values())


def _nothing_open(look: Look) -> Reason:
    """All begun stages are done, and the next ones were not started: the version is not known where it ended."""
    job = look.job
    known = look.sources.registry.find(job.pipeline, job.version)
    evidence = [Fact("known_here", "yes" if known else "no"), Fact("stages_done", ", ".join(job.tally))]
    given = {"pipeline": job.pipeline, "version": job.version}
    last = next(reversed(job.tally), "")
    done = [acts.retry(job.id, last)]
    return Reason("nothing_open", None, job.updated_at, None, "operator", given, evidence, done if last else [])
