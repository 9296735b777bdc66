"""SQLite's file is the one that this process began with, or nothing is written and nothing read.

A file that was replaced or removed stays open under its old name: everything would be accepted into it, and be gone.
"""

import os

from stagepass.errors import StoreUnavailable


class SameFile:
    """Looks at the file's device and inode; a few microseconds.

    Args:
        path: the database file; it may be made by the first connection.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._first: tuple[int, int] | None = None

    def may_be_made(self) -> bool:
        """Whether a connection may make the file: only the first one of this process."""
        return self._first is None

    def check(self) -> None:
        """Raises `StoreUnavailable` when it is not the file that this process began with."""
        try:
            found = os.stat(self._path)
        except OSError:
            found = None
        now = (found.st_dev, found.st_ino) if found else None
        if self._first is None:
            self._first = now
        elif now != self._first:
            what = "was removed" if now is None else "was replaced by another"
            raise StoreUnavailable(f"the database file {self._path} {what} under this process; restart it")
