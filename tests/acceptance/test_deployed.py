"""The generated files at work: supervisord starts the services, nginx stands in front, PostgreSQL, RabbitMQ and Redis
behind; the four systems' main jobs go through, with a release and a killed worker in the middle."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stagepass.deploy import description, roles, tree
from stagepass.pipelines.discover import discover
from tests.support.backends import virtual_host
from tests.support.databases import missing, new_database
from tests.support.outages import RedisServer, free_port
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

SUPERVISOR = Path(".venv-validators/bin").absolute()

RELEASED = '''
"""A pipeline whose version a release raises."""
from pathlib import Path
from pydantic import BaseModel
from stagepass import Context, Pipeline

class Input(BaseModel):
    gate: str

def made(version: int) -> Pipeline:
    released = Pipeline("released", input=Input, version=version)

    @released.stage()
    def first(ctx: Context, request: Input) -> int:
        Path(request.gate, "began").touch()
        ctx.wait(lambda: Path(request.gate, "open").exists() or None, every="200ms", at_most="5m")
        return version

    @released.stage(after=first)
    def second(first: int) -> int:
        return first * 10

    return released

'''


class Machine:
    """One machine as the files describe it."""

    def __init__(self, folder: Path, environment: dict[str, str], key: str) -> None:
        self.name = f"sp-{secrets.token_hex(4)}"
        self.folder, self.key = folder, key
        self.api_port, self.port = free_port(), free_port()
        self.environment = environment
        self.started: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def write(self) -> None:
        """Make the files, and put what they name where they name it."""
        install = self.folder / "opt"
        (install / "bin").mkdir(parents=True)
        (install / "bin" / "stagepass").symlink_to(Path(sys.executable).with_name("stagepass"))
        (install / "pipelines" / "released").mkdir(parents=True)
        self.release(1)
        for place in ("/run", "/var/lib"):
            Path(place, self.name).mkdir(mode=0o700)
        os.environ["PIPELINES"] = ""
        registry = discover((str(install / "pipelines"),), "")
        given = (
            f"name={self.name}", f"folder={install}", "user=root", "host=localhost", "tls=false", "pipelines=pipelines",
            "replicas.promo.song=2",
        )  # fmt: skip
        made = roles.installation(registry, description.load(None, given))
        formats = ["supervisor", "nginx"]
        tree.write(self.folder, tree.contents(made, formats), formats)
        self._own_port("supervisor/supervisord.conf", "--port 8000", f"--port {self.api_port}")
        self._own_port("nginx/stagepass.conf", "127.0.0.1:8000", f"127.0.0.1:{self.api_port}")
        conf = (self.folder / "nginx" / "stagepass.conf").read_text()
        conf = re.sub(r"listen (\[::\]:)?80;", "", conf).replace(
            "server_name localhost;", f"listen 127.0.0.1:{self.port};\n    server_name localhost 127.0.0.1;"
        )
        conf = conf.replace("/var/log/nginx/stagepass.log", str(self.folder / "access.log"))
        temporary = "".join(
            f"{kind}_temp_path {self.folder}/nginx-{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.folder / "nginx.conf").write_text(
            f"daemon off;\nuser root;\npid {self.folder}/nginx.pid;\nerror_log {self.folder}/nginx.log warn;\n"
            f"events {{}}\nhttp {{\n{temporary}{conf}}}\n"
        )

    def release(self, *versions: int) -> None:
        """The pipelines of a release: these versions side by side."""
        lines = [f"v{version} = made({version})" for version in versions]
        (self.folder / "opt" / "pipelines" / "released" / "pipeline.py").write_text(RELEASED + "\n".join(lines) + "\n")

    def _own_port(self, name: str, before: str, after: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))

    def start(self) -> None:
        log = (self.folder / "supervisord.log").open("wb")
        conf = str(self.folder / "supervisor" / "supervisord.conf")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.environment}
        self.started.append(
            subprocess.Popen([SUPERVISOR / "supervisord", "-c", conf], stdout=log, stderr=log, env=environment)
        )
        nginx = shutil.which("nginx")
        self.started.append(subprocess.Popen([str(nginx), "-c", str(self.folder / "nginx.conf")]))
        wait_until(lambda: self.status("/health/ready") == 200, 120)

    def control(self, *command: str) -> str:
        conf = str(self.folder / "supervisor" / "supervisord.conf")
        done = subprocess.run(
            [SUPERVISOR / "supervisorctl", "-c", conf, *command],
            capture_output=True,
            text=True,
            check=False,
            env={**self.environment, "PATH": os.environ["PATH"]},
        )
        return done.stdout

    def pid(self, program: str) -> int:
        return int(self.control("pid", f"{self.name}:{program}"))

    def stop(self) -> float:
        """Seconds that the whole took to stop."""
        began = time.monotonic()
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        for process in self.started:
            process.wait(60)
        return time.monotonic() - began

    # ── as a client ──

    def ask(self, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
        data = json.dumps(body).encode() if kind == "application/json" and body is not None else body
        request = urllib.request.Request(self.url + path, data, {"Authorization": f"Bearer {self.key}"})
        if body is not None:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def status(self, path: str) -> int:
        try:
            return self.ask(path)[0]
        except (OSError, ValueError):
            return 0

    def submit(self, pipeline: str, **values: Any) -> str:
        status, answer = self.ask(f"/api/v1/pipelines/{pipeline}/jobs", values)
        assert status == 202, answer
        return str(answer["id"])

    def events(self, job: str) -> Iterator[dict[str, Any]]:
        """A job's events from its first to its last, as they come."""
        address = f"{self.url}/api/v1/jobs/{job}/events"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(request, timeout=60) as stream:
            for line in stream:
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    yield event
                    if event["type"] in ("job.completed", "job.failed", "job.cancelled"):
                        return
        raise AssertionError("the stream ended before the job")

    def completed(self, job: str) -> Any:
        """The job's result, once it has completed."""
        *_, last = self.events(job)
        assert last["type"] == "job.completed", last
        return self.ask(f"/api/v1/jobs/{job}")[1]["result"]


@contextmanager
def closing_redis(folder: Path) -> Iterator[str]:
    """A server of our own, and its URL."""
    server = RedisServer(folder).begin()
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.kill()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if shutil.which("nginx") is None or not (SUPERVISOR / "supervisord").exists():
        missing("nginx or supervisor is not installed (make validators; Debian: nginx-light)")
    if os.geteuid() != 0:
        pytest.skip("supervisord changes users, which needs root")
    key = secrets.token_hex(16)
    with (
        new_database("postgresql", tmp_path, schema=True) as database,
        virtual_host() as broker,
        closing_redis(tmp_path / "redis") as redis_url,
    ):
        environment = {
            "DATABASE_URL": database,
            "BROKER_URL": broker,
            "REDIS_URL": redis_url,
            "SECRET_KEY": secrets.token_hex(32),
            "API_KEYS": f"alice:{key}",
            "METRICS_KEY": secrets.token_hex(16),
            "ALERT_WEBHOOK_URL": "",
        }
        made = Machine(tmp_path, environment, key)
        made.write()
        try:
            made.start()
            yield made
        finally:
            for process in made.started:
                if process.poll() is None:
                    process.terminate()
                    process.wait(60)
            for place in ("/run", "/var/lib"):
                shutil.rmtree(Path(place, made.name), ignore_errors=True)


def test_the_four_systems_run_from_the_generated_files(machine: Machine, tmp_path: Path) -> None:
    promo = machine.submit(
        "promo", customer_name="Harbor Light", region="Jeju", detail_region_info="sea view", language="en"
    )
    resume = machine.submit(
        "resume", resume_text="Back-end developer, 3 years. 2021-2024 Acme: cut response time by 40 %"
    )
    chain = machine.submit("chain", a=3, b=4, seconds=2)
    scan_status, scan = machine.ask(*form("/api/v1/scan", {"user_input": "glass bottle"}, "image", bottle()))
    assert scan_status in (200, 202), scan

    # an upload that fits, and one that does not
    assert machine.ask(*form("/api/v1/scan", {"user_input": "?"}, "image", bottle(14_000_000)))[0] in (200, 202, 422)
    status, refused = machine.ask(*form("/api/v1/scan", {"user_input": "?"}, "image", bottle(16_000_000)))
    assert (status, refused["code"]) == (413, "too_large")

    # a worker is killed while the clip is made, and supervisord starts another
    next(event for event in machine.events(promo) if (event["type"], event["stage"]) == ("stage.started", "video"))
    victim = machine.pid("worker-promo-video")
    os.kill(victim, signal.SIGKILL)

    # a release with a job in flight: its stages end with the version that it began with
    gate = tmp_path / "gate"
    gate.mkdir()
    old = machine.submit("released", gate=str(gate))
    wait_until((gate / "began").exists, 30)
    machine.release(1, 2)
    machine.control("restart", f"{machine.name}:*")
    wait_until(lambda: machine.status("/health/ready") == 200, 120)
    new = machine.submit("released", gate=str(gate))
    (gate / "open").touch()
    assert machine.completed(old) == 10
    assert machine.completed(new) == 20

    for job in (promo, resume, chain):
        machine.completed(job)
    assert machine.pid("worker-promo-video") != victim
    assert machine.status("/metrics") == 404, "nobody outside reads the metrics"
    assert machine.stop() < 30, "within the stop times of the file"


def bottle(size: int = 0) -> bytes:
    """A photo, padded after its end to a size."""
    from io import BytesIO

    from PIL import Image

    buffer = BytesIO()
    Image.effect_noise((1400, 1400), 60).convert("RGB").save(buffer, "JPEG", quality=95)
    content = buffer.getvalue()
    return content + b"\0" * max(0, size - len(content))


def form(path: str, values: dict[str, str], name: str, content: bytes) -> tuple[str, bytes, str]:
    boundary = secrets.token_hex(8)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in values.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="p.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return path, body, f"multipart/form-data; boundary={boundary}"


def delays(machine: Machine, job: str) -> list[float]:
    """Seconds from each event's commit to its arrival, without those of before."""
    began = time.time()
    late = []
    for event in machine.events(job):
        committed = datetime.fromisoformat(event["at"]).timestamp()
        if committed > began:
            late.append(time.time() - committed)
    return late
