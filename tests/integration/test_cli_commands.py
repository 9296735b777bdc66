"""Commands beside no running service: exit codes, JSON for programs, texts for people."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stagepass.store import migrate
from tests.support.api import redis_server
from tests.support.cli import run_here
from tests.support.databases import KINDS, make_schema, new_database
from tests.support.up import STAGEPASS
from tests.support.waiting import wait_until

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process, in a folder of its own with a pipeline and an empty database."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LANG", "C")
    (tmp_path / "data").mkdir()
    make_schema(f"sqlite:///{tmp_path / 'data' / 'stagepass.db'}")

    return run_here


CACHE = Path(__file__).parents[2] / ".mypy_cache" / "template"

PROMO = ("submit", "promo", "--set", "customer_name=머뭄", "--set", "region=군산")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("jobs", "show", "nope"), 3, "there is no job nope"),
        (("watch", "nope"), 3, "there is no job nope"),
        (("submit", "nope"), 3, "available: chain"),
        (("submit", "promo"), 2, "customer_name: Field required"),
        (("submit", "promo", "--input", "{"), 2, "is not valid JSON"),
        (("jobs", "list", "--state", "lost"), 2, "lost"),
        (("worker", "promo.lyrics"), 3, "promo.lyric, promo.song, promo.video"),
        (("worker",), 2, "--all"),
        (("dead", "show", "nope"), 3, "there is no dead letter nope"),
        (("new", "No-Name"), 2, "lower-case letters"),
        (("new", "promo"), 4, "already"),
        (("up", "--no-redis"), 2, "REDIS_URL"),
        (("up", "--workers", "promo=0"), 2, "WORKERS"),
        (("up", "--host", "0.0.0.0"), 2, "AUTH_MODE"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_what_cannot_be_done_has_an_exit_code_and_a_sentence(
    run: Run, arguments: tuple[str, ...], code: int, says: str
) -> None:
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert says in " ".join(err.replace("│", " ").split())


def test_a_database_that_is_away_is_5(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    code, _, err = run("jobs", "list")
    assert code == 5
    assert "the database did not answer" in err


def test_a_folder_without_an_installation_is_told_and_stays_empty(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "nowhere"))
    for command in (("jobs", "list"), ("submit", "promo"), ("watch", "nope"), ("workers",), ("dead", "list")):
        code, out, err = run(*command)
        assert (code, out) == (2, "")
        assert "there is no Stagepass data in ./nowhere; start one with `stagepass up`" in err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_without_its_schema_is_told_in_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    with new_database(kind, tmp_path, schema=False) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        code, out, err = run("jobs", "list")
    assert (code, out) == (2, "")
    needed = f"the schema is at nothing, and {migrate.head()} is needed"
    assert err.splitlines() == [f"error: {needed}; run: stagepass db upgrade"]


def test_every_field_at_fault_is_told(run: Run) -> None:
    _, _, err = run("submit", "promo")
    assert err.splitlines() == ["error: customer_name: Field required", "       region: Field required"]


def test_errors_are_json_for_programs(run: Run) -> None:
    code, out, _ = run("submit", "promo", "--json")
    assert code == 2
    error = json.loads(out)["error"]
    assert (error["code"], error["field"]) == ("invalid_input", "customer_name")


def test_a_job_from_submit_to_cancel(run: Run) -> None:
    code, out, _ = run(*PROMO, "--key", "k", "--json")
    job = json.loads(out)["id"]
    assert code == 0
    known = json.loads(run(*PROMO, "--key", "k", "--json")[1])
    assert (known["id"], known["created"], known["pipeline"], known["state"]) == (job, False, "promo", "queued")
    assert run("submit", "promo", "--set", "customer_name=x", "--set", "region=y", "--key", "k")[0] == 4
    assert [json.loads(line)["id"] for line in run("jobs", "list", "--json")[1].splitlines()] == [job]
    shown = json.loads(run("jobs", "show", job, "--json")[1])
    assert (shown["state"], shown["input"]["region"], shown["stages"][0]["name"]) == ("queued", "군산", "lyric")
    assert run("jobs", "list")[1].split("\t")[:3] == [job, "promo", "queued"]
    assert json.loads(run("jobs", "cancel", job, "--json")[1])["state"] == "cancelled"
    assert run("watch", job)[0] == 1
    assert json.loads(run("jobs", "resume", job, "--json")[1])["state"] == "running"


def test_a_job_is_found_by_the_id_that_its_client_gave(run: Run) -> None:
    task = "load-test-0-1764500000"
    job = json.loads(run(*PROMO, "--set", f"task_id={task}", "--json")[1])["id"]
    assert json.loads(run("jobs", "show", task, "--json")[1])["id"] == job
    assert json.loads(run("jobs", "cancel", task, "--json")[1])["state"] == "cancelled"
    assert run("watch", task)[0] == 1
    other = json.loads(run(*PROMO, "--set", f"task_id={task}", "--owner", "lee", "--json")[1])["id"]
    code, _, said = run("jobs", "show", task)
    assert code == 4
    assert job in said
    assert other in said
    upper = "3F0C8A52-6A0E-4A67-9F4E-0F6F4A5F1C11"
    job = json.loads(run(*PROMO, "--set", f"task_id={upper}", "--json")[1])["id"]
    assert json.loads(run("jobs", "show", upper, "--json")[1])["id"] == job


def test_pipelines_show_their_graph(run: Run) -> None:
    shape = json.loads(run("pipelines", "promo", "--json")[1])
    assert [(stage["name"], stage["after"]) for stage in shape["stages"]] == [
        ("lyric", []),
        ("song", ["lyric"]),
        ("video", ["song"]),
    ]
    assert "customer_name" in shape["input"]["properties"]
    assert "└─ song" in run("pipelines")[1]


def test_korean_by_option(run: Run) -> None:
    assert run("jobs", "show", "nope", "--lang", "ko")[2].startswith("오류: ")


def test_help_has_examples_and_exit_codes(run: Run) -> None:
    assert "Exit codes" in run("--help")[1]
    for command in ("up", "submit", "watch", "worker"):
        assert "Example" in run(command, "--help")[1]


def test_what_new_makes_is_short_clean_and_runs(run: Run, tmp_path: Path) -> None:
    made: list[Any] = json.loads(run("new", "card", "--json")[1])["files"]
    assert sorted(Path(name).name for name in made) == ["README.md", "pipeline.py", "test_card.py"]
    code = tmp_path / "pipelines" / "card" / "pipeline.py"
    assert len(code.read_text().splitlines()) < 40
    rules = "E,F,W,I,B,UP,SIM,C4,PT,RET,RUF,PERF,PIE"
    for tool in (("ruff", "check", "--select", rules), ("ruff", "format", "--check")):
        command = [sys.executable, "-m", *tool, "--isolated", "--line-length", "120", "pipelines"]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout.count("pipelines/") == 0
    types = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(CACHE), "--config-file", os.devnull]
    for command in ([*types, str(code)], [sys.executable, "-m", "pytest", "-q", "pipelines/card"]):
        checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    assert run("new", "card")[0] == 4


def test_a_relay_ends_with_sigterm(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    with redis_server() as redis, log.open("wb") as errors:
        monkeypatch.setenv("REDIS_URL", redis.url)
        relay = subprocess.Popen([STAGEPASS, "relay"], stderr=errors, cwd=tmp_path)
        wait_until(lambda: "the relay runs" in log.read_text(), 20)
        relay.send_signal(signal.SIGTERM)
        assert relay.wait(20) == 0
