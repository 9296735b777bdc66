"""What one owner takes of an installation: for quotas."""

import sqlalchemy as sa

from stagepass.store import connect
from stagepass.store.base import Connections
from stagepass.store.doomed import note
from stagepass.store.tables import files, jobs

AHEAD = "z"
"""What the `job_id` of a file that was sent ahead begins with: no job's id does, in whatever order a database sorts."""


class Usage(Connections):
    """Part of `SqlStore`."""

    def open_jobs(self, owner: str, most: int) -> int:
        """How many jobs of the owner's have not ended; counted up to `most`."""
        found = sa.select(jobs.c.id).where(jobs.c.owner == owner, jobs.c.finished_at.is_(None)).limit(most).subquery()
        with connect.translated(), self._using, self._reads.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(found)) or 0)

    def stored_bytes(self, owner: str) -> int:
        """Bytes of the files that are the owner's."""
        with connect.translated(), self._using, self._reads.connect() as connection:
            total = sa.select(sa.func.coalesce(sa.func.sum(files.c.size), 0)).where(files.c.owner == owner)
            return int(connection.scalar(total) or 0)

    def forget_ahead(self, *, now: int, before: int | None = None, owner: str | None = None, limit: int = 1000) -> int:
        """Let go of files that were sent ahead of a job: those older than `before`, or all of an owner's.

        They are deleted with what else is doomed. Returns how many they are.
        """
        c = files.c
        which = [c.job_id >= AHEAD, c.job_id < chr(ord(AHEAD) + 1)]
        which += [c.created_at < before] if before is not None else []
        which += [c.owner == owner] if owner is not None else []
        with self._writing() as db:
            found = db.execute(sa.select(c.uri, c.owner).where(*which).limit(limit)).all()
            if found:
                db.execute(sa.delete(files).where(c.uri.in_([row.uri for row in found])))
                for row in found:
                    note(db, [row.uri], row.owner, now)
        return len(found)
