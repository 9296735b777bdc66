"""Files that are deleted unless a row claims them first: noted before they are written, and when their rows go.

So nothing that dies in between leaves a file that no row names, and no file goes whose row is kept.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from stagepass.declare.values import File
from stagepass.errors import Unavailable
from stagepass.sentences import sentence
from stagepass.store.base import Connections
from stagepass.store.tables import doomed_files, files

_CONDEMNED = 0
"""Used as the time: the file is being deleted and can no longer be claimed."""


class DoomedFiles(Connections):
    """Part of `SqlStore`."""

    def doom(self, uris: Sequence[str], owner: str, after: int) -> None:
        """Note files that are about to be written: unless a row claims them, they are deleted after that time."""
        with self._writing() as db:
            note(db, uris, owner, after)

    def keep_file(self, file: File, job_id: str | None, run_id: str | None, owner: str, at: int) -> None:
        """See `stagepass.engine.model.store.Store`."""
        with self._writing() as db:
            claim(db, [file], job_id, run_id, owner, at, noted=False)

    def condemned(self, now: int, limit: int) -> list[str]:
        """Uris that have expired and can no longer be claimed. Delete the files, then call `forget_doomed`."""
        c = doomed_files.c
        due = sa.select(c.uri).where(c.after <= now).order_by(c.after).limit(limit).with_for_update(skip_locked=True)
        with self._writing() as db:
            found = list(db.scalars(due))
            if found:
                db.execute(sa.update(doomed_files).where(c.uri.in_(found)).values(after=_CONDEMNED))
        return found

    def forget_doomed(self, uris: Sequence[str]) -> None:
        """These files are deleted."""
        with self._writing() as db:
            db.execute(sa.delete(doomed_files).where(doomed_files.c.uri.in_(list(uris))))

    def condemn_owner(self, owner: str) -> None:
        """Whatever of this person waits to be deleted is due at once."""
        with self._writing() as db:
            db.execute(sa.update(doomed_files).where(doomed_files.c.owner == owner).values(after=_CONDEMNED))


def note(db: Connection, uris: Sequence[str], owner: str, after: int) -> None:
    """In a transaction: these files are deleted after that time."""
    if uris:
        db.execute(sa.insert(doomed_files), [{"uri": uri, "owner": owner, "after": after} for uri in uris])


def claim(
    db: Connection, kept: Sequence[File], job_id: str | None, run_id: str | None, owner: str, at: int, *, noted: bool
) -> None:
    """In a transaction: these files belong to a job.

    Args:
        noted: each was noted before it was written. Raises `Unavailable` if one was too slow, and is being deleted.
    """
    if not kept:
        return
    c = doomed_files.c
    freed = db.execute(sa.delete(doomed_files).where(c.uri.in_([f.uri for f in kept]), c.after > _CONDEMNED)).rowcount
    if noted and freed != len(kept):
        raise Unavailable(sentence("the upload took too long and was discarded; send it again"))
    rows = [
        {**file.model_dump(), "name": file.name[:300], "job_id": job_id, "run_id": run_id, "owner": owner}
        for file in kept
    ]
    db.execute(sa.insert(files), [{**row, "created_at": at} for row in rows])
