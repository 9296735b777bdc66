"""Databases of the tests' own: one of each kind per session, emptied between tests, dropped at the end."""

import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from stagepass.store import SqlStore, migrate
from stagepass.store.tables import metadata
from tests.support.waiting import wait_until

KINDS = ("sqlite", "postgresql", "mariadb")

CLOSING = 15.0
"""Seconds after which a connection that its server still shows is one that nobody closed."""


@contextmanager
def new_database(kind: str, folder: Path, *, schema: bool = True) -> Iterator[str]:
    """The URL of an empty database, with our schema if wanted. Without a server: a failure in CI, else a skip that says why."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / f'{secrets.token_hex(4)}.db'}"
        if schema:
            make_schema(url)
        yield url
        return
    name = f"sp_test_{secrets.token_hex(6)}"
    try:
        _administer(kind, f"CREATE DATABASE {name}")
    except (psycopg.OperationalError, pymysql.err.OperationalError) as problem:
        missing(f"no {kind} server on 127.0.0.1: {type(problem).__name__}")
    user = {"postgresql": "postgres", "mariadb": "root"}[kind]
    try:
        url = f"{kind}://{user}@127.0.0.1/{name}"
        if kind == "postgresql":  # a lost server loses this database, too
            _administer(kind, f"ALTER DATABASE {name} SET synchronous_commit = off")
        if schema:
            make_schema(url)
        yield url
        _nobody_left(kind, name)
    finally:
        _administer(kind, f"DROP DATABASE {name}" + (" WITH (FORCE)" if kind == "postgresql" else ""))


def make_schema(url: str) -> None:
    """The newest schema, in an empty database: what all revisions make together (`test_schema` holds that), in one go."""
    with closing(SqlStore(url)) as store:
        store.create_all()
        with store._writes.begin() as db:
            db.execute(sa.text(f"CREATE TABLE {migrate.VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            db.execute(sa.text(f"INSERT INTO {migrate.VERSION_TABLE} VALUES (:head)"), {"head": migrate.head()})


def missing(why: str) -> None:
    """A server is not there."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why.splitlines()[0])


def empty(store: SqlStore) -> None:
    """Delete every row."""
    with store._writes.begin() as db:
        for table in reversed(metadata.sorted_tables):
            db.execute(sa.delete(table))


def connections(kind: str, name: str) -> int:
    """How many connections a database has."""
    if kind == "postgresql":
        return int(_administer(kind, f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"))
    return int(_administer(kind, f"SELECT count(*) FROM information_schema.processlist WHERE db = '{name}'"))


def _nobody_left(kind: str, name: str) -> None:
    """Every connection was closed. The server shows one for a moment after its client closed it or was killed."""
    with suppress(AssertionError):
        wait_until(lambda: connections(kind, name) == 0, CLOSING)
    left = connections(kind, name)
    assert left == 0, f"{left} connections to {name} were left open"


def _administer(kind: str, statement: str) -> Any:
    if kind == "postgresql":
        with psycopg.connect("postgresql://postgres@127.0.0.1/postgres", autocommit=True, connect_timeout=3) as db:
            cursor = db.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    with closing(pymysql.connect(host="127.0.0.1", user="root", connect_timeout=3)) as db, db.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
        return row[0] if row else None
