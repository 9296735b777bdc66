"""The database: whether it answers, its schema, its encoding, its room, its clock."""

import re
import shutil
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateIndex

from stagepass.doctor.facts import DatabaseFacts, Refusal
from stagepass.doctor.sources import Sources
from stagepass.store import connect, migrate
from stagepass.store.tables import metadata

PATIENCE = connect.Patience(connect=2.0, ping=1.0, lock=1.0, statement=2.0)

_NETWORKED = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "fuse.glusterfs", "ceph")

_LOGIN = re.compile(
    r"password authentication failed|Access denied for user|role \S+ does not exist|no pg_hba.conf entry|no password supplied"
)
_PLACE = re.compile(r"database \S+ does not exist|Unknown database")


def look(sources: Sources) -> DatabaseFacts:
    """Look at the database of the settings."""
    url = sources.settings.database
    kind = connect.parse(url).get_backend_name()
    engine = connect.engine(url, reads=True, pool=1, patience=PATIENCE)
    try:
        with engine.connect() as db:
            return _look(db, kind, url)
    except sa.exc.SQLAlchemyError as problem:
        return DatabaseFacts(kind, refused=_refusal(str(getattr(problem, "orig", None) or problem)))
    finally:
        engine.dispose()


def _refusal(text: str) -> Refusal:
    text = " ".join(text.split())[:300]
    return Refusal("login" if _LOGIN.search(text) else "place" if _PLACE.search(text) else "away", text)


def _look(db: Connection, kind: str, url: str) -> DatabaseFacts:
    revision = migrate.current(url)
    more = {"postgresql": _postgresql, "mysql": _mysql, "sqlite": _sqlite}[kind](db)
    missing = _missing_indexes(db) if revision == migrate.head() else ()
    return DatabaseFacts(kind, revision=revision, head=migrate.head(), missing_indexes=missing, **more)


def _missing_indexes(db: Connection) -> tuple[tuple[str, str], ...]:
    inspector = sa.inspect(db)
    tables = set(inspector.get_table_names())
    missing = []
    for table in metadata.tables.values():
        if table.name in tables:
            there = {index["name"] for index in inspector.get_indexes(table.name)}
            there |= {constraint["name"] for constraint in inspector.get_unique_constraints(table.name)}
            missing += [
                (str(index.name), " ".join(str(CreateIndex(index).compile(dialect=db.dialect)).split()))
                for index in sorted(table.indexes, key=lambda index: str(index.name))
                if index.name not in there
            ]
    return tuple(missing)


def _postgresql(db: Connection) -> dict[str, Any]:
    before = time.time()
    row = db.execute(
        sa.text(
            "SELECT current_setting('server_encoding'), current_setting('default_transaction_read_only'), "
            "pg_is_in_recovery(), current_setting('max_connections')::int, "
            "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), "
            "extract(epoch FROM clock_timestamp())::float"
        )
    ).one()
    return {
        "encoding": row[0],
        "writable": row[1] == "off" and not row[2],
        "most_connections": row[3],
        "connections": row[4],
        "clock_off": (before + time.time()) / 2 - row[5],
    }


def _mysql(db: Connection) -> dict[str, Any]:
    before = time.time()
    now = float(db.scalar(sa.text("SELECT UNIX_TIMESTAMP(NOW(6))")) or 0)
    off = (before + time.time()) / 2 - now
    read_only, most = db.execute(sa.text("SELECT @@read_only, @@max_connections")).one()
    used = db.execute(sa.text("SHOW GLOBAL STATUS LIKE 'Threads_connected'")).one()[1]
    query = "SELECT table_name, table_collation FROM information_schema.tables WHERE table_schema = DATABASE()"
    wrong = [
        (name, collation)
        for name, collation in db.execute(sa.text(query))
        if name in metadata.tables and collation != "utf8mb4_bin"
    ]
    return {
        "writable": str(read_only) in ("0", "OFF"),
        "most_connections": int(most),
        "connections": int(used),
        "clock_off": off,
        "collations": tuple(sorted(wrong)),
    }


def _sqlite(db: Connection) -> dict[str, Any]:
    file = Path(str(db.engine.url.database))
    return {
        "free_bytes": shutil.disk_usage(file.parent).free,
        "filesystem": filesystem_of(file),
        "writable": _may_write(file),
    }


def _may_write(file: Path) -> bool:
    import os

    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def filesystem_of(path: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """The type of the network file system that a path is on; None for a local one."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return None
    found = ("", "")
    for line in lines:
        parts = line.split()
        if (
            len(parts) > 2
            and str(path.resolve()).startswith(parts[1].rstrip("/") + "/")
            and len(parts[1]) >= len(found[0])
        ):
            found = (parts[1], parts[2])
    return found[1] if found[1] in _NETWORKED else None
