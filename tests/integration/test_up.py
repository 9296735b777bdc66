"""`stagepass up` as people run it: real processes, real signals."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.up import STAGEPASS, Up, place, processes_of
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]


@pytest.fixture
def folder() -> Iterator[Path]:
    with place() as path:
        yield path


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """One that several tests share; they put back what they break."""
    with place() as path:
        found = Up(path)
        yield found
        found.stop()


def test_a_new_pipeline_is_everywhere_and_runs(up: Up) -> None:
    assert "hello" in up.ready["pipelines"]
    assert "hello" in [entry["name"] for entry in up.get("/api/v1/pipelines")["pipelines"]]
    assert "hello.card" in up.json("workers")["queues"]
    done = up.run("submit", "hello", "--set", "name=World", "--wait")
    assert done.returncode == 0, done.stderr
    assert "Hello, World!" in json.loads(done.stdout)["text"]


def test_watching_tells_every_event_and_the_result(up: Up) -> None:
    done = up.run("submit", "hello", "--set", "name=World", "--watch", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    numbers = [line["seq"] for line in lines if "seq" in line]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [line["type"] for line in lines][-2:] == ["job.completed", "end"]
    assert "World" in lines[-1]["result"]["text"]
    replayed = up.run("watch", lines[-1]["id"])
    assert replayed.returncode == 0
    assert "card completed" in replayed.stderr


def test_a_failed_job_says_what_to_do_and_can_be_sent_again(up: Up) -> None:
    failed = up.run("submit", "gated", "--set", "fails=true", "--watch")
    assert failed.returncode == 1
    assert "failed at second" in failed.stderr
    assert "the input is not good" in failed.stderr
    assert "stagepass jobs resume" in failed.stderr
    dead = up.json("dead", "list")
    assert (dead["stage"], dead["error"]["code"]) == ("second", "permanent")
    sent = up.json("dead", "redrive", dead["run_id"])
    assert (sent["runs"], sent["jobs"]) == (1, [dead["job_id"]])
    assert up.json("watch", dead["job_id"], code=1)["state"] == "failed"
    assert len(up.json("dead", "show", dead["run_id"])["history"]) == 2
    assert up.json("dead", "discard", dead["run_id"])["runs"] == [dead["run_id"]]
    assert up.run("dead", "list").stdout == ""


def test_a_step_by_step_job_is_held_and_resumed(up: Up) -> None:
    held = up.json("submit", "gated", "--stepwise", "--wait", code=6)
    assert held["state"] == "held"
    assert up.json("jobs", "resume", held["id"], "--watch")["result"] == "one two"
    assert up.json("jobs", "cancel", held["id"], code=4)["error"]["code"] == "conflict"


@pytest.mark.parametrize("mark", ["worker -Q", "stagepass.cli relay", "stagepass.cli api", "valkey"])
def test_a_killed_child_is_started_again_and_jobs_go_on(up: Up, tmp_path: Path, mark: str) -> None:
    job = up.json("submit", "gated", "--set", f"gate={tmp_path}")["id"]
    wait_until(lambda: "second" in began(tmp_path), 20, "the second stage runs")
    killed = up.child(mark)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: up.child(mark) not in (None, killed), 20, f"{mark} is started again")
    (tmp_path / "go").touch()
    (tmp_path / "open").touch()
    assert up.json("watch", job)["result"] == "one two"
    assert began(tmp_path).count("first") == 1, "a finished stage ran again"
    wait_until(lambda: up.get("/health/ready")["status"] == "ok", 20)


def began(folder: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return [line.split()[0] for line in (folder / "began").read_text().splitlines()]
    return []


def test_clients_wait_while_the_api_is_started_again(up: Up) -> None:
    killed = up.child("stagepass.cli api")
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert up.get("/health/live")["status"] == "ok"


def test_a_second_one_on_the_folder_is_refused(up: Up) -> None:
    second = up.run("up", "--port", "0")
    assert second.returncode == 4
    assert "is in use by another `stagepass up`" in second.stderr
    assert "--data" in second.stderr


def test_a_port_that_is_taken_is_told_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [STAGEPASS, "up", "--port", str(port), "--data", str(folder / "data")],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 4
    assert f"stagepass up --port {port + 1}" in done.stderr
    assert not (folder / "data" / "stagepass.db").exists()


def test_everything_survives_kill_9(folder: Path) -> None:
    up = Up(folder)
    job = up.json("submit", "gated", "--set", f"gate={folder}")["id"]
    wait_until(lambda: "second" in began(folder), 20, "the second stage runs")

    up.process.kill()  # the parent alone: its children must follow it
    up.process.wait()
    wait_until(lambda: not processes_of(folder), 10, "nothing is left without the parent")

    up = Up(folder)
    wait_until(lambda: began(folder).count("second") == 2, 20, "the second stage runs again")
    for pid in processes_of(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    up.process.wait()

    (folder / "go").touch()
    (folder / "open").touch()
    up = Up(folder)
    assert up.json("watch", job)["result"] == "one two"
    assert began(folder).count("first") == 1
    up.stop(signal.SIGINT)
    with pytest.raises(urllib.error.URLError):
        up.get("/health/live")
