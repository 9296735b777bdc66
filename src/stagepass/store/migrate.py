"""Brings a database's schema to what this version of Stagepass needs, one process at a time.

The history lies in the package, so it works from an installed wheel. Its version is kept in a table of
our own name: the database may be shared with an application that uses Alembic for itself.
"""

import logging
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from stagepass.errors import SettingsError, StoreUnavailable
from stagepass.sentences import sentence
from stagepass.store import connect
from stagepass.store.tables import metadata
from stagepass.store.writer import WriterLock

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

log = logging.getLogger("stagepass.migrate")

# Alembic is imported where it is used: `is_current` is asked at every start, and seldom says no.

VERSION_TABLE = "stagepass_version"

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_308_604_897_068_083_315  # "stagepass" as a number for PostgreSQL; any will do
_PATIENCE = 60  # seconds to wait for locks that others hold
_LONG = connect.Patience(lock=1.0, statement=3600.0, idle=60.0)  # an index takes as long as it takes


def head() -> str:
    """The revision that this version of Stagepass needs."""
    return max(path.name.split("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def current(url: str) -> str | None:
    """The revision that the database is at; None when it is empty. Raises `StoreUnavailable`."""
    with _connection(url) as connection:
        return _revision(connection)


def is_current(url: str) -> bool:
    """Whether the database is up to date."""
    return current(url) == head()


def require(url: str) -> None:
    """Raises `SettingsError` for a schema that is missing or older; a newer one serves an older program, too."""
    if (found := current(url)) is None or found < head():
        raise SettingsError(_behind(found))


def _behind(found: str | None) -> str:
    return f"the schema is at {found or 'nothing'}, and {head()} is needed; run: stagepass db upgrade"


def upgrade(url: str, revision: str = "head") -> None:
    """Upgrade the schema; safe to call from several processes at once.

    Raises:
        SettingsError: the database is newer than this program, or contains tables of other programs.
        StoreUnavailable: it did not answer, or another upgrade did not end.
    """
    _run(url, "upgrade", revision)


def downgrade(url: str, revision: str) -> None:
    """Take changes back down to `revision` (``base``: all of them, with all data)."""
    _run(url, "downgrade", revision)


def check(url: str) -> list[str]:
    """Differences between the database and `tables.py`, one sentence each."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with _connection(url) as connection:
        if (found := _revision(connection)) != head():
            return [_behind(found)]

        def ours(_: Any, name: str | None, kind: str, __: bool, ___: Any) -> bool:
            return kind != "index" and (kind != "table" or name in metadata.tables)

        options = {"compare_type": True, "include_object": ours, "version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        sentences = [_sentence(entry) for entry in compare_metadata(context, metadata)]
        return sentences + _index_problems(connection) + _collation_problems(connection)


# ── running Alembic ──────────────────────────────────────────────────────────────────────────────


def _run(url: str, direction: str, revision: str) -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    with _alone(url):
        scripts = ScriptDirectory.from_config(config)
        with _connection(url) as connection:
            _check_ours(connection, {script.revision for script in scripts.walk_revisions()})
        for one in _steps(scripts, current(url), direction, revision):
            _patiently(one, lambda one=one: _step(url, config, direction, one))  # type: ignore[misc]


def _steps(scripts: "ScriptDirectory", found: str | None, direction: str, revision: str) -> list[str]:
    """The pending revisions: each is a separate transaction and is retried separately."""
    from alembic.util import CommandError

    if direction == "downgrade":
        return [revision]
    try:
        way = list(scripts.iterate_revisions(revision, found or "base"))
    except CommandError as problem:
        raise SettingsError(sentence("the schema cannot be upgraded: {problem}", problem=problem)) from None
    return [script.revision for script in reversed(way)]


def _step(url: str, config: "Config", direction: str, revision: str) -> None:
    from alembic import command
    from alembic.util import CommandError

    with _connection(url, writes=True) as connection:
        config.attributes["connection"] = connection
        try:
            getattr(command, direction)(config, revision)
            connection.commit()
        except CommandError as problem:
            raise SettingsError(sentence("the schema cannot be upgraded: {problem}", problem=problem)) from None


def _check_ours(connection: Connection, known: set[str]) -> None:
    found = _revision(connection)
    if found is not None and found not in known:
        raise SettingsError(
            sentence(
                "DATABASE_URL: the database is at {found}, newer than this Stagepass ({head}); install a newer version",
                found=found,
                head=head(),
            )
        )
    theirs = sorted(set(sa.inspect(connection).get_table_names()) & set(metadata.tables))
    if found is None and theirs:
        raise SettingsError(
            sentence(
                "DATABASE_URL: the database has tables of other programs ({theirs}); give Stagepass its own database",
                theirs=", ".join(theirs),
            )
        )


def _patiently(what: str, act: Callable[[], None]) -> None:
    """Try again what waits for a lock: each try waits a second at most, so those who work stand no longer."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return act()
        except StoreUnavailable as problem:
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    sentence(
                        "the schema could not be changed to {what} within {seconds} s, since others hold locks, such as "
                        "a backup or a long query; nothing is half done, run it again later",
                        what=what,
                        seconds=_PATIENCE,
                    )
                ) from None
            log.warning("the change of the schema to %s waits for others, and tries again: %s", what, problem)
            time.sleep(random.uniform(0.5, 1.5))


@contextmanager
def _connection(url: str, *, writes: bool = False) -> Iterator[Connection]:
    engine = connect.engine(url, reads=not writes, pool=1, patience=_LONG if writes else connect.Patience())
    try:
        # SQLite: the engine for writes begins with the write lock, which is all the mutual exclusion it needs
        with connect.translated(), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """Inside, no other process upgrades this database. The lock ends with its connection, however that ends."""
    if connect.parse(url).get_backend_name() == "sqlite":
        with WriterLock(str(connect.parse(url).database), _PATIENCE).held():
            yield
        return
    with _connection(url) as connection:
        kind = connection.dialect.name
        # MySQL's lock by name holds for the whole server
        name = f"stagepass:{connection.engine.url.database}"[:64]
        take = {"postgresql": sa.func.pg_try_advisory_lock(_LOCK), "mysql": sa.func.get_lock(name, 0)}[kind]
        deadline = time.monotonic() + 2 * _PATIENCE
        while not connection.scalar(sa.select(take)):
            if time.monotonic() > deadline:
                raise StoreUnavailable("another process is upgrading the database and does not finish")
            time.sleep(0.2)
        yield


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return found


# ── saying what differs ──────────────────────────────────────────────────────────────────────────


def _sentence(entry: Any) -> str:
    """One entry of Alembic's comparison: what an upgrade would have to do."""
    if isinstance(entry, list):  # changes of one column
        return "; ".join(_sentence(part) for part in entry)
    action, *facts = entry
    words = action.replace("_", " ")
    if action.startswith("modify"):
        _, table, column, _, is_, wanted = facts
        return f"{table}.{column}: {words}: it is {is_!r}, and {wanted!r} is wanted"
    if action.endswith("column"):
        return f"{facts[1]}.{facts[2].name}: {words}"
    thing = facts[0]
    table = getattr(getattr(thing, "table", None), "name", None)
    return f"{table}: {words} {thing.name}" if table and table != thing.name else f"{thing.name}: {words}"


def _index_problems(connection: Connection) -> list[str]:
    """The indexes, by ourselves: Alembic compares neither conditions nor columns that go down."""
    kind = connection.dialect.name
    inspector = sa.inspect(connection)
    problems = []
    there_are = set(inspector.get_table_names())
    for table in metadata.tables.values():
        if table.name not in there_are:
            continue  # Alembic has said so
        found = {index["name"]: index for index in inspector.get_indexes(table.name)}
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if index.name not in found:
                problems.append(f"{table.name}: add index {index.name}")
                continue
            there = found[index.name]
            columns = [str(name).split()[0] for name in there.get("expressions", there["column_names"])]
            wanted = [str(part).rpartition(".")[2].split()[0] for part in index.expressions]
            if columns != wanted:
                problems.append(f"{table.name}: {index.name} is over {columns}, and should be over {wanted}")
            condition = there.get("dialect_options", {}).get(f"{kind}_where")
            only = index.dialect_kwargs.get(f"{kind}_where")
            if _words(condition) != _words(only):
                problems.append(f"{table.name}: {index.name} covers the rows {condition}, and should cover {only}")
    return problems


def _words(condition: object) -> list[str]:
    """The literals of a condition: what is left alike by a database that writes it down in its own way."""
    return sorted(re.findall(r"'(\w+)'", str(condition))) if condition is not None else []


def _collation_problems(connection: Connection) -> list[str]:
    if connection.dialect.name != "mysql":
        return []
    query = sa.text("SELECT table_name, table_collation FROM information_schema.tables WHERE table_schema = DATABASE()")
    return [
        f"{name}: the collation is {collation}, and utf8mb4_bin is wanted: owners that differ in case are different"
        for name, collation in connection.execute(query)
        if name in metadata.tables and collation != "utf8mb4_bin"
    ]


# ── the pipelines' views ─────────────────────────────────────────────────────────────────────────


def make_views(url: str, views: Mapping[str, str]) -> None:
    """Recreate these views, by name and statement; they hold no data."""
    with _alone(url):
        _patiently("the pipelines' views", lambda: _make_views(url, views))


def _make_views(url: str, views: Mapping[str, str]) -> None:
    with _connection(url, writes=True) as connection, connection.begin():
        for name, statement in views.items():
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
            connection.exec_driver_sql(statement.replace("%", "%%"))
