"""The file store in a bucket or container: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob.

Chosen by ``FILES_URL`` (``s3://bucket/folder``, ``gs://bucket/folder``, ``az://container/folder``). The same
promises as the local store: a new name for each file, whole or not there, read in pieces. Content goes through
in pieces too, so that no file is ever held in memory. Needs the extra ``stagepass[cloud]``.
"""

import contextlib
import hashlib
import io
import itertools
import json
import os
import re
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from stagepass.declare.values import File
from stagepass.errors import NotFound, Permanent, SettingsError, Transient
from stagepass.files.local import PIECE
from stagepass.files.names import content_disposition, kept_name, safe_name
from stagepass.sentences import sentence

LONGEST_LIFE = 7 * 86_400
"""Seconds that S3 lets a signed link live at most."""

PART = 8 * 1024 * 1024
"""Bytes of one part of a large upload; two at most are held at once."""

_SCHEME = "cloud:"
_NUMBER = re.compile(r"[0-9a-f]{32}")
_RETRIES = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}


class CloudFiles:
    """A `FileStore` in the cloud; for many threads and processes at once.

    Args:
        url: what ``FILES_URL`` says.
        environ: the store's own settings, in its vendor's names: ``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``,
            ``AWS_REGION``; ``GOOGLE_APPLICATION_CREDENTIALS``; ``AZURE_STORAGE_CONNECTION_STRING``.
    """

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        self._url = url
        self._environ = environ
        self._made: tuple[int, Any] | None = None
        self._parts = urlsplit(url)
        if self._parts.scheme not in ("s3", "gs", "az") or not self._parts.netloc:
            raise SettingsError(
                sentence("FILES_URL must be s3://bucket, gs://bucket or az://container, optionally with a folder")
            )
        self._store()  # fail at start if a setting is wrong

    def __repr__(self) -> str:
        return f"CloudFiles({self._parts.scheme}://{self._parts.netloc})"

    # ── in ───────────────────────────────────────────────────────────────────────────────────────

    def reserve(self, name: str, folder: str = "") -> str:
        """A new uri, for a file that is not there yet."""
        return _SCHEME + "/".join([*([folder] if folder else []), uuid.uuid4().hex, safe_name(name)])

    def put(
        self, source: BinaryIO | bytes | Path, *, name: str, type: str, folder: str = "", uri: str | None = None
    ) -> File:
        """Keeps a copy of `source`, and returns the reference to it once it is there as a whole. See `LocalFiles.put`.

        Raises:
            Transient: the store did not take it.
        """
        store = self._store()
        path = (uri or self.reserve(name, folder)).removeprefix(_SCHEME)
        attributes = {"Content-Type": type, "Content-Disposition": content_disposition("inline", name)}
        with _opened(source) as content, self._translated():
            counted = _Counted(content)
            first = counted.read(PART)
            if len(first) < PART:  # small, as most are: one call
                _obstore().put(store, path, first, attributes=attributes)
            else:
                pieces = itertools.chain([first], iter(lambda: counted.read(PIECE), b""))
                _obstore().put(store, path, pieces, attributes=attributes, chunk_size=PART, max_concurrency=2)
        return File(
            uri=_SCHEME + path, sha256=counted.sha256.hexdigest(), size=counted.size, type=type, name=kept_name(name)
        )

    # ── out ──────────────────────────────────────────────────────────────────────────────────────

    def open(self, file: File | str, start: int = 0, end: int | None = None) -> BinaryIO:
        """Opens a file for reading, or the part of it. Raises `NotFound`."""
        return io.BufferedReader(_Pieces(self.stream(file, start, end)), PIECE)

    def stream(self, file: File | str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """A file, or the part of it, in pieces; only that part is fetched. Raises `NotFound` at once."""
        path = _path(file)
        if end is not None and end <= start:
            return iter(())
        wanted = {"range": (start, end)} if end is not None else {"range": {"offset": start}} if start else {}
        with self._translated():
            found = _obstore().get(self._store(), path, options=wanted)

        def pieces() -> Iterator[bytes]:
            with self._translated():
                for piece in found.stream(min_chunk_size=PIECE):
                    yield bytes(piece)

        return pieces()

    @contextmanager
    def local_copy(self, file: File | str) -> Iterator[Path]:
        """A copy on this machine for as long as the context lasts. Raises `NotFound`."""
        with tempfile.TemporaryDirectory(prefix="stagepass-") as folder:
            path = Path(folder) / _path(file).rpartition("/")[2]
            with path.open("wb") as copy:
                for piece in self.stream(file):
                    copy.write(piece)
            yield path

    def exists(self, file: File | str) -> bool:
        """Whether the file is there."""
        try:
            with self._translated():
                _obstore().head(self._store(), _path(file))
        except NotFound:
            return False
        return True

    def url(self, file: File | str, expires_in: float) -> str:
        """A link of the store that anyone may open, valid for this many seconds; at most seven days."""
        life = timedelta(seconds=min(expires_in, LONGEST_LIFE))
        with self._translated():
            return str(_obstore().sign(self._store(), "GET", _path(file), life))

    # ── away ─────────────────────────────────────────────────────────────────────────────────────

    def sweep(self, older_than: float) -> int:
        """Nothing: an upload that was not finished leaves no object; the bucket's own rules end multipart uploads."""
        return 0

    def delete(self, file: File | str) -> None:
        """Removes a file; one that is not there is no error, nor is a uri that cannot be of this store."""
        with contextlib.suppress(NotFound), self._translated():
            _obstore().delete(self._store(), _path(file))

    # ── the store ────────────────────────────────────────────────────────────────────────────────

    def _store(self) -> Any:
        """This process's store, made at its first use. Its threads do not survive a fork once they have begun."""
        if self._made is None or self._made[0] != os.getpid():
            self._made = os.getpid(), _made(self._parts.scheme, self._parts.netloc, self._parts.path, self._environ)
        return self._made[1]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Its errors as ours; their own texts can hold addresses and signatures, so they are left out."""
        try:
            yield
        except FileNotFoundError as problem:
            if "NoSuchBucket" in str(problem) or "ContainerNotFound" in str(problem):
                raise Permanent(f"there is no {self!r}", advice="make it, or look at FILES_URL") from None
            raise NotFound(sentence("there is no such file; it may have expired and been deleted")) from None
        except (Permanent, NotFound, Transient):
            raise
        except PermissionError:
            raise Permanent(
                f"{self!r} rejected the key", advice="check the key of the file store and its permissions"
            ) from None
        except Exception as problem:
            kind = type(problem).__name__
            if kind in ("UnauthenticatedError", "PermissionDeniedError"):
                raise Permanent(
                    f"{self!r} rejected the key", advice="check the key of the file store and its permissions"
                ) from None
            raise Transient(f"{self!r} did not do it: {kind}") from None


def _obstore() -> Any:
    try:
        import obstore
    except ImportError:
        raise SettingsError(sentence("FILES_URL needs the extra: pip install 'stagepass[cloud]'")) from None
    return obstore


def _made(scheme: str, bucket: str, folder: str, environ: Mapping[str, str]) -> Any:
    """The store by its vendor's own settings. A plain http address is taken where the operator gave one."""
    _obstore()
    from obstore.store import AzureStore, GCSStore, S3Store

    prefix = folder.strip("/") or None
    common: dict[str, Any] = {"prefix": prefix, "retry_config": _RETRIES}
    plain: dict[str, Any] = {"client_options": {"allow_http": True}}
    try:
        if scheme == "gs":
            account = environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
            given: dict[str, Any] = {"service_account": account} if account else {}
            return GCSStore(bucket, **common, **given, **(plain if _is_plain(account) else {}))
        if scheme == "s3":
            endpoint = environ.get("AWS_ENDPOINT_URL", "")
            given = {name: environ[setting] for name, setting in _S3.items() if environ.get(setting)}
            return S3Store(bucket, **common, **given, **(plain if endpoint.startswith("http://") else {}))
        fields = dict(
            part.split("=", 1) for part in environ.get("AZURE_STORAGE_CONNECTION_STRING", "").split(";") if "=" in part
        )
        if not fields.get("AccountName") or not fields.get("AccountKey"):
            raise SettingsError(sentence("AZURE_STORAGE_CONNECTION_STRING must contain AccountName and AccountKey"))
        endpoint = fields.get("BlobEndpoint") or ""
        given = {"endpoint": endpoint} if endpoint else {}
        return AzureStore(
            bucket,
            **common,
            account_name=fields["AccountName"],
            account_key=fields["AccountKey"],
            **given,
            **(plain if endpoint.startswith("http://") else {}),
        )
    except SettingsError:
        raise
    except Exception as problem:
        raise SettingsError(
            sentence("FILES_URL: the file store cannot be opened ({problem})", problem=type(problem).__name__)
        ) from None


def _is_plain(account: str) -> bool:
    """Whether a Google service account's file leads to a plain http address, as that of a server for tests does."""
    if not account:
        return False
    try:
        return str(json.loads(Path(account).read_bytes()).get("gcs_base_url", "")).startswith("http://")
    except (OSError, ValueError, AttributeError):
        raise SettingsError(
            sentence("GOOGLE_APPLICATION_CREDENTIALS must be the path of a service account's JSON file")
        ) from None


_S3 = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
    "region": "AWS_REGION",
    "endpoint": "AWS_ENDPOINT_URL",
}


def _path(file: File | str) -> str:
    uri = file.uri if isinstance(file, File) else file
    parts = uri.removeprefix(_SCHEME).split("/")
    ours = uri.startswith(_SCHEME) and len(parts) >= 2 and _NUMBER.fullmatch(parts[-2])
    if not ours or any(part in ("", ".", "..") for part in parts):
        raise NotFound(sentence("there is no such file; it may have expired and been deleted"))
    return "/".join(parts)


def _opened(source: BinaryIO | bytes | Path) -> Any:
    if isinstance(source, Path):
        return source.open("rb")
    return contextlib.nullcontext(io.BytesIO(source) if isinstance(source, bytes) else source)


class _Counted:
    """Reads another file, and counts and hashes what went through."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content
        self.sha256 = hashlib.sha256()
        self.size = 0

    def read(self, size: int) -> bytes:
        """Read up to this many bytes, or all that is left."""
        taken = bytearray()
        while len(taken) < size and (piece := self._content.read(size - len(taken))):
            taken += piece
        self.sha256.update(taken)
        self.size += len(taken)
        return bytes(taken)


class _Pieces(io.RawIOBase):
    """Pieces as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        view = memoryview(buffer)
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
