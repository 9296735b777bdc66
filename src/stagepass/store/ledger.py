"""Queries about money, for people and redrives; running jobs never use them."""

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from stagepass.engine.model.records import Attempt, Spend
from stagepass.store import part_rows
from stagepass.store.base import Connections
from stagepass.store.statements import chunks
from stagepass.store.tables import attempts, jobs, memos, spends, stage_runs


class LedgerReads(Connections):
    """Part of `SqlStore`."""

    def spends(self, job_id: str) -> list[Spend]:
        """A job's payments, in order."""
        return self.spends_of([job_id]).get(job_id, [])

    def spends_of(self, job_ids: Sequence[str]) -> dict[str, list[Spend]]:
        """See `stagepass.reports.reads.Reads`."""
        found: dict[str, list[Spend]] = defaultdict(list)
        for part in chunks(job_ids):
            for row in self._all(sa.select(spends).where(spends.c.job_id.in_(part)).order_by(spends.c.id)):
                found[row.job_id].append(part_rows.spend_of(row))
        return dict(found)

    def further_attempts(self, job_ids: Sequence[str]) -> dict[str, list[Attempt]]:
        """See `stagepass.reports.reads.Reads`."""
        found: dict[str, list[Attempt]] = defaultdict(list)
        for part in chunks(job_ids):
            query = sa.select(attempts).where(attempts.c.job_id.in_(part), attempts.c.number > 1)
            for row in self._all(query.order_by(attempts.c.id)):
                found[row.job_id].append(part_rows.attempt_of(row))
        return dict(found)

    def paying_jobs(self, pipeline: str | None, since: int, after: str, limit: int) -> list[str]:
        """See `stagepass.reports.reads.Reads`."""
        c = spends.c
        query = sa.select(c.job_id).where(c.at >= since, c.job_id > after).distinct().order_by(c.job_id).limit(limit)
        if pipeline:
            query = query.join(jobs, jobs.c.id == c.job_id).where(jobs.c.pipeline == pipeline)
        return [job for (job,) in self._all(query)]

    def open_calls(self, run_ids: Sequence[str]) -> list[tuple[str, str]]:
        """(run, memo's name) of calls that were begun and whose value was never kept."""
        c, found = memos.c, list[tuple[str, str]]()
        for part in chunks(run_ids):
            query = sa.select(c.run_id, c.name).where(c.run_id.in_(part), c.value.is_(None))
            found += [(run, name) for run, name in self._all(query)]
        return found

    def usual_spend(self, queue: str, sample: int) -> list[float]:
        """See `stagepass.reports.reads.Reads`."""
        c = spends.c
        last = self._all(sa.select(c.run_id, c.usd).where(c.queue == queue).order_by(c.at.desc()).limit(sample * 4))
        sums: dict[str, float] = defaultdict(float)
        for run, usd in last:
            sums[run] += usd
        done: set[str] = set()
        for part in chunks(list(sums)[: sample * 2]):
            query = sa.select(stage_runs.c.id).where(stage_runs.c.id.in_(part), stage_runs.c.state == "completed")
            done.update(run for (run,) in self._all(query))
        return [usd for run, usd in sums.items() if run in done][:sample]
