"""The store's part in alerts: what happened in a window, and who may tell it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from stagepass.engine.model.transaction import Taken
from stagepass.store import texts
from stagepass.store.base import Connections
from stagepass.store.tables import alerts, attempts, notices, stage_runs


class AlertReads(Connections):
    """Part of `SqlStore`. No query grows with history: each uses an index over live rows, or over time."""

    def failed_between(self, since: int, until: int) -> list[tuple[str, dict[str, Any]]]:
        """(queue, error) of each dead letter of that time that still is one."""
        c = stage_runs.c
        stopped = sa.text("state IN ('failed', 'held')")  # as in the index
        query = sa.select(c.queue, c.error).where(
            stopped, c.state == "failed", c.finished_at >= since, c.finished_at < until
        )
        return [(queue, texts.load(error) or {}) for queue, error in self._all(query)]

    def held_between(self, since: int, until: int) -> list[str]:
        """The queue of each call of unknown outcome that was held in that time, and still is."""
        c, a = stage_runs.c, attempts.c
        query = (
            sa.select(c.id, c.queue)
            .join(attempts, sa.and_(a.job_id == c.job_id, a.run_id == c.id))
            .where(sa.text("stage_runs.state IN ('failed', 'held')"), c.state == "held")
            .where(a.outcome == "held", a.ended_at >= since, a.ended_at < until)
            .distinct()
        )
        return [queue for _, queue in self._all(query)]

    def count_notices(self, kind: str, since: int, until: int) -> int:
        """Number of occurrences."""
        query = sa.select(sa.func.count()).where(notices.c.at >= since, notices.c.at < until, notices.c.kind == kind)
        return int(self._all(query)[0][0])

    def alerts(self, since: int) -> Sequence[Any]:
        """Windows with something to tell that ended since then: `until`, `state`, `facts`; in order."""
        return self._all(sa.select(alerts).where(alerts.c.until >= since).order_by(alerts.c.until))

    def claim_alert(self, until: int, facts: str) -> bool:
        """Whether the window is the caller's to tell: only the first to ask has it."""
        try:
            with self._writing() as db:
                db.execute(sa.insert(alerts).values(until=until, state="sending", facts=facts))
        except Taken:
            return False
        return True

    def end_alert(self, until: int, state: str) -> None:
        """State of the window, `told` or `missed`."""
        with self._writing() as db:
            db.execute(sa.update(alerts).where(alerts.c.until == until).values(state=state))

    def forget_alerts(self, before: int) -> None:
        """Delete what is older."""
        with self._writing() as db:
            db.execute(sa.delete(alerts).where(alerts.c.until < before))
            db.execute(sa.delete(notices).where(notices.c.at < before))
