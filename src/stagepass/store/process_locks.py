"""Locks that a process's death releases: of a session on PostgreSQL and MySQL, of a file beside SQLite's.

A lock is on a connection of its own. Where a pool stands between process and server, a session is not the process's
own and would outlive it or end before it: such a lock is not taken.
"""

import contextlib
import os
import secrets
import select
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from stagepass.engine.model.process_locks import LockLook, ProcessLock, Watched
from stagepass.store import connect

try:
    import fcntl
except ImportError:  # Windows: heartbeats have to do
    fcntl = None  # type: ignore[assignment]

_TAKE = {
    "postgresql": sa.text("SELECT pg_try_advisory_lock(:key), pg_backend_pid()"),
    "mysql": sa.text("SELECT GET_LOCK(CONCAT('stagepass-', :key), 0), CONNECTION_ID()"),
}
_KEEP = {
    "postgresql": "SELECT set_config('idle_session_timeout', '0', false) "
    "WHERE current_setting('server_version_num')::integer >= 140000",
    "mysql": "SET SESSION wait_timeout = 31536000",
}
"""A session that says nothing is not ended."""

_LOOK = {
    "postgresql": sa.text(
        "SELECT id, beat, lock_key NOT IN (SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks "
        "WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) "
        "FROM workers WHERE lock_key IS NOT NULL"
    ),
    "mysql": sa.text(
        "SELECT id, beat, IS_FREE_LOCK(CONCAT('stagepass-', lock_key)) FROM workers WHERE lock_key IS NOT NULL"
    ),
    "sqlite": sa.text("SELECT id, beat, lock_key FROM workers WHERE lock_key IS NOT NULL"),
}


class SessionLock(ProcessLock):
    """On PostgreSQL, MySQL and MariaDB."""

    def __init__(self, url: str) -> None:
        self._engine = connect.engine(url, reads=True, pool=1, patience=connect.BEAT)
        self._connection: sa.Connection | None = None

    def take(self) -> int | None:
        self._drop()
        key = secrets.randbits(62)
        with connect.translated():
            self._connection = connection = self._engine.connect()
            connection.exec_driver_sql(_KEEP[connection.dialect.name])
            taken, session = connection.execute(_TAKE[connection.dialect.name], {"key": key}).one()
            if taken and session == _session_of(connection):
                return key
        self._drop()
        return None

    def lost_within(self, seconds: float) -> bool:
        connection = self._connection
        if connection is None:
            return True
        poll = select.poll()
        poll.register(_socket_of(connection), select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        try:
            connection.exec_driver_sql("SELECT 1")  # it may have been a notice
        except sa.exc.SQLAlchemyError:
            return True
        return False

    def close(self) -> None:
        self._drop()
        connect.shut(self._engine)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                connection.invalidate()
                connection.close()


class FileLock(ProcessLock):
    """Beside an SQLite database."""

    def __init__(self, database: str) -> None:
        self._folder = _folder(database)
        self._held: tuple[Path, int] | None = None

    def take(self) -> int | None:
        self.close()
        if fcntl is None:
            return None
        key = secrets.randbits(62)
        path = self._folder / str(key)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # a folder that cannot be written, or a file system without locks
            return None
        self._held = path, descriptor
        return key

    def lost_within(self, seconds: float) -> bool:
        # No file lock is lost; what waits here is only the keeper's thread, which asks whether it is to stop.
        select.select([], [], [], seconds)
        return self._held is None

    def close(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            path, descriptor = held
            path.unlink(missing_ok=True)
            os.close(descriptor)


class LockWatch:
    """Sees which workers' locks are free.

    Args:
        engine: for connections of its own, except to SQLite.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._folder = _folder(str(engine.url.database))

    def look(self) -> LockLook:
        """The workers that say they hold one. Raises `StoreUnavailable`."""
        with connect.translated(), self._engine.connect() as connection:
            known = connection.info.setdefault("watched", False)
            connection.info["watched"] = True
            found = connection.execute(_LOOK[connection.dialect.name]).all()
        if self._engine.dialect.name == "sqlite":
            return LockLook(self._of_files(found), same_session=True)
        return LockLook([Watched(id, beat, bool(free)) for id, beat, free in found], same_session=known)

    def close(self) -> None:
        connect.shut(self._engine)

    def _of_files(self, found: Sequence[Any]) -> list[Watched]:
        """With the files of the dead cleared away."""
        named = {str(key) for _, _, key in found}
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if path.name not in named and _is_free(path):
                    path.unlink(missing_ok=True)
        return [Watched(id, beat, _is_free(self._folder / str(key))) for id, beat, key in found]


def _is_free(path: Path) -> bool:
    """Whether no process holds that file; one that is not there tells nothing."""
    if fcntl is None:
        return False
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _folder(database: str) -> Path:
    return Path(f"{database}-locks")


def _session_of(connection: sa.Connection) -> int:
    """The server's number of this session, as the connection was given it when it was made."""
    driver: Any = connection.connection.driver_connection
    return int(driver.info.backend_pid if connection.dialect.name == "postgresql" else driver.thread_id())


def _socket_of(connection: sa.Connection) -> Any:
    driver: Any = connection.connection.driver_connection
    return driver.pgconn.socket if connection.dialect.name == "postgresql" else driver._sock
