"""Makes the connections, and turns what drivers raise into our own errors."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url

from stagepass.engine.model.ports import Stale
from stagepass.errors import SettingsError, StoreUnavailable

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}

_CONFLICTS = ("40001", "40P01", "1213", "1205", "1020")
"""Serialization failures, dead-locks and lock time-outs, of PostgreSQL and of MySQL: do it again."""

_SQLITE = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "busy_timeout=15000",
    "temp_store=MEMORY",
    "wal_autocheckpoint=16000",  # pages, only in case the thread in `checkpoint` does not get to it
)


def parse(url: str) -> URL:
    """A `DATABASE_URL` with the driver that we install. Raises `SettingsError`."""
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        raise SettingsError(
            "DATABASE_URL is not a URL; write sqlite:///file.db or postgresql://user@host/name"
        ) from None
    name = parsed.drivername.split("+")[0]
    if name not in _DRIVERS:
        raise SettingsError(f"DATABASE_URL: {name!r} is not supported; use sqlite, postgresql, mysql or mariadb")
    return parsed.set(drivername=_DRIVERS[name])


def engines(url: str, *, pool: int = 5) -> tuple[Engine, Engine]:
    """Two views of one database: for transactions that write, and for single reads."""
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, begin=True, pool=pool), _sqlite(parsed, begin=False, pool=pool)
    options: dict[str, Any] = {
        "hide_parameters": True,
        "pool_size": pool,
        "max_overflow": 10,
        "pool_pre_ping": True,
        "pool_timeout": 10,
    }
    if parsed.get_backend_name() == "mysql":
        options["connect_args"] = {"connect_timeout": 5, "read_timeout": 30, "write_timeout": 30}
        # MySQL's own default keeps a snapshot that the claim must not see, and locks gaps
        options["isolation_level"] = "READ COMMITTED"
        options["pool_recycle"] = 3600
    else:
        options["connect_args"] = {"connect_timeout": 5, "application_name": "stagepass"}
    engine = sa.create_engine(parsed, **options)
    if parsed.get_backend_name() == "postgresql":
        event.listen(engine, "connect", _by_index)
    return engine, engine.execution_options(isolation_level="AUTOCOMMIT")


def _by_index(connection: Any, _: Any) -> None:
    """Every query here has its index, and its plan is made once, often while the tables are nearly empty.

    PostgreSQL then takes to reading a table as a whole, and does so still when ten thousand rows have come,
    until it gathers its next statistics.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("SET jit = off")
    connection.commit()


def _sqlite(url: URL, *, begin: bool, pool: int) -> Engine:
    if not url.database or url.database == ":memory:":
        raise SettingsError("DATABASE_URL: several processes share the database, so SQLite needs a file")
    engine = sa.create_engine(
        url,
        connect_args={"timeout": 15, "check_same_thread": False, "isolation_level": None},
        hide_parameters=True,  # an error's text must not hold what people wrote
        pool_size=pool,
        max_overflow=10,
        poolclass=sa.QueuePool,
    )

    def pragmas(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in _SQLITE:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", pragmas)
    if begin:
        # take the write lock at once: a transaction that reads first and then writes could be refused half-way
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def shut(engine: Engine) -> None:
    """Close the connections: the idle ones now, the others when they are given back; and make none any more.

    A thread that outlives its store would else open a connection that nobody closes.
    """
    event.listen(engine, "do_connect", _refuse)
    event.listen(engine, "checkin", lambda _, record: record.invalidate())
    engine.dispose()


def _refuse(*_: Any) -> None:
    raise StoreUnavailable("this process has closed its store")


def changed_rows(connection: sa.Connection) -> int:
    """Rows that this connection to SQLite has ever inserted, updated and deleted."""
    driver: Any = connection.connection.driver_connection
    return int(driver.total_changes)


@contextmanager
def translated() -> Iterator[None]:
    """Inside, a driver's errors become `StoreUnavailable` or `Stale`; a broken constraint stays what it is."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as problem:
        raise _ours(getattr(problem, "orig", None) or problem) from None
    except sa.exc.DBAPIError as problem:
        if problem.connection_invalidated:
            raise StoreUnavailable("the connection to the database was lost") from None
        raise
    except _drivers_own() as problem:
        raise _ours(problem) from None


def _drivers_own() -> tuple[type[Exception], ...]:
    """What comes past SQLAlchemy as the driver raised it: where it sets a connection's isolation level."""
    loaded = (sys.modules.get(name) for name in ("psycopg", "pymysql"))
    return tuple(kind for driver in loaded if driver for kind in (driver.OperationalError, driver.InterfaceError))


def _ours(problem: BaseException) -> Stale | StoreUnavailable:
    code = str(getattr(problem, "sqlstate", None) or (problem.args[0] if problem.args else ""))
    if code in _CONFLICTS:
        return Stale(code)
    return StoreUnavailable(f"the database did not answer: {type(problem).__name__} {code}".strip())
