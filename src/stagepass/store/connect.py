"""Creates connections, and turns driver errors into ours."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url

from stagepass.engine.model.transaction import Stale, Taken
from stagepass.errors import SettingsError, StagepassError, StoreBug, StoreUnavailable, ValueRefused
from stagepass.sentences import sentence
from stagepass.store import sessions
from stagepass.store.meanings import Meaning, code_of, meaning_of
from stagepass.store.same_file import SameFile

log = logging.getLogger("stagepass.store")

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}

_SQLITE = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "temp_store=MEMORY",
    "wal_autocheckpoint=16000",  # pages, only in case the thread in `checkpoint` does not get to it
)


def parse(url: str) -> URL:
    """A `DATABASE_URL` with the driver that we install. Raises `SettingsError`."""
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # ValueError: a port that is no number
        raise SettingsError(
            sentence("DATABASE_URL is not a URL; write sqlite:///file.db or postgresql://user@host/name")
        ) from None
    name = parsed.drivername.split("+")[0]
    if name not in _DRIVERS:
        raise SettingsError(
            sentence(
                "DATABASE_URL: {name} is not supported; use sqlite, postgresql, mysql or mariadb", name=f"{name!r}"
            )
        )
    return parsed.set(drivername=_DRIVERS[name])


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds after which a wait for the database ends. Past `statement` the connection is dropped."""

    connect: float = 3.0
    ping: float = 2.0
    """For the first answer of a connection that was idle."""
    lock: float = 2.0
    """For a row that another transaction holds."""
    statement: float = 10.0
    idle: float = 5.0
    """After which a server ends a transaction of a process that says nothing more."""


BEAT = Patience(connect=2.0, ping=1.0, lock=1.0, statement=2.0)
"""A heartbeat's: late is as good as never."""


def engines(
    url: str, *, pool: int = 5, patience: Patience = Patience(), same_file: SameFile | None = None
) -> tuple[Engine, Engine]:
    """Two engines for one database, with separate connections: writing transactions, and single reads."""
    writes = engine(url, pool=pool, patience=patience, same_file=same_file)
    return writes, engine(url, reads=True, pool=pool, patience=patience, same_file=same_file)


def engine(
    url: str,
    *,
    reads: bool = False,
    pool: int = 5,
    patience: Patience = Patience(),
    same_file: SameFile | None = None,
    batches: bool = False,
) -> Engine:
    """One of them. Its connections keep the deadlines of `patience`; SQLite's are to `same_file`, if one is given.

    Args:
        batches: for the committer's transactions on PostgreSQL (`stagepass.store.postgresql`).
    """
    parsed = parse(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return _sqlite(parsed, same_file, begin=not reads, pool=pool, patience=patience)
    options: dict[str, Any] = {
        "hide_parameters": True,
        "pool_size": pool,
        "max_overflow": 10,
        "pool_timeout": patience.statement,
    }
    if reads:
        # a separate engine, not an option of the other's connections: that is set at each checkout, with a round trip
        # on MySQL, and a connection that is lost in it is never given back
        options |= {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
    if kind == "mysql":
        return sessions.mysql(parsed, options, patience)
    return sessions.postgresql(parsed, options, patience, batches=batches)


def _sqlite(url: URL, same_file: SameFile | None, *, begin: bool, pool: int, patience: Patience) -> Engine:
    if not url.database or url.database == ":memory:":
        raise SettingsError(sentence("DATABASE_URL: several processes share the database, so SQLite needs a file"))
    engine = sa.create_engine(
        url,
        connect_args={"timeout": patience.statement, "check_same_thread": False, "isolation_level": None},
        hide_parameters=True,  # an error's text must not hold what people wrote
        pool_size=pool,
        max_overflow=10,
        pool_timeout=patience.statement,
        poolclass=sa.QueuePool,
    )

    def pragmas(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={round(patience.statement * 1000)}", *_SQLITE):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", pragmas)
    if same_file is not None:

        def look(*_: Any) -> None:
            if not same_file.may_be_made():  # else SQLite would make an empty one
                same_file.check()

        event.listen(engine, "do_connect", look)
        event.listen(engine, "checkout", lambda *_: same_file.check())
    if begin:
        # take the write lock at once: a transaction that reads first and then writes could be refused half-way
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def shut(engine: Engine) -> None:
    """Close the connections: the idle ones now, the others when they are given back; and make none any more.

    Otherwise a thread that outlives its store opens a connection that is never closed.
    """
    sessions.closed.add(engine)
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
    """Inside, a database's errors become ours, by their meaning: `Stale`, `Taken`, `ValueRefused`, `StoreBug`, else
    `StoreUnavailable`. Their texts name the driver's code, and never a statement or a value.
    """
    try:
        yield
    except sa.exc.DBAPIError as problem:
        raise _ours(problem.orig or problem, problem.statement, lost=problem.connection_invalidated) from None
    except sa.exc.StatementError as problem:  # a value that SQLAlchemy itself could not convert
        raise _ours(problem.orig or problem, problem.statement) from None
    except (sa.exc.CompileError, sa.exc.ArgumentError):
        raise  # never reached a database
    except sa.exc.SQLAlchemyError as problem:  # no connection within the time, or one that was lost under it
        raise StoreUnavailable(f"the database did not answer: {type(problem).__name__}") from None
    except _past_sqlalchemy() as problem:
        raise _ours(problem) from None


def _past_sqlalchemy() -> tuple[type[Exception], ...]:
    """Driver errors that SQLAlchemy does not wrap: in its own statements, and in our prepared ones."""
    loaded = (sys.modules.get(name) for name in ("sqlite3", "psycopg", "pymysql"))
    return UnicodeError, OverflowError, *(driver.Error for driver in loaded if driver)


def _ours(problem: BaseException, statement: str | None = None, *, lost: bool = False) -> StagepassError:
    what = f"{type(problem).__name__} {code_of(problem)}".strip()
    match Meaning.AWAY if lost else meaning_of(problem):
        case Meaning.AGAIN:
            return Stale(f"another transaction was first: {what}")
        case Meaning.TAKEN:
            return Taken(f"a row with this key is there already: {what}")
        case Meaning.VALUE:
            return ValueRefused(
                f"the database cannot hold one of these values ({what}): it is too long, out of range, "
                "or has a character that no text can have"
            )
        case Meaning.BUG:
            log.error("%s: a statement of ours was refused: %s", what, " ".join((statement or "").split())[:2000])
            return StoreBug(f"the database refused a statement: {what}")
    away = StoreUnavailable(f"the database did not answer: {what}")
    away.reached = not lost and bool(code_of(problem)) and not isinstance(problem, sa.exc.SQLAlchemyError)
    return away
