"""One `stagepass up` per data folder: a lock that the kernel drops with its last holder."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from stagepass.errors import SettingsError
from stagepass.sentences import sentence

_LOOK_EVERY = 0.05


class FolderLock:
    """Holds a data folder, by ``flock`` on two files in it that are never removed.

    ``up.lock`` belongs to the supervisor and names it: a second supervisor is refused at once.
    ``children.lock`` belongs to every process with `fd` open: given to the embedded Redis server (`Child.hold`),
    it keeps the folder closed until that server has ended too, so that after a ``kill -9`` of the
    supervisor no second server opens the same files beside it.

    Args:
        folder: the data folder; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fds: list[int] = []

    @property
    def fd(self) -> int:
        """The open ``children.lock``; only while the lock is held."""
        if not self._fds:
            raise RuntimeError("the lock is not held")
        return self._fds[1]

    @property
    def fds(self) -> tuple[int, ...]:
        """All that must stay open, `fd` last: for a process that becomes another program and keeps the lock."""
        return tuple(self._fds)

    def acquire(self, wait: float = 5.0) -> "FolderLock":
        """Acquire the lock.

        Args:
            wait: seconds to wait for the children of a supervisor that was killed; they end within
                `parent.ORPHAN_GRACE`. A supervisor that lives is not waited for.

        Raises:
            SettingsError: the folder is in use; the text names the process.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            own = self._open("up.lock")
            if not _locked(own):
                self._refuse(sentence("another `stagepass up` (process {pid})", pid=_read(own)))
            os.ftruncate(own, 0)
            os.pwrite(own, f"{os.getpid()}\n".encode(), 0)
            children = self._open("children.lock")
            deadline = time.monotonic() + wait
            while not _locked(children):
                if time.monotonic() > deadline:
                    self._refuse(sentence("the Redis server of an earlier `stagepass up`"))
                time.sleep(_LOOK_EVERY)
        except BaseException:
            self.release()
            raise
        return self

    def release(self) -> None:
        """Lets go; closing, not unlocking, since an unlock would also end a child's hold."""
        while self._fds:
            os.close(self._fds.pop())

    def _open(self, name: str) -> int:
        self._fds.append(os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        return self._fds[-1]

    def _refuse(self, holder: str) -> NoReturn:
        raise SettingsError(
            sentence(
                "the data folder {folder} is in use by {holder}; stop that process, or use another data folder",
                folder=self._folder,
                holder=holder,
            )
        )

    def __enter__(self) -> "FolderLock":
        return self if self._fds else self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(fd: int) -> str:
    return os.pread(fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
