"""The schema's `metadata`, and the column types that every table uses."""

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Text, text
from sqlalchemy.dialects.mysql import LONGTEXT

metadata = MetaData()

MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}
"""Binary collation: owners and keys that differ in case or accents are different."""


def id_column(name: str, length: int = 40, **options: Any) -> Column[str]:
    """A column for one of our ids."""
    return Column(name, String(length), **options)


def long_text() -> Text:
    """A column type for texts without a bound."""
    return Text().with_variant(LONGTEXT(), "mysql", "mariadb")


def where(condition: str) -> dict[str, Any]:
    """The condition of a partial index, where the database has such indexes."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


READY: dict[str, Any] = {
    "sqlite_where": text("state = 'ready'"),
    # PostgreSQL drops from a search what the index's condition implies, and with it the state, which stands in the
    # middle of the index: then it would read the whole queue for one priority
    "postgresql_where": text("state >= 'ready' AND state <= 'ready'"),
}
"""The condition of the indexes of what is ready."""


def counter(name: str) -> Column[int]:
    """A primary key that the database counts up."""
    kind = BigInteger().with_variant(Integer(), "sqlite")
    return Column(name, kind, primary_key=True, autoincrement=True)
