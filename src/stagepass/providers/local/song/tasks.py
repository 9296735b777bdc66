"""The folder of song tasks: one folder per task with its request, its lock, and at last its song."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stagepass.errors import Permanent
from stagepass.providers.local.song.render import RESULT, SONG
from stagepass.providers.ports import SongRequest

REQUEST, LOCK = "request.json", "lock"
_ID = re.compile(r"song-[0-9a-f]{32}\Z")


class TaskFolder:
    """Keeps tasks in `root`. Any number of threads and processes may use the same root."""

    def __init__(self, root: Path, provider: str, version: str) -> None:
        self._root = root
        self._provider = provider
        self._version = version

    def id_of(self, request: SongRequest) -> str:
        """The task id of a request: the same content, made by the same version, has the same id."""
        content = json.dumps([self._version, asdict(request)], ensure_ascii=True, sort_keys=True)
        return "song-" + hashlib.sha256(content.encode()).hexdigest()[:32]

    def put(self, request: SongRequest) -> str:
        """Keep a request; returns its task id. Keeping it twice is one task."""
        task_id = self.id_of(request)
        folder = self._root / task_id
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{uuid.uuid4().hex}.request.part"
        part.write_text(json.dumps(asdict(request), ensure_ascii=True), "utf-8")
        os.replace(part, folder / REQUEST)  # again on each call: the task's age counts from its last use
        return task_id

    def of(self, task_id: str) -> Path:
        """The folder of a task. Raises `Permanent` where there is none by that id."""
        folder = self._root / task_id if _ID.match(task_id) else None
        if folder is None or not (folder / REQUEST).is_file():
            raise Permanent("no such song task", provider=self._provider, advice="submit the song again")
        return folder

    def result(self, folder: Path) -> dict[str, Any] | None:
        """What the render child wrote, where its song is there whole."""
        try:
            found: dict[str, Any] = json.loads((folder / RESULT).read_text("utf-8"))
            whole = (folder / SONG).stat().st_size == found["bytes"]
        except (OSError, ValueError, KeyError):
            return None
        return found if whole else None

    @contextlib.contextmanager
    def locked(self, folder: Path) -> Iterator[bool]:
        """Hold a task's lock; False where another thread or process holds it. The system frees a dead holder's."""
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:  # removed a moment ago
            yield False
            return
        try:
            yield _try_lock(descriptor)
        finally:
            os.close(descriptor)

    def sweep(self, folder: Path) -> None:
        """Remove what renders that died left behind; call it with the lock held."""
        for part in folder.glob(".*.part"):
            part.unlink(missing_ok=True)

    def remove(self, folder: Path) -> None:
        """Remove a task whole: first out of sight, so that nobody finds half of it."""
        bin_ = self._root / f".removed-{uuid.uuid4().hex}"
        with contextlib.suppress(FileNotFoundError):
            os.replace(folder, bin_)
            shutil.rmtree(bin_, ignore_errors=True)

    def clean(self, older_than_seconds: float) -> int:
        """Remove tasks that nobody has used for so long and nobody renders now; returns how many."""
        limit = time.time() - older_than_seconds
        removed = 0
        for folder in [*self._root.glob("song-*")] if self._root.is_dir() else []:
            if not _ID.match(folder.name) or _last_use(folder) > limit:
                continue
            with self.locked(folder) as mine:
                if mine:
                    self.remove(folder)
                    removed += 1
        for leftover in self._root.glob(".removed-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        return removed


def _last_use(folder: Path) -> float:
    times = []
    for path in (folder, folder / REQUEST, folder / RESULT):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime)
    return max(times, default=0.0)


def _try_lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
