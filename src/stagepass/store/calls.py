"""The calls that were measured (`api_metrics`): written in batches, forgotten with whom they are about."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from stagepass.store.base import Connections
from stagepass.store.tables import api_metrics


class Calls(Connections):
    """Part of `SqlStore`."""

    def note_calls(self, rows: Sequence[dict[str, Any]]) -> None:
        """Keep these calls, in one transaction; each has the columns of `api_metrics`."""
        with self._writing() as connection:
            connection.execute(sa.insert(api_metrics), list(rows))

    def forget_calls(self, *, owner: str = "", session: str = "", job_id: str = "", before: int = 0) -> None:
        """Delete the calls of an owner, or of one session of theirs; those about a job; those before a time."""
        c = api_metrics.c
        which = [c.at < before]
        which += [sa.and_(c.owner == owner, c.session_id == session) if session else c.owner == owner] if owner else []
        which += [c.job_id == job_id] if job_id else []
        with self._writing() as connection:
            connection.execute(sa.delete(api_metrics).where(sa.or_(*which)))
