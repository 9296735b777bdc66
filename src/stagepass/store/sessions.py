"""Sessions on PostgreSQL and MySQL that wait for nothing without an end, on either side of the connection."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine

from stagepass.errors import StoreUnavailable

if TYPE_CHECKING:
    from stagepass.store.connect import Patience

closed: "WeakSet[Engine]" = WeakSet()
"""Engines that make no connections any more."""

JUST_NOW = 1.0
"""Seconds after its last use during which the first trip of a batch is sign of life enough."""

KEEPALIVE = {"keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
"""A peer that vanished from a quiet connection is noticed after about 11 s, by both ends."""


def postgresql(url: URL, options: dict[str, Any], patience: "Patience", *, batches: bool) -> Engine:
    import psycopg

    class Connection(psycopg.Connection[Any]):
        """The server's own deadlines end a statement; this one ends the wait for a server that is silent."""

        deadline = patience.statement + 1.0
        first_deadline = patience.ping + patience.lock
        """For the first trip of a batch, which is its connection's sign of life."""

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, self.deadline if timeout is None else timeout)
            except psycopg.errors._WaitTimeout:
                self.pgconn.finish()  # an answer that comes later must not be taken for another's
                raise psycopg.OperationalError(f"no answer within {self.deadline:g} s") from None

    arguments = {
        "connect_timeout": max(2, round(patience.connect)),
        "application_name": "stagepass",
        "tcp_user_timeout": round(patience.statement * 1000),
        **KEEPALIVE,
    }
    engine = sa.create_engine(url, connect_args=arguments, **options)
    _connect_by(engine, Connection.connect)
    event.listen(
        engine,
        "connect",
        lambda connection, _: _prepare_postgresql(connection, patience, batches=batches),
    )
    _ping_idle(engine, patience, JUST_NOW if batches else 0.0)
    return engine


def _prepare_postgresql(connection: Any, patience: "Patience", *, batches: bool) -> None:
    settings: dict[str, str | int] = {
        "lock_timeout": round(patience.lock * 1000),
        "statement_timeout": round(patience.statement * 1000),
        "idle_in_transaction_session_timeout": round(patience.idle * 1000),
        "tcp_keepalives_idle": KEEPALIVE["keepalives_idle"],
        "tcp_keepalives_interval": KEEPALIVE["keepalives_interval"],
        "tcp_keepalives_count": KEEPALIVE["keepalives_count"],
        "tcp_user_timeout": round(patience.statement * 1000),
        # Every query here has its index, and its plan is made once, often while the tables are nearly empty.
        # PostgreSQL then takes to reading a table as a whole, and does so still when ten thousand rows have come,
        # until it gathers its next statistics.
        "enable_seqscan": "off",
        "jit": "off",
    }
    if batches:
        # They join a batch's few rows with as many of a table, by its key. To plan that each time would take longer
        # than to do it.
        settings |= {"enable_hashjoin": "off", "enable_mergejoin": "off", "plan_cache_mode": "force_generic_plan"}
    with connection.cursor() as cursor:
        calls = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in settings.items())
        cursor.execute(f"SELECT {calls}")
    if not connection.autocommit:
        connection.commit()


def mysql(url: URL, options: dict[str, Any], patience: "Patience") -> Engine:
    import pymysql

    class Connection(pymysql.connections.Connection):  # type: ignore[misc]
        """Has the same `deadline` as that of PostgreSQL."""

        @property
        def deadline(self) -> float:
            return float(self._read_timeout)

        @deadline.setter
        def deadline(self, seconds: float) -> None:
            self._read_timeout = seconds

    arguments = {
        "connect_timeout": patience.connect,
        "read_timeout": patience.statement + 1.0,
        "write_timeout": patience.statement,
    }
    # MySQL's own default keeps a snapshot that the claim must not see, and locks gaps
    options = {"isolation_level": "READ COMMITTED", **options}
    engine = sa.create_engine(url, connect_args=arguments, pool_recycle=3600, **options)
    _connect_by(engine, Connection)
    event.listen(engine, "connect", lambda connection, _: _prepare_mysql(connection, patience))
    _ping_idle(engine, patience)
    return engine


def _prepare_mysql(connection: Any, patience: "Patience") -> None:
    whole = max(1, round(patience.lock))
    settings: dict[str, float] = {
        "innodb_lock_wait_timeout": whole,
        "lock_wait_timeout": whole,
        "net_write_timeout": max(1, round(patience.statement)),
    }
    if "mariadb" in connection.get_server_info().lower():
        settings |= {"max_statement_time": patience.statement, "idle_transaction_timeout": max(1, round(patience.idle))}
    else:  # it can end a session that is idle, in a transaction or not; one outside is made again
        settings |= {
            "max_execution_time": round(patience.statement * 1000),
            "wait_timeout": max(1, round(patience.idle)),
        }
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION " + ", ".join(f"{name} = {value}" for name, value in settings.items()))


def _connect_by(engine: Engine, make: Callable[..., Any]) -> None:
    def connect(_: Any, __: Any, args: Any, options: Any) -> Any:
        if engine in closed:
            raise StoreUnavailable("this process has closed its store")
        return make(*args, **options)

    event.listen(engine, "do_connect", connect)


def _ping_idle(engine: Engine, patience: "Patience", just_now: float = 0.0) -> None:
    """Ask an idle connection for a sign of life before it is used, and drop them all when one is dead.

    Args:
        just_now: seconds since its last use during which it is not asked.
    """

    def connected(_: Any, record: Any) -> None:
        record.info["fresh"] = True

    def used(_: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    def ping(connection: Any, record: Any, _: Any) -> None:
        if record.info.pop("fresh", False) or time.monotonic() - record.info.get("used", 0.0) < just_now:
            return
        usual, connection.deadline = connection.deadline, patience.ping
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as problem:
            raise sa.exc.InvalidatePoolError from problem
        finally:
            connection.deadline = usual

    event.listen(engine, "connect", connected)
    event.listen(engine, "checkout", ping)
    if just_now:
        event.listen(engine, "checkin", used)
