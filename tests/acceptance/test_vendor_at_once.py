"""Many jobs at once through the vendors' servers, within their rates, with callbacks; and no key anywhere."""

import json
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.up import STAGEPASS, Up, place
from tests.support.vendors.creatomate import Creatomate
from tests.support.vendors.openai import OpenAI
from tests.support.vendors.server import serving
from tests.support.vendors.suno import Suno
from tests.support.waiting import wait_until

KEYS = {
    "OPENAI_API_KEY": "sk-planted-openai-0123456789",
    "SUNO_API_KEY": "planted-suno-0123456789",
    "CREATOMATE_API_KEY": "planted-creatomate-0123456789",
}
MANY = [
    ("threads", 50, 10.0),  # the vendors' own ten seconds: a minute and a half of waiting
    ("prefork", 6, 2.0),
]
"""Where they run, how many, and for how many seconds the vendors' rates count."""
USUAL = 24
"""More than each vendor takes at a time."""
INPUT = {"customer_name": "Harbor Light", "region": "Busan", "language": "English"}


@contextmanager
def town(monkeypatch: pytest.MonkeyPatch, *options: str, per: float = 10, **settings: str) -> Iterator[Any]:
    """The three vendors, whose rates count for so many seconds, and an installation that uses them and is reached."""
    text = OpenAI(key=KEYS["OPENAI_API_KEY"])
    songs = Suno(key=KEYS["SUNO_API_KEY"], statuses=("PENDING", "SUCCESS"), per=per)
    clips = Creatomate(key=KEYS["CREATOMATE_API_KEY"], statuses=("rendering", "succeeded"), per=per, fetches=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environ = {
        **KEYS,
        "TEXT_MODEL": "openai:m",
        "SONG_MAKER": "suno:V5",
        "CLIP_MAKER": "creatomate",
        "OPENAI_BASE_URL": f"{text.url}/v1",
        "SUNO_BASE_URL": songs.url,
        "CREATOMATE_BASE_URL": clips.url,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PROVIDER_LIMITS": f"suno=20/{per + 0.5}s, creatomate=28/{per + 0.5}s",
        **settings,
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with serving(text, songs, clips), place() as folder:
        up = Up(folder, "--port", port, *options)
        try:
            yield up, text, songs, clips
        finally:
            up.process.terminate()
            up.process.wait(30)


@contextmanager
def workers(up: Up, pool: str) -> Iterator[None]:
    """A worker of child processes beside `up`, for what it does not serve itself."""
    if pool == "threads":
        yield
        return
    with (up.folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [STAGEPASS, "worker", "promo", "--pool", "prefork", "-c", "3"],
            cwd=up.folder,
            env=up.env,
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(40)


def submit(up: Up, **more: Any) -> str:
    body = json.dumps({**INPUT, **more}).encode()
    url = f"{up.ready['url']}/api/v1/pipelines/promo/jobs"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["id"])


def ended(up: Up, ids: list[str], timeout: float) -> dict[str, str]:
    found: dict[str, str] = {}

    def look() -> bool:
        for job_id in ids:
            if job_id not in found:
                state = up.get(f"/api/v1/jobs/{job_id}")["state"]
                if state in ("completed", "failed", "cancelled", "held"):
                    found[job_id] = state
        return len(found) == len(ids)

    wait_until(look, timeout, "all jobs end")
    return found


@pytest.fixture(scope="module")
def usual() -> Iterator[Any]:
    """A town with threads."""
    group = f"promo,gated,hello={USUAL}"
    with pytest.MonkeyPatch.context() as patch, town(patch, "--workers", group, per=2.0) as found:
        yield found


def all_complete(found: Any, count: int) -> None:
    """So many orders at once; each is placed once, called back about and completed, and no key is anywhere."""
    up, text, songs, clips = found
    ids = [submit(up) for _ in range(count)]
    called: set[str] = set()

    def call_back() -> bool:
        """Each order comes to its end when it is there; calls are repeated, as vendors do."""
        for server in (songs, clips):
            for task in set(server.tasks if server is songs else server.renders) - called:
                called.add(task)
                assert server.finish(task) == 200
                assert server.call_back(task) == 200
        return len(called) == 2 * count

    wait_until(call_back, 200, "all orders are there")
    states = ended(up, ids, 150)
    assert set(states.values()) == {"completed"}
    assert (len(songs.tasks), len(clips.renders), len(text.asked("/chat/completions"))) == (count,) * 3
    assert len(clips.fetched) == count  # each song, by its signed address
    _no_keys(up.folder, json.dumps([up.get(f"/api/v1/jobs/{job_id}") for job_id in ids]))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_promo_completes_for_all_of_them_within_the_rates(usual: Any) -> None:
    all_complete(usual, USUAL)


@pytest.mark.slow
def test_an_error_shows_no_key_in_logs_events_or_answers(usual: Any) -> None:
    up, text, songs, _ = usual
    leak = " ".join(KEYS.values())
    error = {"error": {"message": f"Incorrect API key provided: {leak}", "code": "invalid_api_key"}}
    text.will("/chat/completions", {"status": 401, "body": error})
    failed = submit(up)
    assert ended(up, [failed], 60) == {failed: "failed"}
    songs.will("/generate", {"body": {"code": 400, "msg": leak}})
    refused = submit(up)
    assert ended(up, [refused], 60) == {refused: "failed"}
    shown = json.dumps([up.get(f"/api/v1/jobs/{job_id}") for job_id in (failed, refused)])
    assert "rejected the API key" in shown
    shown += up.run("show", failed).stdout + up.run("doctor").stdout
    _no_keys(up.folder, shown)


@pytest.mark.chaos
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("pool", "count", "per"), MANY)
def test_many_more_and_in_child_processes(monkeypatch: pytest.MonkeyPatch, pool: str, count: int, per: float) -> None:
    group = f"promo,gated,hello={count}" if pool == "threads" else "gated,hello=1"
    with town(monkeypatch, "--workers", group, per=per) as found, workers(found[0], pool):
        all_complete(found, count)


def _no_keys(folder: Path, shown: str) -> None:
    """Neither in what is shown, nor in any file of the installation: logs, the database, Redis's."""
    texts = {"answers": shown.encode()}
    texts |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for where, content in texts.items():
        for name, key in KEYS.items():
            assert key.encode() not in content, f"{name} stands in {where}"
