"""The Dockerfile's steps in a clean root: what they leave behind starts, as its own user, on a read-only root."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import image
from tests.support.outages import RedisServer, free_port
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

MOST_MEGABYTES = 1200


def test_the_image_is_built_and_starts(tmp_path: Path) -> None:
    # a path without links, which `chroot` and mounts take as it is
    made = image.build(Path("deploy/Dockerfile"), Path.cwd(), tmp_path.resolve(), {"EXTRAS": ""})

    assert made.user == "10001:10001"
    owned = made.run(["find", "/", "-xdev", "-user", "10001", "-not", "-path", "/proc/*"]).stdout.split()
    assert set(owned) == {"/data", "/files", "/app"}, "only its own folders are writable for it"
    assert made.run(["find", "/opt/stagepass", "/app", "-name", "*.env", "-o", "-name", ".git"]).stdout == ""
    size = made.run(["du", "-sm", "/opt/stagepass"]).stdout.split()[0]
    assert int(size) < MOST_MEGABYTES

    upgraded = made.run([*made.entrypoint, "db", "upgrade"], read_only=True)
    assert upgraded.returncode == 0, upgraded.stderr
    port, redis = str(free_port()), RedisServer(tmp_path / "redis").begin()
    redis_url = f"redis://127.0.0.1:{redis.port}/0"
    log = tmp_path / "api.log"
    command = [*made.entrypoint, *made.command[:-1], port]
    api = subprocess.Popen(
        made.inside(command, read_only=True),
        env={
            **made.environment,
            "AUTH_MODE": "api_key",
            "API_KEYS": f"alice:{'k' * 8}0123456789",
            "REDIS_URL": redis_url,
        },
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until(
            lambda: made.run(made.health, read_only=True, more={"PORT": port}).returncode == 0, 90, log.read_text()
        )
        with open(f"/proc/{api.pid}/status") as status:
            assert "Uid:\t10001\t10001" in status.read()
        ignored = made.run(["sh", "-c", "touch /opt/stagepass/x"], read_only=True)
        assert ignored.returncode != 0
    finally:
        api.terminate()
        api.wait(30)
        redis.kill()
    print(f"installed: {size} MB, user {made.user}, written: {sorted(os.listdir(made.root / 'data'))}")


def test_a_step_that_is_wrong_is_found(tmp_path: Path) -> None:
    text = Path("deploy/Dockerfile").read_text()
    broken = tmp_path / "Dockerfile"
    broken.write_text(text.replace("requirements.setup.lock", "requirements.gone.lock"))
    with pytest.raises((AssertionError, FileNotFoundError), match=r"requirements\.gone\.lock"):
        image.build(broken, Path.cwd(), tmp_path.resolve(), {})
