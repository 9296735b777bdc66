"""An installation of its own, of real processes: a data folder, a Redis server, workers that can be killed."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stagepass.bootstrap import System
from stagepass.embedded.redis import EmbeddedRedis
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import ENDED, JobState
from stagepass.pipelines.discover import discover
from stagepass.settings import Settings
from stagepass.store import migrate
from tests.support import forked
from tests.support.databases import make_schema
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
PATH = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
PIPELINES = ROOT / "tests" / "support" / "crashing"


class Site:
    """A client's view of an installation, and its processes.

    Args:
        interpreter: start each Celery worker with a new interpreter, as its users do; else it is forked from a
            process that has imported Celery, and nothing of ours that reads the environment.
    """

    def __init__(
        self, folder: Path, broker_url: str = "", database_url: str = "", *, interpreter: bool = False, **settings: Any
    ) -> None:
        self.folder = folder
        self._interpreter = interpreter
        self._redis = EmbeddedRedis(folder)
        self._redis.prepare()
        self._server = subprocess.Popen(self._redis.argv(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._redis.wait_ready()
        urls = self._redis.urls()
        self.settings: dict[str, Any] = {
            "data_dir": str(folder),
            "redis_url": urls.bus,
            "broker_url": broker_url or urls.broker,
            "database_url": database_url,
            "pipelines": str(PIPELINES),
            "drain_seconds": 1.0,
            **settings,
        }
        self.diary = folder / "diary"
        self.diary.touch()
        self.children: list[Any] = []
        self.workers: list[subprocess.Popen[bytes] | forked.Forked] = []
        self._relay: tuple[Any, threading.Thread] | None = None
        self.system: System
        try:
            self.system = self.new_system()
            if migrate.current(self.system.settings.database) is None:
                make_schema(self.system.settings.database)
        except BaseException:
            self._server.kill()
            self._server.wait(10)
            raise

    def new_system(self) -> System:
        settings = Settings.load(**self.settings)
        return System(settings, discover(settings.pipelines))

    # ── the client ──

    def order(self, text: str = "a", **more: Any) -> dict[str, Any]:
        return {"text": text, "diary": str(self.diary), **more}

    def submit(self, text: str = "a", **more: Any) -> str:
        return self.system.engine.submit("steps", self.order(text, **more)).job.id

    def job(self, job_id: str) -> Job:
        return self.system.engine.job(job_id, None)

    def settled(self, job_id: str, timeout: float = 30) -> Job:
        """The job, when it has ended or is held."""

        def look() -> Job | None:
            job = self.job(job_id)
            return job if job.state in ENDED or job.state is JobState.HELD else None

        job = wait_until(look, timeout, f"the job {job_id} ends")
        assert job is not None
        return job

    def lines(self, word: str) -> list[str]:
        return [line for line in self.diary.read_text().splitlines() if line.split()[0] == word]

    # ── processes without Celery ──

    def serve(self, failpoint: str = "") -> Any:
        """A process with four slots and a relay, that finds its work by itself."""
        return self._start(_serve, self.settings, failpoint)

    def submit_elsewhere(self, order: dict[str, Any], key: str, failpoint: str = "", delay: float = 0.0) -> Any:
        """A process that submits, and ends."""
        return self._start(_submit, self.settings, failpoint, order, key, delay)

    def run_elsewhere(self, order: dict[str, Any], key: str, failpoint: str = "") -> Any:
        """A process that runs a job by itself, and ends."""
        return self._start(_run_now, self.settings, failpoint, order, key)

    def _start(self, target: Any, *args: Any) -> Any:
        child = forked.fresh.Process(target=target, args=args, daemon=True)
        child.start()
        self.children.append(child)
        return child

    # ── processes of Celery ──

    def celery(self, *options: str, queues: str = "steps.one,steps.two,steps.three", **environment: str) -> Any:
        """A worker as Celery runs it; ready when it has said so."""
        process, log = self._begin_celery(queues, *options, **environment)
        wait_until(lambda: b"serving" in log.read_bytes() or process.poll() is not None, 60, "the worker is ready")
        assert process.poll() is None, log.read_text()
        return process

    def doomed_celery(self, *options: str, queues: str, failpoint: str) -> None:
        """A worker as Celery runs it, that dies at a failpoint before this returns."""
        process, log = self._begin_celery(queues, *options, STAGEPASS_FAILPOINT=failpoint)
        assert process.wait(60) == -signal.SIGKILL, f"{failpoint} was come by:\n{log.read_text()}"

    def _begin_celery(self, queues: str, *options: str, **environment: str) -> tuple[Any, Path]:
        log = self.folder / f"worker{len(self.workers)}.log"
        environ = {
            **os.environ,
            **{name.upper(): str(value) for name, value in self.settings.items() if value},
            "PYTHONPATH": PATH,
            **environment,
        }
        command = ["celery", "-A", "stagepass.worker", "worker", "-Q", queues, "--without-mingle", "--without-gossip"]
        command += ["-n", f"w{len(self.workers)}-{os.getpid()}@test", *options]
        process: subprocess.Popen[bytes] | forked.Forked
        if self._interpreter or "LD_PRELOAD" in environment:  # a fork has its libraries already
            argv = [sys.executable, "-m", *command]
            with log.open("wb") as out:
                process = subprocess.Popen(
                    argv, cwd=self.folder, env=environ, stdout=out, stderr=out, start_new_session=True
                )
        else:
            log.touch()
            process = forked.celery(command, self.folder, environ, log)
        self.workers.append(process)
        return process, log

    def relay(self) -> None:
        """A relay, in this process."""
        relay = self.system.relay()
        thread = threading.Thread(target=relay.run, name="test-relay", daemon=True)
        thread.start()
        self._relay = (relay, thread)

    def close(self) -> None:
        for child in self.children:
            child.kill()
            child.join(10)
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait(10)
        if self._relay:
            self._relay[0].stop()
            self._relay[1].join(5)
        self.system.close()
        self._server.kill()
        self._server.wait(10)


@contextmanager
def site(**options: Any) -> Iterator[Site]:
    """A new installation, in a folder with a short name."""
    with tempfile.TemporaryDirectory(prefix="sp-", ignore_cleanup_errors=True) as folder:
        made = Site(Path(folder), **options)
        try:
            yield made
        finally:
            made.close()


def _load(settings: dict[str, Any], failpoint: str) -> System:
    from stagepass.engine.model import failpoints

    os.environ["STAGEPASS_FAILPOINT"] = failpoint
    failpoints.arm_from_environment()
    loaded = Settings.load(**settings)
    return System(loaded, discover(loaded.pipelines))


def _serve(settings: dict[str, Any], failpoint: str) -> None:
    from stagepass.worker.runtime import Runtime

    system = _load(settings, failpoint)
    runtime = Runtime(system, tuple(system.registry.queues()), 4)
    threading.Thread(target=system.relay().run, daemon=True).start()
    runtime.start()
    threading.Event().wait()


def _submit(settings: dict[str, Any], failpoint: str, order: dict[str, Any], key: str, delay: float) -> None:
    system = _load(settings, failpoint)
    system.engine.submit("steps", order, key=key, delay=delay)
    system.close()


def _run_now(settings: dict[str, Any], failpoint: str, order: dict[str, Any], key: str) -> None:
    system = _load(settings, failpoint)
    system.engine.run_now("steps", order, key=key, budget=30)
    system.close()
