"""The monkey: thousands of jobs of all shapes, while everything that they run on is killed, stopped and emptied.

    python -m tests.chaos.monkey --backend postgresql+rabbitmq --jobs 5000 --minutes 10 --seed 7

Prints its seed and what it breaks, then lets everything come to rest, compares what was promised with
what came of it, and ends with 1 if anything is wrong. The same seed gives the same jobs and disturbances.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from stagepass.bootstrap import System
from stagepass.engine.engine import OPERATOR
from stagepass.engine.model.filters import RunFilter
from stagepass.engine.model.states import RunState
from stagepass.errors import NotFound, StagepassError
from stagepass.pipelines.discover import discover
from stagepass.settings import Settings
from stagepass.store import SqlStore, migrate
from stagepass.store.tables import jobs
from tests.chaos import history
from tests.chaos.clients import Clients
from tests.chaos.collect import collect
from tests.chaos.crowd import Crowd, crowd
from tests.chaos.plan import Plan, make_plan
from tests.chaos.troubles import Troublemaker
from tests.support.backends import BACKENDS
from tests.support.backends_own import ServerMissing, own_backend

QUIET, QUICKLY = 12.0, 4.0
"""Seconds after the last disturbance from which on a person trusts the invoice, since no zombie still acts.

In the short form no worker is stopped towards the end.
"""


@dataclass
class Report:
    """What a run came to. `ok` is whether nothing is wrong."""

    backend: str
    seed: int
    jobs: int
    seconds: float
    counts: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    troubles: dict[str, int] = field(default_factory=dict)
    settled_after: float = 0.0
    """Seconds from the last disturbance until every job had ended, or the deadline."""
    violations: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.violations


def run(
    backend: str, *, jobs: int, seconds: float, seed: int, settle: float, quick: bool = False, keep: bool = False
) -> Report:
    """One run. Raises `ServerMissing` when this machine lacks the backend's programs."""
    folder = Path(tempfile.mkdtemp(prefix="sp-"))
    folder.chmod(0o755)  # a server that refuses root has to find its own folder below
    wrong = True
    try:
        with own_backend(backend, folder) as own:
            plan = make_plan(seed, jobs=jobs, seconds=seconds, servers=list(own.servers), quick=quick)
            migrate.upgrade(own.database_url)
            store = SqlStore(own.database_url)
            try:
                with crowd(folder, own, seed=seed, quick=quick) as made:
                    report = _run(plan, made, store, settle, QUICKLY if quick else QUIET)
            finally:
                store.close()
        wrong = not report.ok
        return report
    finally:
        if wrong and keep:
            print(f"its files are kept in {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _run(plan: Plan, made: Crowd, store: SqlStore, settle: float, trusting: float) -> Report:
    clients = Clients(made.port, plan.submissions, made.order())
    troubles = Troublemaker(made, plan.troubles, made.queues)
    began = time.monotonic()
    clients.start()
    troubles.start()
    try:
        troubles.wait()
        quiet = max(time.monotonic(), began + plan.seconds)
        _come_to_rest(made, store, clients, (quiet + trusting, quiet + settle))
        settled_after = time.monotonic() - quiet
    finally:
        troubles.stop()
        clients.close()
    made.stop()  # what still moved would be read half before and half after
    found = collect(plan, clients, made, store)
    return _report(plan, made, found, clients, troubles, settled_after)


def _come_to_rest(made: Crowd, store: SqlStore, clients: Clients, times: tuple[float, float]) -> None:
    """Until every client was answered and every job has ended; a person decides what is held.

    Args:
        times: from when on the person decides, and the deadline.
    """
    trusted, deadline = times
    person = Person(made)
    try:
        while time.monotonic() < deadline:
            if not clients.open and not _open_jobs(store):
                return
            if time.monotonic() > trusted:
                person.decide()
            made.pause(0.5)
    finally:
        person.close()


class Person:
    """Decides on purchases of unknown outcome at the vendor that cannot be asked by a program: reads its invoice."""

    def __init__(self, made: Crowd) -> None:
        given = {name.lower(): value for name, value in made.settings.items()}
        settings = Settings.load(_env_file=None, **given)
        self._system = System(settings, discover(settings.pipelines, cwd=made.folder))
        self._till = made.till
        self.decided = 0

    def decide(self) -> None:
        engine = self._system.engine
        charged = {charge["reference"]: charge for charge in self._till.invoice()}
        for run in engine.find_runs(RunFilter(OPERATOR, pipeline="till", states=(RunState.HELD,), limit=200)):
            there = charged.get(run.id)
            value = {name: there[name] for name in ("id", "reference", "goods")} if there else None
            try:
                engine.decide(run.id, None, name="order", value=value, again=value is None)
                decided = "again" if value is None else "found"
            except NotFound:  # the answer came after all, to a zombie that kept it
                engine.resume(run.job_id, None)
                decided = "answered meanwhile"
            print(f"held {run.id}: {decided}", flush=True)
            self.decided += 1

    def close(self) -> None:
        self._system.close()


def _open_jobs(store: SqlStore) -> int:
    query = sa.select(sa.func.count()).where(jobs.c.state.not_in(history.ENDED))
    try:
        return int(store._all(query)[0][0])
    except StagepassError:
        return 1


# ── what came of it ──


def _report(
    plan: Plan, made: Crowd, found: history.History, clients: Clients, troubles: Troublemaker, settled_after: float
) -> Report:
    violations = history.check(found)
    held = sum(event.type == "stage.held" for kept in found.kept for event in kept.events)
    rescued = sum(event.type == "stage.rescued" for kept in found.kept for event in kept.events)
    retried = sum(event.type == "stage.retrying" for kept in found.kept for event in kept.events)
    return Report(
        backend=made.backend.name,
        seed=plan.seed,
        jobs=len(plan.submissions),
        seconds=plan.seconds,
        counts=history.counts(violations),
        ended=dict(Counter(kept.state for kept in found.kept)),
        seen={
            "requests": clients.requests,
            "requests without an answer": clients.unanswered,
            "charges": len(found.charges),
            "calls of stages": len(found.calls),
            "rescued after a death": rescued,
            "tried again": retried,
            "held for a person": held,
            "calls of zombies": history.late_calls(found),
            "writes refused to zombies": made.refused_writes(),
        },
        troubles=dict(sorted(troubles.done.items())),
        settled_after=round(settled_after, 1),
        violations=[asdict(violation) for violation in violations[:500]],
    )


def show(report: Report) -> str:
    """The report as a table for people."""
    lines = [f"{report.backend}: {report.jobs} jobs, {report.seconds:g} s of trouble, seed {report.seed}"]
    for title, rows in (
        ("ended", report.ended),
        ("seen", report.seen),
        ("broken", report.troubles),
        ("wrong", report.counts),
    ):
        lines.append(f"  {title}")
        lines += [f"    {name:<28} {count:>7}" for name, count in rows.items()]
    lines.append(f"  at rest after {report.settled_after:g} s")
    lines += [f"  {v['kind']}: job {v['number']} {v['job']}: {v['text']}" for v in report.violations[:20]]
    lines.append("nothing is wrong" if report.ok else f"WRONG: {len(report.violations)} violations")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="kill everything while jobs run, and check every job")
    parser.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0])
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--settle", type=float, default=900.0, help="seconds of peace after which a job is stuck")
    parser.add_argument("--report", type=Path, help="a file for the report as JSON")
    parser.add_argument("--keep", action="store_true", help="keep logs and data when something is wrong")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing of it is left running
    try:
        report = run(
            given.backend,
            jobs=given.jobs,
            seconds=given.minutes * 60,
            seed=seed,
            settle=given.settle,
            keep=given.keep,
        )
    except ServerMissing as problem:
        print(problem, file=sys.stderr)
        return 2
    print(show(report), flush=True)
    if given.report:
        given.report.write_text(json.dumps({**asdict(report), "ok": report.ok, "machine": os.cpu_count()}, indent=1))
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
