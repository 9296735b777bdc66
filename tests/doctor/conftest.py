"""One installation for all walks: SQLite, a Redis server of its own, the API on a port; workers and relays as needed."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagepass.api.app import create_app
from stagepass.bootstrap import System
from stagepass.declare.registry import Registry
from stagepass.doctor.presence import Presence
from stagepass.doctor.why.explain import explain
from stagepass.doctor.why.model import Why
from stagepass.engine.model.records import StageRun
from stagepass.pipelines.discover import discover
from stagepass.settings import Settings
from stagepass.store import migrate
from stagepass.worker.runtime import Runtime
from tests.support.api import RedisServer, Server
from tests.support.cli import run_here
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "tests" / "support" / "walks"


class Stack:
    """An installation whose every part a test starts and ends."""

    def __init__(self, folder: Path, redis: RedisServer, port: int) -> None:
        self.folder = folder
        self.redis = redis
        self.given: dict[str, str] = {
            "DATA_DIR": str(folder),
            "REDIS_URL": redis.url,
            "PIPELINES": str(PIPELINES),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "PORT": str(port),
            "DRAIN_SECONDS": "1",
        }
        self.system = self.new_system()
        migrate.upgrade(self.system.settings.database)
        self.submit()  # begins the committer's thread, which is the stack's and no test's
        self.processes: list[subprocess.Popen[bytes]] = []
        self._runtimes: list[Runtime] = []
        self._presences: list[Presence] = []
        self._server: Server | None = None

    def new_system(self, registry: Registry | None = None, **more: Any) -> System:
        given = {name.lower(): value for name, value in self.given.items()}
        settings = Settings.load(_env_file=None, **{**given, **more})
        return System(settings, registry or discover(settings.pipelines))

    # ── parts ──

    def work(self, *queues: str, slots: int = 4, registry: Registry | None = None) -> Runtime:
        """A worker in this process, until `rest`."""
        runtime = Runtime(self.new_system(registry), queues or ("walk.act", "walk.pack"), slots)
        runtime.start()
        self.system.engine.dispatcher = runtime.dispatcher  # it hears of new work at once
        self._runtimes.append(runtime)
        return runtime

    def serve(self) -> None:
        """The API, until `rest`."""
        self._server = Server(create_app(self.system), port=self.system.settings.port).start()

    def rest(self) -> None:
        """End all workers, relays and the API."""
        self.system.engine.dispatcher = None
        for presence in self._presences:
            presence.stop()
        self._presences = []
        for runtime in self._runtimes:
            runtime.stop()
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        if self._server is not None:
            self._server.stop()
        self._runtimes, self.processes, self._server = [], [], None

    def sql(self, statement: str, **values: Any) -> None:
        import sqlalchemy as sa

        with self.system.store._writing() as db:
            db.execute(sa.text(statement), values)

    # ── jobs ──

    def submit(self, how: str = "", **options: Any) -> str:
        flag = str(self.folder / f"flag-{how}")
        return self.system.engine.submit("walk", {"how": how, "flag": flag}, **options).job.id

    def open(self, how: str) -> None:
        """What a job waits for outside is there."""
        (self.folder / f"flag-{how}").touch()

    def run(self, job_id: str, stage: str = "act") -> StageRun:
        return next(run for run in self.system.store.runs_of(job_id) if run.stage == stage)

    def reaches(self, job_id: str, state: str, stage: str = "act") -> str:
        wait_until(lambda: self._state(job_id, stage) == state, 30, f"{stage} is {state}")
        return job_id

    def _state(self, job_id: str, stage: str) -> str | None:
        return next((run.state.value for run in self.system.store.runs_of(job_id) if run.stage == stage), None)

    def why(self, job_id: str) -> Why:
        found = self.system.store.look(job_id)
        assert found is not None
        self.system.engine.clock.refresh()
        return explain(self.system.sources, *found)

    def where(self, job_id: str) -> object:
        """Where a job stands: changes with every move."""
        job = self.system.engine.job(job_id, None)
        runs = self.system.store.runs_of(job_id)
        return job.state, job.seq, [(run.id, run.state, run.notes.claims, run.due_at, run.worker) for run in runs]

    def carry_out(self, command: str) -> None:
        """Do what an operator does with a command: services are started, the others must succeed."""
        words = shlex.split(command)
        if words[:2] in (["stagepass", "worker"], ["stagepass", "relay"]):
            environment = {**os.environ, **self.given, "PYTHONPATH": str(ROOT)}
            log = (self.folder / "service.log").open("ab")
            argv = [sys.executable, "-m", "stagepass.cli", *words[1:]]
            self.processes.append(subprocess.Popen(argv, env=environment, cwd=self.folder, stdout=log, stderr=log))
        elif words[0] == "stagepass":
            with pytest.MonkeyPatch.context() as patch:
                for name, value in self.given.items():
                    patch.setenv(name, value)
                code, out, errors = run_here(*words[1:])
            assert code == 0, f"{command}: {out}{errors}"
        else:
            done = subprocess.run(words, capture_output=True, timeout=20, check=False)
            assert done.returncode == 0, f"{command}: {done.stderr.decode()}"

    def close(self) -> None:
        self.rest()
        self.system.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, free_port: int) -> Iterator[Stack]:
    redis = RedisServer().start()
    made = Stack(tmp_path_factory.mktemp("doctor"), redis, free_port)
    try:
        yield made
    finally:
        made.close()
        redis.close()


@pytest.fixture(autouse=True)
def at_rest(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test no worker, relay or API of the stack is left, and no job."""
    yield
    if "stack" in request.fixturenames:
        stack: Stack = request.getfixturevalue("stack")
        stack.rest()
        for table in (
            "jobs",
            "stage_runs",
            "memos",
            "events",
            "attempts",
            "workers",
            "messages",
            "processes",
            "pauses",
            "runtime_limits",
        ):
            stack.sql(f"DELETE FROM {table}")
        for flag in stack.folder.glob("flag-*"):
            flag.unlink()
        stack.system.provider_limits._client.flushdb()
