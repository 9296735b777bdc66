"""The file store on a local disk: a folder per file, written elsewhere and moved in when complete."""

import errno
import hashlib
import io
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn

from stagepass.declare.values import File
from stagepass.errors import NotFound, Transient
from stagepass.files.names import kept_name, safe_name
from stagepass.files.part import Part
from stagepass.sentences import sentence

PIECE = 1024 * 1024
"""Bytes that are read and written at a time."""

_SCHEME = "file:"
_TEMPORARY = ".unfinished"  # a name that no uri can have: segments do not start with a dot
_NUMBER = re.compile(r"[0-9a-f]{32}")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Usage(NamedTuple):
    """Size of the store, and free space on its disk in bytes."""

    files: int
    bytes: int
    free: int


class LocalFiles:
    """Keeps files under one folder; for many threads and processes at once.

    A file's uri is ``file:<folder>/<random>/<safe name>``. The random part cannot be guessed, and is
    new for each file, so nothing is ever overwritten, and a uri always means the same bytes.

    Args:
        root: the store's folder; made if it is missing.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root = root.resolve()
        (self.root / _TEMPORARY).mkdir(exist_ok=True, mode=0o700)

    # ── in ───────────────────────────────────────────────────────────────────────────────────────

    def reserve(self, name: str, folder: str = "") -> str:
        """A new uri, for a file that is not there yet. Raises `ValueError` as `put` does."""
        return _SCHEME + "/".join([*(_segments(folder) if folder else []), uuid.uuid4().hex, safe_name(name)])

    def put(
        self, source: BinaryIO | bytes | Path, *, name: str, type: str, folder: str = "", uri: str | None = None
    ) -> File:
        """Keeps a copy of `source`, and returns the reference to it once it is on the disk.

        Args:
            source: the content, or an open file (read from where it stands), or the path of one.
            name: what a person calls it; any text.
            type: its content type.
            folder: where below the root, as ``promo/songs``; for people and for backups only.
            uri: the one that `reserve` gave, instead.

        Raises:
            Transient: the disk is full.
            ValueError: `folder` is not a plain relative path.
        """
        uri = uri or self.reserve(name, folder)
        *place, last = _segments(uri.removeprefix(_SCHEME))
        number = place[-1]
        unfinished = self.root / _TEMPORARY / number
        final = self.root.joinpath(*place)
        try:
            with _opened(source) as content:
                unfinished.mkdir()
                sha256, size = _write(content, unfinished / last)
            final.parent.mkdir(parents=True, exist_ok=True)
            unfinished.rename(final)  # from here on it is there, as a whole
            _sync(final.parent)
        except BaseException as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            if isinstance(error, OSError) and error.errno in _FULL:
                self._no_room(error)
            raise
        return File(uri=uri, sha256=sha256, size=size, type=type, name=kept_name(name))

    def _no_room(self, error: OSError) -> NoReturn:
        advice = f"free space on the disk of {self.root}, or move the file store to a larger one"
        raise Transient("the file store has no room left", advice=advice) from error

    # ── out ──────────────────────────────────────────────────────────────────────────────────────

    def open(self, file: File | str, start: int = 0, end: int | None = None) -> BinaryIO:
        """Opens a file for reading, or the part of it from byte `start` up to, not including, `end`.

        Raises:
            NotFound: there is no such file.
        """
        try:
            content = self.path(file).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise _not_found() from None
        if start == 0 and end is None:
            return content
        content.seek(start)
        return io.BufferedReader(Part(content, None if end is None else max(0, end - start)))

    def stream(self, file: File | str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The same in pieces of at most `PIECE` bytes, for an HTTP response. Opens the file at once."""
        content = self.open(file, start, end)

        def pieces() -> Iterator[bytes]:
            with content:
                while piece := content.read(PIECE):
                    yield piece

        return pieces()

    def path(self, file: File | str) -> Path:
        """Path of the file, for programs that take one; it must not be changed.

        Raises:
            NotFound: the uri is not one of this store's. Whether the file exists is not looked at.
        """
        uri = file.uri if isinstance(file, File) else file
        try:
            if not uri.startswith(_SCHEME):
                raise ValueError(uri)
            segments = _segments(uri.removeprefix(_SCHEME))
            if len(segments) < 2 or not _NUMBER.fullmatch(segments[-2]):
                raise ValueError(uri)
            path = self.root.joinpath(*segments)
            # A link planted inside the folder leads out of it for the kernel, not for the text.
            if not path.resolve().is_relative_to(self.root):
                raise ValueError(uri)
        except (ValueError, OSError, RuntimeError):
            raise _not_found() from None
        return path

    @contextmanager
    def local_copy(self, file: File | str) -> Iterator[Path]:
        """A path to read the file by while the context lasts; stores elsewhere make a copy for it.

        Raises:
            NotFound: there is no such file.
        """
        path = self.path(file)
        if not path.is_file():
            raise _not_found()
        yield path

    def exists(self, file: File | str) -> bool:
        """Whether the file is there."""
        try:
            return self.path(file).is_file()
        except NotFound:
            return False

    # ── away ─────────────────────────────────────────────────────────────────────────────────────

    def delete(self, file: File | str) -> None:
        """Removes a file; one that is not there is no error, nor is a uri that cannot be of this store."""
        try:
            path = self.path(file)
        except NotFound:
            return
        try:
            path.unlink()
            path.parent.rmdir()
        except (FileNotFoundError, NotADirectoryError):
            pass  # also where another process is deleting it now

    def usage(self) -> Usage:
        """Contents of the store. Walks the whole folder: for statistics, not for each request."""
        sizes = [
            size
            for folder, _, names in os.walk(self.root)
            if _TEMPORARY not in folder.removeprefix(str(self.root)).split(os.sep)[1:2]
            for size in (_size(os.path.join(folder, name)) for name in names)
        ]
        return Usage(len(sizes), sum(sizes), shutil.disk_usage(self.root).free)

    def sweep(self, older_than: float) -> int:
        """Removes what writers left unfinished when they died.

        Args:
            older_than: seconds since it was last written to; more than the longest write may pause.

        Returns:
            How many were removed.
        """
        before, removed = time.time() - older_than, 0
        for unfinished in (self.root / _TEMPORARY).iterdir():
            try:
                times = [path.stat().st_mtime for path in (unfinished, *unfinished.iterdir())]
            except OSError:
                continue  # finished, or removed by another, since it was listed
            if max(times) <= before:
                shutil.rmtree(unfinished, ignore_errors=True)
                removed += 1
        return removed


def _opened(source: BinaryIO | bytes | Path) -> AbstractContextManager[BinaryIO]:
    if isinstance(source, Path):
        return source.open("rb")
    return nullcontext(io.BytesIO(source) if isinstance(source, bytes) else source)  # the caller's stays open


def _segments(path: str) -> list[str]:
    """The parts of a relative path in a uri; `ValueError` unless each is one that `safe_name` would give."""
    parts = path.split("/")
    if not all(part and part == safe_name(part) for part in parts):
        raise ValueError(f"{path!r} is not a plain relative path")
    return parts


def _write(content: BinaryIO, path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        while piece := content.read(PIECE):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)
    return digest.hexdigest(), size


def _sync(folder: Path) -> None:
    """Sync the folder, so that a new entry survives a power cut."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _not_found() -> NotFound:
    return NotFound(sentence("there is no such file; it may have expired and been deleted"))
