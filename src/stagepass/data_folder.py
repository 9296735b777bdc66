"""The data folder: made where it is missing, and closed to other users of the machine."""

import errno
import logging
import os
from pathlib import Path

from stagepass.errors import SettingsError
from stagepass.sentences import sentence

log = logging.getLogger("stagepass.settings")

_OURS = ("stagepass.db", "stagepass.db-wal", "stagepass.db-shm", "secret", "files", "redis", "providers")
"""Files of the data folder that are private to this user."""


def opened(given: Path) -> Path:
    """The absolute path of a data folder, created if missing, readable only by this user. Raises `SettingsError`."""
    try:
        path = given.expanduser().resolve()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (OSError, RuntimeError) as problem:  # RuntimeError: the home of a user that does not exist
        reason = getattr(problem, "strerror", None) or problem
        raise SettingsError(
            sentence("DATA_DIR: the folder {path} cannot be used: {reason}", path=given, reason=reason)
        ) from None
    _close(path)
    return path


def _close(folder: Path) -> None:
    """Close a data folder that other users of this machine may look into, as one made by an older version or by hand."""
    shared = folder in (Path.home(), Path.cwd(), Path(folder.anchor))  # theirs for more than this: only what is ours
    for path in [*([] if shared else [folder]), *(folder / name for name in _OURS)]:
        try:
            found = path.stat()
            if found.st_mode & 0o077 and found.st_uid == os.geteuid():
                path.chmod(found.st_mode & 0o700)
                log.warning("%s was open to other users of this machine; it is closed now", path)
        except FileNotFoundError:
            continue
        except OSError as problem:
            raise SettingsError(
                sentence(
                    "DATA_DIR: {path} cannot be closed to other users: {reason}", path=path, reason=problem.strerror
                )
            ) from None
