"""The two sides of the comparison: each starts its worker, submits, and hears of every end from one reader."""

import importlib
import json
import os
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import psycopg
import redis

HERE = Path(__file__).parent
CLEAN = dict(os.environ)
"""What each side's worker starts from: nothing of the side before it."""

_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

WORKER = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")


class Side(ABC):
    """One system under test. `done` is called with a job's id, from the reader's thread."""

    name = ""

    def __init__(self, folder: Path, socket: Path, slots: int) -> None:
        self.folder, self.socket, self.slots = folder, socket, slots
        self.done: Callable[[str], None] = lambda job: None
        self.process: subprocess.Popen[bytes] | None = None
        self.stopping = False

    @abstractmethod
    def submit(self, n: int, slow: bool = False) -> str:
        """Submit one job; its id."""

    def stop(self) -> None:
        self.stopping = True
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=40)

    def _listen(self) -> None:
        try:
            self._read()
        except redis.ConnectionError:
            if not self.stopping:
                raise

    @abstractmethod
    def _read(self) -> None:
        """Hear of every end, until `stopping`."""

    def _worker(self, app: str, queues: str, env: dict[str, str], cwd: Path) -> None:
        argv = [sys.executable, "-m", "celery", "-A", app, "worker", "-P", "threads", "-c", str(self.slots)]
        log = (self.folder / f"{self.name}.log").open("wb")
        self.process = subprocess.Popen(
            [*argv, "-Q", queues, *WORKER], env={**CLEAN, **env}, cwd=cwd, stdout=log, stderr=log
        )

    def worker_cpu(self) -> float:
        """Seconds of CPU that the worker has used."""
        assert self.process is not None
        return cpu_seconds(Path(f"/proc/{self.process.pid}/stat"))

    def database_cpu(self) -> float:
        """Seconds of CPU that the processes of a PostgreSQL server on this machine have used for it; 0 where unknown."""
        return 0.0


def cpu_seconds(stat: Path) -> float:
    """What a process has used, by its ``/proc/<pid>/stat``."""
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Chain(Side):
    """``add.s(n) | add.s() | add.s()``"""

    name = "celery chain"

    def __init__(self, folder: Path, socket: Path, slots: int) -> None:
        super().__init__(folder, socket, slots)
        env = {
            "BENCH_BROKER": f"redis+socket://{socket}?virtual_host=3",
            "BENCH_BACKEND": f"redis+socket://{socket}?virtual_host=4",
        }
        os.environ.update(env)
        self._worker("benchmarks.chain_app", "bench", env, HERE.parent)
        from benchmarks import chain_app

        self.app = importlib.reload(chain_app)  # its app keeps the connections of the round before
        threading.Thread(target=self._listen, daemon=True).start()

    def submit(self, n: int, slow: bool = False) -> str:
        task = self.app.slow_add if slow else self.app.add
        return str((task.s(n) | task.s() | task.s()).apply_async(queue="bench").id)

    def _read(self) -> None:
        client = redis.Redis.from_url(f"unix://{self.socket}?db=4")
        heard = client.pubsub()
        heard.psubscribe("celery-task-meta-*")
        for message in heard.listen():
            if message["type"] == "pmessage":
                self.done(message["channel"].decode().removeprefix("celery-task-meta-"))


class Stagepass(Side):
    """A pipeline of three stages: durable, with events."""

    name = "stagepass"

    def __init__(self, folder: Path, socket: Path, slots: int, database_url: str = "") -> None:
        super().__init__(folder, socket, slots)
        env = {
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": database_url or f"sqlite:///{folder / 'bench.db'}",
            "REDIS_URL": f"unix://{socket}?db=0",
            "BROKER_URL": f"redis+socket://{socket}?virtual_host=1",
            "PIPELINES": str(HERE / "pipelines"),
            "LOG_LEVEL": "WARNING",
        }
        os.environ.update(env)
        from stagepass.bootstrap import System
        from stagepass.pipelines.discover import discover
        from stagepass.settings import Settings

        settings = Settings.load()
        self.system = System(settings, discover(settings.pipelines))
        self.system.store.create_all()
        queues = [queue for queue in self.system.registry.queues() if queue.startswith("bench_")]
        self._worker("stagepass.worker", ",".join(queues), env, folder)
        threading.Thread(target=self._listen, daemon=True).start()

    def submit(self, n: int, slow: bool = False) -> str:
        return self.system.engine.submit("bench_slow" if slow else "bench_noop", {"n": n}).job.id

    def database_cpu(self) -> float:
        url = self.system.settings.database_url
        if not url.startswith("postgresql"):
            return 0.0
        with psycopg.connect(url) as connection:
            pids = connection.execute(_BACKENDS).fetchall()
        return sum(cpu_seconds(stat) for (pid,) in pids if (stat := Path(f"/proc/{pid}/stat")).exists())

    def stop(self) -> None:
        super().stop()
        self.system.close()

    def _read(self) -> None:
        client = redis.Redis.from_url(f"unix://{self.socket}?db=0")
        last = {f"stagepass:events:{k}": "0-0" for k in range(self.system.settings.event_streams)}
        while True:
            for key, entries in client.xread(last, block=1000, count=500):  # type: ignore[union-attr, arg-type]
                for entry, fields in entries:
                    last[key.decode()] = entry
                    for news in json.loads(fields[b"n"]):
                        if news["type"] == "job.completed":
                            self.done(news["job"])


def closed_loop(side: Side, jobs: int, in_flight: int, *, slow: bool = False) -> tuple[float, list[float]]:
    """Submit so that never more than `in_flight` are under way. Returns seconds in all, and each job's in ms."""
    lock = threading.Lock()
    begun: dict[str, float] = {}
    early: dict[str, float] = {}
    times: list[float] = []
    places, finished = threading.Semaphore(in_flight), threading.Event()

    def done(job: str) -> None:
        now = time.perf_counter()
        with lock:
            start = begun.pop(job, None)
            if start is None:
                early[job] = now
                return
            times.append((now - start) * 1000)
            complete = len(times) == jobs
        places.release()
        if complete:
            finished.set()

    side.done = done
    numbers = iter(range(jobs))

    def submit() -> None:
        while True:
            with lock:
                n = next(numbers, None)
            if n is None:
                return
            places.acquire()
            start = time.perf_counter()
            job = side.submit(n, slow)
            with lock:
                ended = early.pop(job, None)
                if ended is None:
                    begun[job] = start
                    continue
                times.append((ended - start) * 1000)
                complete = len(times) == jobs
            places.release()
            if complete:
                finished.set()

    start = time.perf_counter()
    clients = min(in_flight, 100 if slow else 16)
    threads = [threading.Thread(target=submit, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    if not finished.wait(timeout=180):
        raise TimeoutError(f"{side.name}: {len(times)} of {jobs} jobs ended in 180 s")
    return time.perf_counter() - start, times
