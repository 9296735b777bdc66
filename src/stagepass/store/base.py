"""One process's connections to the database: how its reads and its writing transactions are made, and their end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from stagepass.store import connect
from stagepass.store.checkpoint import Checkpointer
from stagepass.store.writer import WriterLock


class Connections:
    """What the parts of `SqlStore` have in common.

    Args:
        url: ``sqlite:///file.db``, ``postgresql://…``, ``mysql://…`` or ``mariadb://…``.
        pool: connections kept open.
    """

    def __init__(self, url: str, *, pool: int = 5) -> None:
        self._writes, self._reads = connect.engines(url, pool=pool)
        self.dialect = self._writes.dialect.name
        self._writer = WriterLock(str(self._writes.url.database)) if self.dialect == "sqlite" else None
        self._log = Checkpointer(self._reads, self._writer) if self._writer else None

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A transaction that writes."""
        if self._writer is None or self._log is None:
            with connect.translated(), self._writes.begin() as db:
                yield db
            return
        with connect.translated(), self._writer.held(), self._writes.begin() as db:
            before = connect.changed_rows(db)
            yield db
            rows = connect.changed_rows(db) - before
        self._log.wrote(rows)

    def _all(self, query: sa.Executable) -> Sequence[Any]:
        with connect.translated(), self._reads.connect() as connection:
            return connection.execute(query).all()

    def close(self) -> None:
        if self._log:
            self._log.close()
        connect.shut(self._writes)
        if self._reads.pool is not self._writes.pool:
            connect.shut(self._reads)
        if self._writer:
            self._writer.close()
