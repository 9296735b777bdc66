"""The store's part in explaining what stands: a run's place in its queue, the pace of a queue, who runs how much.

No query grows with history: each uses an index over live rows, or reads a bounded number of the newest ones.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from stagepass.engine.model.records import StageRun
from stagepass.engine.model.states import OPEN
from stagepass.store.base import Connections
from stagepass.store.tables import attempts, jobs, memos, stage_runs

MOST_AHEAD = 10_000
"""Ready runs before another one are counted up to here."""

SAMPLE = 1000
"""Newest attempts of all queues that the pace of one is measured by."""

_OPEN = [state.value for state in OPEN]
_READY = sa.text("state = 'ready'")
_RUNNING = sa.text("state = 'running'")


@dataclass(frozen=True, slots=True)
class Line:
    """Ready runs of the same queue that go before a run, and how many owners have them."""

    runs: int
    owners: int
    own: int
    """Of these runs: the same owner's."""


class Standing(Connections):
    """Part of `SqlStore`."""

    def line_before(self, run: StageRun) -> Line:
        """What goes before a ready run."""
        c = stage_runs.c
        mine = (c.queue == run.queue, _READY, c.priority == run.priority, c.owner == run.owner)
        sooner = sa.or_(c.urgency > run.urgency, sa.and_(c.urgency == run.urgency, c.turn < run.turn))
        own = self._all(sa.select(sa.func.count()).where(*mine, sooner))[0][0]
        turns = self._all(sa.select(c.turn).where(*mine).order_by(c.turn).offset(own).limit(1))
        turn = turns[0][0] if turns else run.turn
        earlier = sa.or_(c.due_at < run.due_at, sa.and_(c.due_at == run.due_at, c.id < run.id))
        sooner = sa.or_(c.turn < turn, sa.and_(c.turn == turn, earlier))
        before = sa.or_(c.priority > run.priority, sa.and_(c.priority == run.priority, sooner))
        others = (c.queue == run.queue, _READY, before, c.owner != run.owner)
        ahead = sa.select(c.owner).where(*others).limit(MOST_AHEAD).subquery()
        counted = sa.select(sa.func.count(), sa.func.count(sa.distinct(ahead.c.owner))).select_from(ahead)
        runs, owners = self._all(counted)[0]
        return Line(runs + own, owners, own)

    def recent_ends(self, queue: str, since: int) -> int:
        """Attempts of a queue that ended since then, of the newest `SAMPLE` of all queues."""
        c = attempts.c
        newest = sa.select(c.run_id, c.ended_at).order_by(c.id.desc()).limit(SAMPLE).subquery()
        query = (
            sa.select(sa.func.count())
            .select_from(newest.join(stage_runs, stage_runs.c.id == newest.c.run_id))
            .where(stage_runs.c.queue == queue, newest.c.ended_at >= since)
        )
        return int(self._all(query)[0][0])

    def running_by_worker(self, workers: Collection[str]) -> dict[str, int]:
        """Stage runs that each of these workers holds; those without any are left out."""
        c = stage_runs.c
        query = sa.select(c.worker, sa.func.count()).where(_RUNNING, c.worker.in_(sorted(workers))).group_by(c.worker)
        return dict(map(tuple, self._all(query))) if workers else {}

    def running_in(self, queue: str) -> int:
        """Stage runs of a queue that are running."""
        query = sa.select(sa.func.count()).where(_RUNNING, stage_runs.c.queue == queue)
        return int(self._all(query)[0][0])

    def open_children_of(self, run_id: str, limit: int) -> Sequence[str]:
        """Ids of jobs that a stage run has started and that are not over, the oldest first."""
        c = jobs.c
        query = sa.select(c.id).where(c.parent == run_id, sa.text("parent IS NOT NULL AND finished_at IS NULL"))
        return [id for (id,) in self._all(query.order_by(c.id).limit(limit))]

    def open_versions(self) -> list[tuple[str, int, int]]:
        """(pipeline, version, how many) of stage runs that are not done."""
        c = stage_runs.c
        counted = [
            sa.select(c.pipeline, c.version, sa.func.count().label("runs"))
            .where(sa.text(part))
            .group_by(c.pipeline, c.version)
            for part in (
                "state = 'ready'",
                "state = 'running'",
                "state IN ('waiting', 'retrying', 'parked')",
                "state IN ('failed', 'held') AND state = 'held'",
            )
        ]
        every = sa.union_all(*counted).subquery()
        query = sa.select(every.c.pipeline, every.c.version, sa.func.sum(every.c.runs))
        found = self._all(query.group_by(every.c.pipeline, every.c.version).order_by(every.c.pipeline, every.c.version))
        return [(pipeline, version, int(count)) for pipeline, version, count in found]

    def leases(self) -> list[tuple[str, int]]:
        """(worker, stage runs) that are running."""
        c = stage_runs.c
        query = sa.select(c.worker, sa.func.count()).where(_RUNNING, c.worker.is_not(None)).group_by(c.worker)
        return [(worker, count) for worker, count in self._all(query)]

    def stuck_jobs(self, limit: int) -> list[str]:
        """Ids of jobs, among the newest ones, that are not over although none of their stage runs is open."""
        c = jobs.c
        newest = sa.select(c.id, c.finished_at).order_by(c.id.desc()).limit(SAMPLE).subquery()
        live = sa.exists().where(stage_runs.c.job_id == newest.c.id, stage_runs.c.state.in_(_OPEN))
        return [
            id for (id,) in self._all(sa.select(newest.c.id).where(newest.c.finished_at.is_(None), ~live).limit(limit))
        ]

    def undecided(self, run_ids: Sequence[str]) -> dict[str, str]:
        """By stage run: the call that was begun and whose answer was never kept."""
        c = memos.c
        query = sa.select(c.run_id, c.name).where(c.run_id.in_(sorted(run_ids)), c.value.is_(None))
        return {run: name for run, name in self._all(query) if not name.startswith("~")} if run_ids else {}
