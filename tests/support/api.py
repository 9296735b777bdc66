"""The API on a real socket, with a worker, a relay and a Redis server of its own."""

import io
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI
from PIL import Image

from stagepass.api.app import create_app
from stagepass.bootstrap import System
from stagepass.declare.registry import Registry
from stagepass.embedded.redis import EmbeddedRedis
from stagepass.settings import Settings
from stagepass.worker.runtime import Runtime
from tests.support.pipelines.demo.pipeline import demo, quick
from tests.support.waiting import wait_until


class RedisServer:
    """A Redis server in a folder of its own, that a test may stop, freeze and start again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sp-"))
        self._redis = EmbeddedRedis(self.folder)
        self.url = self._redis.urls().bus
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "RedisServer":
        self._redis.prepare()
        self.process = subprocess.Popen(self._redis.argv(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._redis.wait_ready()
        return self

    def stop(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def make_system(folder: Path, redis_url: str, registry: Registry | None = None, **settings: Any) -> System:
    """A system on SQLite in that folder."""
    given = {"data_dir": folder, "redis_url": redis_url, "log_level": "WARNING", "drain_seconds": 2.0, **settings}
    system = System(Settings.load(_env_file=None, **given), registry or Registry([demo, quick]))
    system.store.create_all()
    return system


class Server:
    """Uvicorn in a thread, on a free port unless one is given."""

    def __init__(self, app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> None:
        self.app = app
        self._socket = socket.create_server((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it on sockets of its own only
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        config = uvicorn.Config(
            app, log_config=None, access_log=False, proxy_headers=False, timeout_graceful_shutdown=1, lifespan="on"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def start(self) -> "Server":
        self._thread.start()
        wait_until(lambda: self._server.started or not self._thread.is_alive(), saying="the API is up")
        assert self._server.started
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive(), "the API did not stop"
        self._socket.close()

    def client(self, user: str = "ann", **options: Any) -> httpx2.Client:
        headers = {"X-User-ID": user, **options.pop("headers", {})}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False, verify=False, **options)


class Installation:
    """Everything: an API, and, once started, a worker and a relay beside it."""

    def __init__(self, folder: Path, redis_url: str, registry: Registry | None = None, **settings: Any) -> None:
        self.system = make_system(folder, redis_url, registry, **settings)
        self.app = create_app(self.system)
        self.server = Server(self.app).start()
        self._folder, self._redis_url, self._registry, self._settings = folder, redis_url, registry, settings
        self._runtime: Runtime | None = None
        self._relay: Any = None
        self._relay_thread: threading.Thread | None = None

    def work(self, *queues: str, slots: int = 4) -> "Installation":
        """Start a worker with connections of its own, which hears of new work at once, and a relay."""
        system = make_system(self._folder, self._redis_url, self._registry, **self._settings)
        self._runtime = Runtime(system, queues or tuple(system.registry.queues()), slots)
        self._runtime.start()
        self.system.engine.dispatcher = self._runtime.dispatcher
        self._relay = system.relay()
        self._relay_thread = threading.Thread(target=self._relay.run, daemon=True)
        self._relay_thread.start()
        return self

    def client(self, user: str = "ann", **options: Any) -> httpx2.Client:
        return self.server.client(user, **options)

    def close(self) -> None:
        self.server.stop()
        self.system.engine.dispatcher = None
        if self._runtime is not None:
            self._relay.stop()
            assert self._relay_thread is not None
            self._relay_thread.join(5)
            self._runtime.stop()
        self.system.close()


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer().start()
    try:
        yield server
    finally:
        server.close()


@contextmanager
def installation(
    folder: Path, redis_url: str, registry: Registry | None = None, **settings: Any
) -> Iterator[Installation]:
    made = Installation(folder, redis_url, registry, **settings)
    try:
        yield made
    finally:
        made.close()


def ended(client: httpx2.Client, job_id: str, timeout: float = 20.0) -> dict[str, Any]:
    """The job, once it has ended."""

    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = client.get(f"/api/v1/jobs/{job_id}").json()
        return job if job["state"] in ("completed", "failed", "cancelled") else None

    job = wait_until(look, timeout, f"job {job_id} ends")
    assert job is not None
    return job


def submitted(client: httpx2.Client, pipeline: str = "demo", **input: Any) -> str:
    """The id of a new job."""
    answer = client.post(f"/api/v1/pipelines/{pipeline}/jobs", json={"text": "one two", **input})
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["id"]
    return job_id


def is_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"urn:stagepass:{code}"
    assert body["title"]
    assert body["detail"]
    return body


def picture(format: str = "JPEG", size: tuple[int, int] = (64, 48), colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, format)
    return out.getvalue()
