"""One process's connections to the database: how its reads and its writing transactions are made, and their end."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import sqlalchemy as sa

from stagepass import forking
from stagepass.store import connect
from stagepass.store.checkpoint import Checkpointer
from stagepass.store.gate import Gate
from stagepass.store.same_file import SameFile
from stagepass.store.writer import WriterLock

_NOW = {
    "postgresql": sa.text("SELECT extract(epoch FROM clock_timestamp()) * 1000"),
    # the whole seconds by themselves: made of a local time, they would jump with summer time
    "mysql": sa.text("SELECT UNIX_TIMESTAMP() * 1000 + FLOOR(MICROSECOND(NOW(6)) / 1000)"),
}


class Connections:
    """Base class of the parts of `SqlStore`.

    Args:
        url: ``sqlite:///file.db``, ``postgresql://…``, ``mysql://…`` or ``mariadb://…``.
        pool: connections kept open for each of the two.
        patience: how long to wait for what.
    """

    def __init__(self, url: str, *, pool: int = 3, patience: connect.Patience = connect.Patience()) -> None:
        self._url = url
        file = SameFile(str(connect.parse(url).database))
        self._writes, self._reads = connect.engines(url, pool=pool, patience=patience, same_file=file)
        self._beats = connect.engine(url, pool=1, patience=connect.BEAT, same_file=file)
        """A heartbeat waits for no other work of its process."""
        self.dialect = self._writes.dialect.name
        self._batches = self._writes
        """For the committer's transactions."""
        if self.dialect == "postgresql":
            self._batches = connect.engine(url, pool=pool, patience=patience, batches=True)
        self._writer = (
            WriterLock(str(self._writes.url.database), patience.statement) if self.dialect == "sqlite" else None
        )
        self._using: AbstractContextManager[None] = Gate() if self._writer else nullcontext()
        """Around each use of a connection."""
        self._log = Checkpointer(self._reads, self._writer, self._using) if self._writer else None
        forking.renews(self)

    def renew(self) -> None:
        """A forked child connects by itself, and leaves its parent's connections alone."""
        for engine in {self._writes, self._batches, self._reads, self._beats}:
            forking.kept.append(engine.pool)
            engine.dispose(close=False)

    @contextmanager
    def _writing(self, *, beat: bool = False, batch: bool = False) -> Iterator[sa.Connection]:
        """A writing transaction; as a `beat`, on a separate connection with shorter time-outs."""
        engine = self._beats if beat else self._batches if batch else self._writes
        if self._writer is None or self._log is None:
            with connect.translated(), engine.begin() as db:
                yield db
            return
        patience = connect.BEAT.statement if beat else None
        with connect.translated(), self._writer.held(patience), self._using, engine.begin() as db:
            before = connect.changed_rows(db)
            yield db
            rows = connect.changed_rows(db) - before
        self._log.wrote(rows)

    def _all(self, query: sa.Executable) -> Sequence[Any]:
        with connect.translated(), self._using, self._reads.connect() as connection:
            return connection.execute(query).all()

    def _soon(self, query: sa.Executable) -> Sequence[Any]:
        """The same, over the heartbeat's connection and with its patience: for the loops that must not stand."""
        with connect.translated(), self._using, self._beats.connect() as connection:
            return connection.execute(query).all()

    def now(self) -> int | None:
        """The database's time in milliseconds since the epoch; None for SQLite, which has this machine's."""
        if self.dialect == "sqlite":
            return None
        return int(self._soon(_NOW[self.dialect])[0][0])

    def close(self) -> None:
        if self._log:
            self._log.close()
        for engine in {self._writes, self._batches, self._reads, self._beats}:
            connect.shut(engine)
        if self._writer:
            self._writer.close()
