"""`stagepass up` when somebody takes its files away."""

import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagepass.errors import SettingsError, StoreUnavailable
from stagepass.pipelines.discover import discover
from stagepass.store import SqlStore, migrate
from tests.support.up import Up, place
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]


@pytest.fixture
def up() -> Iterator[Up]:
    with place() as path:
        found = Up(path)
        yield found
        found.stop()


def asked(up: Up, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        up.ready["url"] + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def made(file: Path) -> tuple[int, int]:
    """Which file this is: a file system may give the number of a removed one to the next."""
    facts = file.stat()
    return facts.st_ino, facts.st_ctime_ns


def test_what_is_taken_from_under_up_is_made_again_or_told(up: Up) -> None:
    data = Path(up.ready["data"])
    socket = data / "redis" / "redis.sock"
    before = made(socket)
    socket.unlink()
    wait_until(lambda: socket.exists() and made(socket) != before, 20, "the socket is made again")
    wait_until(lambda: asked(up, "/health/ready")[0] == 200, 30, "and all is ready")
    done = up.run("submit", "hello", "--set", "name=World", "--wait")
    assert done.returncode == 0, done.stderr

    database = data / "stagepass.db"
    shutil.copy(database, data / "copy.db")
    os.replace(data / "copy.db", database)
    status, answer = asked(up, "/api/v1/pipelines/hello/jobs", {"name": "lost"})
    assert (status, answer["code"]) == (503, "store_unavailable"), "nothing is accepted into a file without a name"
    status, answer = asked(up, "/health/ready")
    assert status == 503
    assert "database" in answer["failed"]

    shutil.rmtree(data)
    status, _ = asked(up, "/api/v1/pipelines/hello/jobs", {"name": "lost"})
    assert status == 503
    status, answer = asked(up, "/health/ready")
    assert status == 503
    assert not (data / "stagepass.db").exists(), "no empty one is made in its place"


def test_a_store_never_makes_or_takes_another_file(tmp_path: Path) -> None:
    path = tmp_path / "db"
    migrate.upgrade(f"sqlite:///{path}")
    store = SqlStore(f"sqlite:///{path}")
    store.check_writes()
    path.rename(tmp_path / "away")
    for act in (store.check, store.check_writes):
        with pytest.raises(StoreUnavailable, match="was removed"):
            act()
    assert not path.exists()
    (tmp_path / "away").rename(path)
    store.check()
    store.close()


def test_a_pipelines_own_folder_is_told_with_the_right_one(tmp_path: Path) -> None:
    own = tmp_path / "mine" / "hello"
    own.mkdir(parents=True)
    (own / "pipeline.py").write_text("")
    with pytest.raises(SettingsError, match=rf"its? own|own folder.*{tmp_path / 'mine'}"):
        discover((str(own),))
    discover((str(own.parent),))
