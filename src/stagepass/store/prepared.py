"""Statements compiled once per database, for rows that are written by the hundred.

SQLAlchemy still writes the SQL; what is saved is its work per row, which for small stages is a good
part of everything that a job costs. Only for columns whose Python values need no conversion.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect


class Prepared:
    """One statement with named parameters, as the driver takes it."""

    def __init__(self, statement: sa.Insert | sa.Update, names: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._names = list(names) if names is not None else None
        self._compiled: dict[str, tuple[str, list[str] | None]] = {}

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute it for each row; returns how many rows of the table it touched."""
        sql, order = self._for(connection.dialect)
        values: Any = rows if order is None else [tuple(row[name] for name in order) for row in rows]
        return connection.exec_driver_sql(sql, values).rowcount

    def _for(self, dialect: Dialect) -> tuple[str, list[str] | None]:
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._names)
            order = list(compiled.positiontup) if compiled.positional else None
            found = self._compiled[dialect.name] = (str(compiled), order)
        return found
