"""Statements compiled once per database, and given to its driver as they are.

SQLAlchemy still writes the SQL; what is saved is its work per execution and per row, which for small
stages is the greater part of everything that a job costs. Only for columns whose Python values need no
conversion. A driver's errors come out as SQLAlchemy's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

Names = Mapping[str, Any]


class Prepared:
    """One statement with named parameters, as the driver takes it."""

    def __init__(self, statement: sa.Insert | sa.Update | sa.Select[Any] | sa.CompoundSelect[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def many(self, connection: Connection, rows: Sequence[Names]) -> int:
        """Execute it for each row; returns how many rows of the table it touched."""
        compiled = self._for(connection.dialect)
        with _cursor(connection, compiled.sql) as cursor:
            cursor.executemany(compiled.sql, [compiled.arguments(row) for row in rows])
            return int(cursor.rowcount)

    def all(self, connection: Connection, values: Names) -> Sequence[tuple[Any, ...]]:
        """Its rows, with their columns in the order of the statement."""
        compiled = self._for(connection.dialect)
        with _cursor(connection, compiled.sql) as cursor:
            cursor.execute(compiled.sql, compiled.arguments(values))
            found: Sequence[tuple[Any, ...]] = cursor.fetchall()
            return found

    def _for(self, dialect: Dialect) -> "_Compiled":
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = _Compiled(self._statement, dialect)
        return found


class _Compiled:
    def __init__(self, statement: Any, dialect: Dialect) -> None:
        names = None
        if isinstance(statement, sa.Insert):
            names = [column.name for column in statement.table.columns if column.autoincrement is not True]
        compiled: Any = statement.compile(dialect=dialect, column_keys=names)
        self.sql = str(compiled)
        self._order = list(compiled.positiontup) if compiled.positional else None
        self._fixed = {name: bind.value for name, bind in compiled.binds.items() if bind.value is not None}
        """Parameters of the statement itself, such as SQLite's OFFSET 0."""

    def arguments(self, values: Names) -> Any:
        values = {**self._fixed, **values} if self._fixed else values
        return values if self._order is None else [values[name] for name in self._order]


class ByList:
    """A query for lists of values, compiled for 1, 2, 4, 8 … of them; a list is filled up with its last.

    Args:
        make: gives the query for the parameters of each list, by the list's name.
    """

    def __init__(self, make: Callable[..., sa.Select[Any]], *lists: str) -> None:
        self._make = make
        self._lists = lists
        self._made: dict[tuple[int, ...], Prepared] = {}

    def all(self, connection: Connection, **lists: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        """The rows for these lists, none of which may be empty."""
        sizes = tuple(1 << (len(lists[name]) - 1).bit_length() for name in self._lists)
        prepared = self._made.get(sizes)
        if prepared is None:
            binds: dict[str, list[sa.BindParameter[Any]]] = {
                name: [sa.bindparam(f"{name}_{number}") for number in range(size)]
                for name, size in zip(self._lists, sizes, strict=True)
            }
            prepared = self._made[sizes] = Prepared(self._make(**binds))
        values: dict[str, Any] = {}
        for name, size in zip(self._lists, sizes, strict=True):
            full = [*lists[name], *[lists[name][-1]] * (size - len(lists[name]))]
            values.update((f"{name}_{number}", value) for number, value in enumerate(full))
        return prepared.all(connection, values)


@contextmanager
def _cursor(connection: Connection, sql: str) -> Iterator[Any]:
    cursor = connection.connection.cursor()
    try:
        with translated_by(connection, sql, cursor):
            yield cursor
    finally:
        cursor.close()


@contextmanager
def translated_by(connection: Connection, sql: str, cursor: Any = None) -> Iterator[None]:
    """Inside, the driver's errors come out as SQLAlchemy's, and a lost connection is taken out of its pool."""
    dialect = connection.dialect
    try:
        yield
    except dialect.loaded_dbapi.Error as problem:
        lost = dialect.is_disconnect(problem, connection.connection.dbapi_connection, cursor)
        if lost:
            connection.invalidate(problem)
        raise sa.exc.DBAPIError.instance(
            sql,
            None,
            problem,
            dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=dialect,
        ) from problem
