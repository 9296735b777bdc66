"""How much a database does in the writing transactions of a store, counted by the database itself.

The unit is the database's own: on PostgreSQL the rows and index entries that were read, on MariaDB the
handler's read calls, on SQLite ten instructions of its virtual machine. Counts of one kind are compared with
each other; they do not depend on the machine or on what else runs on it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from stagepass.store import SqlStore

_POSTGRESQL = """
    SELECT coalesce(sum(pg_stat_get_tuples_returned(oid) + pg_stat_get_tuples_fetched(oid)), 0)
    FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace
"""


@dataclass
class Work:
    """What was counted so far."""

    done: int = 0


@contextmanager
def work(store: SqlStore) -> Iterator[Work]:
    """Counts the work of each transaction that the store commits inside."""
    counted = Work()
    if store.dialect == "postgresql":
        before = _postgresql(store)
        yield counted
        counted.done = _postgresql(store) - before
        return
    engine = store._writes
    begin, commit = {"sqlite": _sqlite, "mysql": _mysql}[store.dialect](counted)
    event.listen(engine, "begin", begin)
    event.listen(engine, "commit", commit)
    try:
        yield counted
    finally:
        event.remove(engine, "begin", begin)
        event.remove(engine, "commit", commit)


def _sqlite(counted: Work) -> Any:
    def step() -> None:
        counted.done += 1

    def handler(connection: sa.Connection, function: Any) -> None:
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(function, 10)

    return lambda connection: handler(connection, step), lambda connection: handler(connection, None)


def _postgresql(store: SqlStore) -> int:
    """A batch's COMMIT is in its last trip, so the server's sums are read, after each session has reported its own."""
    for engine in (store._writes, store._batches, store._reads):
        with engine.connect() as connection:  # the pool gives the one that was used last
            connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    with store._reads.connect() as connection:
        return int(connection.exec_driver_sql(_POSTGRESQL).scalar_one())


def _mysql(counted: Work) -> Any:
    def reads(driver: Any) -> int:
        with driver.cursor() as cursor:
            cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
            return sum(int(row[1]) for row in cursor.fetchall())

    return _difference(counted, reads)


def _difference(counted: Work, reads: Callable[[Any], int]) -> Any:
    """Both counters go on from one transaction of a connection to the next."""

    def begin(connection: sa.Connection) -> None:
        counted.done -= reads(connection.connection.driver_connection)

    def commit(connection: sa.Connection) -> None:
        counted.done += reads(connection.connection.driver_connection)

    return begin, commit
