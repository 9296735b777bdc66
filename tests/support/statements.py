"""Counts what a store asks of its database: statements, trips and commits, by what goes over the wire."""

import struct
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import event

from stagepass.declare.pipeline import Pipeline
from stagepass.store import SqlStore
from stagepass.testing import Lab
from tests.support.proxy import Line, through

_COM_QUERY = 3


@dataclass(frozen=True, slots=True)
class Count:
    """Of one transaction or more."""

    statements: int
    trips: int
    commits: int


@dataclass
class Log:
    """Statements in the order in which they were carried out, and the number of trips."""

    statements: list[str] = field(default_factory=list)
    trips: int = 0

    def naming(self, table: str) -> int:
        """Number of statements so far that read this table."""
        return sum(f"FROM {table}" in statement.replace("\n", " ") for statement in self.statements)

    def take(self) -> Count:
        """What was counted since the last time."""
        commits = sum(statement == "COMMIT" for statement in self.statements)
        found = Count(len(self.statements), self.trips, commits)
        self.statements, self.trips = [], 0
        return found


@contextmanager
def counted(url: str) -> Iterator[tuple[SqlStore, Log]]:
    """A store, and the log of what it asks for."""
    log = Log()
    if url.startswith("sqlite"):
        store = SqlStore(url)
        for engine in (store._writes, store._reads):
            event.listen(engine, "connect", lambda connection, _: connection.set_trace_callback(_trace(log)))
        yield store, log
        store.close()
        return
    postgresql = url.startswith("postgresql")
    with through(5432 if postgresql else 3306, url) as (proxy, led):
        hear = _Postgres(log) if postgresql else _MySQL(log)
        proxy.heard = hear
        store = SqlStore(led)
        yield store, log
        store.close()


@contextmanager
def counted_lab(url: str, *pipelines: Pipeline) -> Iterator[tuple[Lab, Log]]:
    """The same of a lab on that database."""
    log = Log()
    if url.startswith("sqlite"):
        with Lab(pipelines, database_url=url) as lab:
            for engine in (lab.store._writes, lab.store._reads):
                event.listen(engine, "connect", lambda connection, _: connection.set_trace_callback(_trace(log)))
                engine.dispose()
            yield lab, log
        return
    postgresql = url.startswith("postgresql")
    with through(5432 if postgresql else 3306, url) as (proxy, led):
        proxy.heard = _Postgres(log) if postgresql else _MySQL(log)
        with Lab(pipelines, database_url=led) as lab:
            yield lab, log


def _trace(log: Log) -> "object":
    def trace(statement: str) -> None:
        log.statements.append(statement)
        log.trips += 1

    return trace


class _Postgres:
    """Reads the messages of PostgreSQL's protocol."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._left: dict[int, bytes] = defaultdict(bytes)
        self._begun: set[int] = set()
        self._prepared: dict[tuple[int, bytes], str] = {}
        self._bound: dict[int, str] = {}

    def __call__(self, line: Line, piece: bytes) -> None:
        who = id(line)
        left = self._left[who] + piece
        if who not in self._begun:
            size, code = struct.unpack_from("!ii", left)
            left = left[size:]
            if code >> 16 == 3:  # the start; before it come questions for encryption
                self._begun.add(who)
        while who in self._begun and len(left) >= 5 and len(left) > (size := struct.unpack_from("!i", left, 1)[0]):
            self._message(who, left[:1], left[5 : size + 1])
            left = left[size + 1 :]
        self._left[who] = left

    def _message(self, who: int, kind: bytes, body: bytes) -> None:
        match kind:
            case b"P":
                name, sql, _ = body.split(b"\0", 2)
                self._prepared[who, name] = sql.decode()
            case b"B":
                _, name, _ = body.split(b"\0", 2)
                self._bound[who] = self._prepared[who, name]
            case b"E":
                self._log.statements.append(self._bound[who])
            case b"Q":
                self._log.statements.append(body.rstrip(b"\0").decode())
        if kind in (b"S", b"Q"):
            self._log.trips += 1


class _MySQL:
    """Reads the packets of MySQL's protocol."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._left: dict[int, bytes] = defaultdict(bytes)

    def __call__(self, line: Line, piece: bytes) -> None:
        left = self._left[id(line)] + piece
        while len(left) >= 4 and len(left) >= (size := int.from_bytes(left[:3], "little") + 4):
            if left[3] == 0 and left[4:5] == bytes([_COM_QUERY]):
                self._log.statements.append(left[5:size].decode("utf-8", "replace"))
                self._log.trips += 1
            left = left[size:]
        self._left[id(line)] = left
