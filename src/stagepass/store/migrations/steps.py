"""The steps of a revision, which runs beside programs that keep working.

Each step looks first whether it is done, so an interrupted revision can be started again. On PostgreSQL
indexes of tables that are written to are built concurrently, and rows are rewritten in pages with a transaction each.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

PAGE = 500


def lock_jobs_first(*others: str) -> None:
    """Lock the tables in the order in which every transaction locks rows: jobs first. Held only briefly."""
    if op.get_bind().dialect.name == "postgresql":
        for table in ("jobs", *others):
            op.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")


def add_columns(table: str, *columns: "sa.Column[Any]") -> None:
    """Columns that may be NULL: added without touching a row."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in there:
            op.add_column(table, column)


def create_table(name: str, *columns: Any, **options: Any) -> None:
    """A new table with its indexes."""
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *columns, **options)


def create_index(name: str, table: str, columns: list[Any], *, unique: bool = False, where: str | None = None) -> None:
    """An index, built while others write."""
    with by_itself():
        bind = op.get_bind()
        concurrently = bind.dialect.name == "postgresql"
        if concurrently:  # one that was interrupted is there, and of no use
            broken = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"
            if bind.scalar(sa.text(broken), {"name": name}):
                op.execute(f"DROP INDEX CONCURRENTLY {name}")
        if name in {index["name"] for index in sa.inspect(bind).get_indexes(table)}:
            return
        condition = sa.text(where) if where else None
        op.create_index(
            name,
            table,
            columns,
            unique=unique,
            sqlite_where=condition,
            postgresql_where=condition,
            postgresql_concurrently=concurrently,
        )


def drop_index(name: str, table: str) -> None:
    """An index that nothing needs any more, dropped while others write."""
    with by_itself():
        bind = op.get_bind()
        if name in {index["name"] for index in sa.inspect(bind).get_indexes(table)}:
            op.drop_index(name, table, postgresql_concurrently=bind.dialect.name == "postgresql")


def in_pages(read: Callable[[Any], list[Any]], write: Callable[[Any], object]) -> None:
    """Rewrite rows: `read` returns the page after a row (None at first), `write` changes one row."""
    last = None
    while True:
        with by_itself():
            page = read(last)
            for row in page:
                write(row)
        if not page:
            return
        last = page[-1]


@contextmanager
def by_itself() -> Iterator[None]:
    """Outside of the revision's transaction, whose locks end here. SQLite has one writer, and stays in its own."""
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            yield
    else:
        yield
        if (
            op.get_bind().dialect.name == "mysql"
        ):  # DDL commits by itself there, and rows must not stay locked till then
            op.get_bind().commit()
