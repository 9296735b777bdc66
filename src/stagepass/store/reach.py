"""Whether a database can be reached, and whose fault it is where it cannot: a setting's, or the server's."""

import os
import re
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

from stagepass.errors import SettingsError
from stagepass.sentences import sentence
from stagepass.store import connect
from stagepass.store.meanings import code_of

_USER = {"28000", "28P01", "1044", "1045", "1698", "3118"}
_NAME = {"3D000", "1049"}
"""Codes of PostgreSQL and MySQL that waiting does not mend."""

_TEXTS = (
    (
        re.compile(r'FATAL:.*(password authentication|role ".*" does not exist|no pg_hba.conf entry|no password supp)'),
        "user",
    ),
    (re.compile(r'FATAL:.*database ".*" does not exist'), "name"),
    (
        re.compile(r"server does not support SSL|invalid (connection option|integer value|port number|sslmode)"),
        "options",
    ),
)
"""What libpq says while it connects, where it has no code."""


def reach(url: str, patience: connect.Patience) -> None:
    """Connect once. Raises `SettingsError` for an address that is wrong, `StoreUnavailable` for a server that is away."""
    parsed = connect.parse(url)
    if parsed.get_backend_name() == "sqlite":
        _check_file(parsed)
    engine = connect.engine(url, reads=True, pool=1, patience=patience)
    try:
        with connect.translated():
            try:
                with engine.connect() as connection:
                    connection.execute(
                        sa.text("SELECT 1 FROM sqlite_master")
                        if engine.dialect.name == "sqlite"
                        else sa.text("SELECT 1")
                    )
            except sa.exc.DBAPIError as problem:
                _refuse_wrong(parsed, problem.orig)
                raise
            except (TypeError, ValueError) as problem:  # an option in the address that the driver does not know
                raise SettingsError(
                    sentence("DATABASE_URL: the driver refuses the address: {reason}", reason=f"{problem!s:.200}")
                ) from None
    finally:
        engine.dispose()


def where(url: str) -> str:
    """The server and the database's name, without user and password."""
    parsed = connect.parse(url)
    host = f"{parsed.host or 'localhost'}{f':{parsed.port}' if parsed.port else ''}"
    return f"{host}/{parsed.database or ''}" if parsed.get_backend_name() != "sqlite" else str(parsed.database)


def _check_file(url: URL) -> None:
    file = Path(str(url.database))
    if not file.parent.is_dir():
        raise SettingsError(
            sentence("DATABASE_URL: there is no folder {folder}; create it", folder=repr(str(file.parent)))
        )
    if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        raise SettingsError(sentence("DATABASE_URL: the file {file} cannot be written", file=repr(str(file))))


def _refuse_wrong(url: URL, problem: Any) -> None:
    code, said = code_of(problem), str(problem)
    kind = next((kind for pattern, kind in _TEXTS if pattern.search(said)), "")
    if code in _USER or kind == "user":
        raise SettingsError(
            sentence(
                "DATABASE_URL: the server at {where} refuses the user {user}: wrong name or password",
                where=url.host or "localhost",
                user=repr(url.username or ""),
            )
        ) from None
    if code in _NAME or kind == "name":
        raise SettingsError(
            sentence(
                "DATABASE_URL: the server at {where} has no database {name}; create it",
                where=url.host or "localhost",
                name=repr(url.database or ""),
            )
        ) from None
    if kind == "options":
        raise SettingsError(
            sentence("DATABASE_URL: the driver refuses the address: {reason}", reason=f"{said.splitlines()[0]:.200}")
        ) from None
    if code == "SQLITE_NOTADB":
        raise SettingsError(
            sentence("DATABASE_URL: the file {file} is not an SQLite database", file=repr(url.database))
        ) from None
