"""The database: SQLite, PostgreSQL, MySQL and MariaDB by one code."""

from stagepass.store.store import SqlStore

__all__ = ["SqlStore"]
