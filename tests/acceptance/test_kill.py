"""`stagepass up` with the real promo pipeline, providers that charge, and `kill -9` at the worst moments."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagepass.store import SqlStore
from tests.support.ledger import Book
from tests.support.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
INPUT = {"customer_name": "머뭄", "region": "군산"}
SILENT = 120
"""Seconds of silence after which a worker is dead, long past every deadline here: only its lock tells of a kill."""


class Up:
    """`stagepass up` in a folder, as its user starts it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.book = Book(folder / "ledger")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = {
            **os.environ,
            "DATA_DIR": str(self.folder / "data"),
            "DEAD_AFTER_SECONDS": str(SILENT),
            "LEDGER_DIR": str(self.book.folder),
            "TEXT_MODEL": "ledger",
            "SONG_MAKER": "ledger",
            "CLIP_MAKER": "ledger",
            "PIPELINES": "tests.support.ledger",
            "PYTHONPATH": str(REPOSITORY),
        }
        log = (self.folder / "up.log").open("ab")
        argv = [sys.executable, "-m", "stagepass.cli", "up", "--port", str(self.port)]
        self.process = subprocess.Popen(argv, env=env, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)
        wait_until(self.ready, timeout=60, saying="up is ready: " + str(self.folder / "up.log"))

    def ready(self) -> bool:
        try:
            self.get("/health/ready")
        except OSError:
            return False
        return len(self.store.workers()) >= 3

    @property
    def store(self) -> SqlStore:
        return SqlStore(f"sqlite:///{self.folder / 'data' / 'stagepass.db'}")

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return json.load(answer)

    def submit(self) -> str:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/pipelines/promo/jobs",
            data=json.dumps(INPUT).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(json.load(answer)["id"])

    def job(self, job_id: str) -> Any:
        return self.get(f"/api/v1/jobs/{job_id}")

    def finish(self, job_id: str, timeout: float = 40) -> Any:
        return wait_until(
            lambda: job if (job := self.job(job_id))["state"] in ("completed", "failed", "held") else None,
            timeout=timeout,
            saying=f"{job_id} ends: {self.book.lines()}",
        )

    def worker_of(self, queue: str) -> int:
        return next(worker.pid for worker in self.store.workers() if queue in worker.queues)

    def pids(self, name: str) -> list[int]:
        """Processes of this `up` whose command line holds that."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes().replace(b"\0", b" ").decode()
                environ = (path.parent / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            ours = str(self.folder) in line or f"DATA_DIR={self.folder}" in environ
            if ours and re.search(name, line):
                found.append(int(path.parent.name))
        return found

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=40)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, free_port: int) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("up"), free_port)
    up.start()
    yield up
    up.stop()


def purchases(book: Book, since: int) -> list[str]:
    return [line.split()[1] for line in book.lines()[since:] if line.startswith("bought ")]


@pytest.mark.parametrize(
    ("point", "queue"),
    [
        ("lyric", "promo.lyric"),
        ("song-submit", "promo.song"),
        ("song-look", "promo.song"),
        ("clip-submit", "promo.video"),
        ("clip-look", "promo.video"),
    ],
)
def test_lesson_21_a_killed_worker_s_work_goes_on_and_nothing_is_bought_twice(up: Up, point: str, queue: str) -> None:
    begin = len(up.book.lines())
    up.book.hold(point)
    job_id = up.submit()
    wait_until(lambda: _arrivals(up.book, point, begin) == 1, timeout=20)
    os.kill(up.worker_of(queue), signal.SIGKILL)
    up.book.let_go(point)
    job = up.finish(job_id)
    assert job["state"] == "completed"
    assert sorted(purchases(up.book, begin)) == ["clip", "lyric", "song"]
    stages = {stage["name"]: stage["attempts"] for stage in job["stages"]}
    assert stages[queue.split(".")[1]] == 2
    assert sum(stages.values()) == 4  # no other stage ran again


def _arrivals(book: Book, point: str, since: int) -> int:
    return sum(line.startswith(f"at {point} ") for line in book.lines()[since:])


@pytest.mark.parametrize("victim", ["stagepass.*relay", "(redis|valkey)-server"])
def test_the_relay_and_redis_may_die(up: Up, victim: str) -> None:
    begin = len(up.book.lines())
    up.book.hold("song-look")
    job_id = up.submit()
    wait_until(lambda: _arrivals(up.book, "song-look", begin) == 1, timeout=20)
    for pid in up.pids(victim):
        os.kill(pid, signal.SIGKILL)
    up.book.let_go("song-look")
    job = up.finish(job_id)
    assert job["state"] == "completed"
    assert sorted(purchases(up.book, begin)) == ["clip", "lyric", "song"]
    assert all(stage["attempts"] == 1 for stage in job["stages"])
    wait_until(lambda: up.pids(victim), timeout=20, saying="it is started again")
    assert up.finish(up.submit())["state"] == "completed"


def test_everything_at_once_and_then_up_again(up: Up) -> None:
    begin = len(up.book.lines())
    up.book.hold("song-submit")
    jobs = [up.submit() for _ in range(3)]
    wait_until(lambda: _arrivals(up.book, "song-submit", begin) == 2, timeout=20)  # two slots
    wait_until(lambda: all(up.store.outputs([(job, "lyric")]) for job in jobs), 20, "no lyric is being bought")
    assert up.process is not None
    for pid in {up.process.pid, *up.pids(".")}:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    up.process.wait(timeout=10)
    wait_until(lambda: not up.pids("."), timeout=10, saying="nothing is left running")
    up.book.let_go("song-submit")
    up.start()
    ended = [up.finish(job) for job in jobs]
    assert [job["state"] for job in ended] == ["completed"] * 3
    assert sorted(purchases(up.book, begin)) == ["clip"] * 3 + ["lyric"] * 3 + ["song"] * 3
    assert all(stage["attempts"] == 1 for job in ended for stage in job["stages"] if stage["name"] != "song")


def test_nothing_is_left_after_the_parent_was_killed(up: Up) -> None:
    assert up.process is not None
    os.kill(up.process.pid, signal.SIGKILL)
    up.process.wait(timeout=10)
    wait_until(lambda: not up.pids("."), timeout=15, saying=f"nothing is left running, but {up.pids('.')}")
