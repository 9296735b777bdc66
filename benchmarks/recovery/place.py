"""Where a run takes place: a folder, servers of its own, and processes that are found again."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from stagepass.embedded.redis import EmbeddedRedis
from tests.support.backends_own import OwnMaria, OwnPostgres, OwnRabbit

ROOT = Path(__file__).parents[2]
CLEAN = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}


class Place:
    """Everything that a run makes, and removes again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sp-rec-"))
        self.folder.chmod(0o755)  # a server that refuses root has to find its own folder below
        self.diary = self.folder / "diary"
        self.diary.touch()
        self.processes: list[subprocess.Popen[bytes]] = []
        self._names = itertools.count()
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for process in self.processes:
            kill(process)
        for undo in reversed(self._undo):
            with contextlib.suppress(Exception):
                undo()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"it came to nothing; the logs are kept in {self.folder}")

    # ── servers ──

    def redis(self) -> Path:
        """An own server; its socket."""
        server = EmbeddedRedis(self.folder)
        server.prepare()
        self.start(server.argv(), {}, "redis")
        server.wait_ready()
        return server.socket

    def database(self, kind: str) -> str:
        """The URL of an empty database, on a server of its own: others' connections must not be its trouble."""
        if kind == "sqlite":
            return f"sqlite:///{self.folder / 'recovery.db'}"
        return self._server({"postgresql": OwnPostgres, "mariadb": OwnMaria}[kind])

    def rabbitmq(self) -> str:
        """The URL of a node of its own."""
        return self._server(OwnRabbit)

    def _server(self, kind: type[OwnPostgres | OwnMaria | OwnRabbit]) -> str:
        server = kind(self.folder / kind.name)
        self._undo.append(server.kill)
        return server.url

    # ── processes ──

    def start(
        self, argv: Sequence[str], env: dict[str, str], name: str, *, saying: bytes = b""
    ) -> subprocess.Popen[bytes]:
        """Start a process in a group of its own; ready when its log has said that."""
        log = self.folder / f"{name}-{self.new_name()}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                argv,
                env={**CLEAN, "PYTHONPATH": str(ROOT), **env},
                cwd=self.folder,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.processes.append(process)
        deadline = time.monotonic() + 90
        while saying and saying not in log.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)
        return process

    def new_name(self) -> str:
        """A name that nothing here has yet; lanes start processes at the same time."""
        return f"n{next(self._names)}"

    def begun(self, key: str) -> list[tuple[int, float]]:
        """(process, second of the steady clock) of each time that this work began."""
        lines = (line.split() for line in self.diary.read_text().splitlines())
        return [(int(pid), float(at)) for found, pid, at in lines if found == key]

    def wait_begun(self, key: str, times: int, within: float) -> tuple[int, float] | None:
        """The so-manieth begin of this work; None when it did not come in time."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            found = self.begun(key)
            if len(found) >= times:
                return found[times - 1]
            time.sleep(0.01)
        return None


def python(*words: str) -> list[str]:
    """A command of this Python."""
    return [sys.executable, *words]


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to its whole group: what ends is a worker with all of its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)
