"""The processes of an installation under the monkey: API, workers, relay, two vendors; each is started again when it dies."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stagepass.cli.port import answers
from tests.chaos import shapes
from tests.support.backends_own import OwnBackend, free_port
from tests.support.oracle_client import ROOT, OracleProcess
from tests.support.waiting import wait_until

LOOK_EVERY = 0.2
"""Seconds between two looks at who has died, as a supervisor of processes takes them."""

STAGEPASS = str(Path(sys.executable).with_name("stagepass"))


class Member:
    """One process of ours. While it is `down` nobody starts it again."""

    def __init__(self, name: str, argv: Sequence[str], folder: Path, environ: dict[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.down = False
        self.starts = 0
        self._argv, self._folder, self._environ = list(argv), folder, environ
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._argv,
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def send(self, number: signal.Signals) -> None:
        """To the process and whatever it started in its group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def send_child(self, number: signal.Signals, which: int) -> bool:
        """To one of its children. False when it has none."""
        if self.process is None:
            return False
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            if children:
                os.kill(int(children[which % len(children)]), number)
                return True
        return False

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(20)

    def is_dead(self) -> bool:
        return self.process is None or self.process.poll() is not None


class Crowd:
    """Everything that runs."""

    def __init__(self, folder: Path, backend: OwnBackend, *, seed: int, quick: bool) -> None:
        self.folder = folder
        self.backend = backend
        self.diary = folder / "diary"
        self.diary.touch()
        self.port = free_port()
        trouble = ("--trouble", "0.15", "--seed", str(seed))
        self.shop = _oracle(folder / "shop", *trouble)
        self.till = _oracle(folder / "till", "--no-keys", *trouble)
        self.settings = {
            "DATA_DIR": str(folder),
            "DATABASE_URL": backend.database_url,
            "REDIS_URL": backend.redis_url,
            "BROKER_URL": backend.broker_url,
            "PIPELINES": "tests.chaos.shapes",
            "DRAIN_SECONDS": "1",
            "LOG_FORMAT": "text",
        }
        self.api = self._member("api", STAGEPASS, "api", "--port", str(self.port))
        self.relay = self._member("relay", STAGEPASS, "relay")
        self.workers = list(self._workers(quick))
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def _workers(self, quick: bool) -> Iterator[Member]:
        yield self._worker("threads0", "threads", 8, self.queues)
        yield self._worker("threads1", "threads", 8, self.queues)
        if not quick:
            some = [queue for queue in self.queues if queue.startswith(("line.", "fan."))]
            yield self._worker("prefork", "prefork", 2, some)

    def _worker(self, name: str, pool: str, slots: int, queues: Sequence[str]) -> Member:
        command = [sys.executable, "-m", "celery", "-A", "stagepass.worker", "worker", "-Q", ",".join(queues)]
        options = ["-P", pool, "-c", str(slots), "-n", f"{name}-{os.getpid()}@monkey", "--without-gossip"]
        return self._member(name, *command, *options, "--without-mingle")

    def _member(self, name: str, *argv: str) -> Member:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        return Member(name, argv, self.folder, {**os.environ, **self.settings, "PYTHONPATH": path})

    @property
    def queues(self) -> list[str]:
        """Every queue that is served."""
        return [stage.queue for pipeline in shapes.PIPELINES for stage in pipeline.stages.values()]

    def order(self) -> dict[str, object]:
        """What every order is completed with."""
        return {"diary": str(self.diary), "shop": self.shop.port, "till": self.till.port}

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self._closing.wait(seconds)

    @property
    def members(self) -> list[Member]:
        return [self.api, self.relay, *self.workers]

    def start(self) -> None:
        """Start all of it, and wait until the API answers and the workers serve."""
        for member in self.members:
            member.start()
        self._watcher.start()
        wait_until(lambda: all(b"serving" in worker.log.read_bytes() for worker in self.workers), 90, "workers serve")
        wait_until(lambda: answers("127.0.0.1", self.port), 90, "the API answers")

    def _watch(self) -> None:
        while not self._closing.wait(LOOK_EVERY):
            for member in self.members:
                if not member.down and member.is_dead() and not self._closing.is_set():
                    member.start()

    def stop(self) -> None:
        """End what is ours, for good; the vendors and servers stay."""
        self._closing.set()
        if self._watcher.is_alive():
            self._watcher.join(10)
        for member in self.members:
            member.kill()

    def close(self) -> None:
        self.stop()
        self.shop.kill()
        self.till.kill()

    def refused_writes(self) -> int:
        """How often a worker found that its lease was lost, by the logs."""
        return sum(worker.log.read_bytes().count(b"the lease was lost") for worker in self.workers)


def _oracle(folder: Path, *options: str) -> OracleProcess:
    folder.mkdir()
    return OracleProcess(folder, *options)


@contextmanager
def crowd(folder: Path, backend: OwnBackend, *, seed: int, quick: bool = False) -> Iterator[Crowd]:
    made = Crowd(folder, backend, seed=seed, quick=quick)
    try:
        made.start()
        yield made
    finally:
        made.close()
