"""The local makers' committer: one folder per ordered task, complete from the moment it has its name.

    <root>/<task id>/request.json   what was ordered, as the maker wrote it
                     <inputs>       copies of its files, so the order does not depend on anything else
                     lock           held (flock) by the one who works on it, and by their child process
                     <result>       appears by a rename when it is complete

The id is made of the content: the same order twice is the same task, and its result is used again.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stagepass.errors import Permanent

_PIECE = 1 << 20
_ID = re.compile(r"[a-z]+-[0-9a-f]{32}")
_UNFINISHED = ".new-"


class TaskStore:
    """The task folders under one root. Safe for threads and processes.

    Args:
        root: made when it is first needed.
        prefix: of the ids, ``clip`` or ``song``.
        provider: named in the errors.
    """

    def __init__(self, root: Path, prefix: str, provider: str = "local") -> None:
        self._root = root
        self._prefix = prefix
        self._provider = provider

    def put(self, request: Mapping[str, Any], inputs: Mapping[str, Path] | None = None, version: str = "") -> str:
        """Take an order; returns its id, the same for the same content.

        Args:
            request: JSON values; part of the id.
            inputs: files to be copied into the folder, by the name they get there; their content is part of the id.
            version: of the maker, so that a new one does not serve an old one's results.

        Raises:
            Permanent: an input is not there.
        """
        text = json.dumps(request, ensure_ascii=False, sort_keys=True, indent=1)
        self._root.mkdir(parents=True, exist_ok=True)
        draft = self._root / f"{_UNFINISHED}{uuid.uuid4().hex}"
        draft.mkdir()
        try:
            digest = hashlib.sha256(f"{version}\0{text}".encode())
            for name, source in sorted((inputs or {}).items()):
                digest.update(f"\0{name}\0{self._copy(source, draft / name)}".encode())
            task_id = f"{self._prefix}-{digest.hexdigest()[:32]}"
            with (draft / "request.json").open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            # A rename onto a folder that holds something fails: the same order is there already.
            with contextlib.suppress(OSError):
                draft.rename(self._root / task_id)
            self.folder(task_id)
            return task_id
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def folder(self, task_id: str) -> Path:
        """Folder of a task. Raises `Permanent` for an unknown id."""
        path = self._root / task_id
        if not _ID.fullmatch(task_id) or not (path / "request.json").is_file():
            raise Permanent("there is no such task on this machine", provider=self._provider)
        return path

    def request(self, task_id: str) -> dict[str, Any]:
        """The order of a task."""
        text = (self.folder(task_id) / "request.json").read_text(encoding="utf-8")
        request: dict[str, Any] = json.loads(text)
        return request

    @contextlib.contextmanager
    def claim(self, task_id: str) -> Iterator[int | None]:
        """Lock a task: returns the lock's file descriptor, or None while another process has it.

        Let the child inherit the descriptor: then the right lasts until both are gone, and a task whose
        worker was killed is not begun again beside a child that is still ending.
        """
        folder = self.folder(task_id)
        try:
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # cancelled a moment ago
            self.folder(task_id)
            raise
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield lock
        finally:
            os.close(lock)

    def remove(self, task_id: str) -> None:
        """Forget a task and all of its files; harmless when it is not there."""
        with contextlib.suppress(Permanent):
            self._remove(self.folder(task_id))

    def clean(self, older_than_seconds: float) -> int:
        """Delete tasks that were not worked on or polled for that long. Returns their number."""
        oldest, removed = time.time() - older_than_seconds, 0
        for folder in self._root.iterdir() if self._root.is_dir() else ():
            with contextlib.suppress(OSError, Permanent):
                if folder.stat().st_mtime > oldest:
                    continue
                if folder.name.startswith(_UNFINISHED):  # its writer was killed
                    shutil.rmtree(folder)
                    continue
                with self.claim(folder.name) as lock:
                    if lock is not None:
                        self._remove(folder)
                        removed += 1
        return removed

    def touch(self, task_id: str) -> None:
        """Note that the task is still wanted: `clean` counts from here."""
        with contextlib.suppress(OSError):
            os.utime(self.folder(task_id))

    def _remove(self, folder: Path) -> None:
        # Rename first, so that no process sees half of a task.
        gone = self._root / f"{_UNFINISHED}{uuid.uuid4().hex}"
        with contextlib.suppress(FileNotFoundError):
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _copy(self, source: Path, target: Path) -> str:
        digest = hashlib.sha256()
        try:
            with source.open("rb") as file, target.open("wb") as copy:
                while piece := file.read(_PIECE):
                    digest.update(piece)
                    copy.write(piece)
        except (FileNotFoundError, IsADirectoryError):
            raise Permanent(f"the input {target.name} is not there", provider=self._provider) from None
        return digest.hexdigest()


def publish(unfinished: Path, finished: Path) -> None:
    """Give a complete file its name: written through to the disk first, so that a power cut cannot leave half."""
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.rename(finished)
