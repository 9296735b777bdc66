"""A wrong setting ends every process at once, with a sentence that names it; a service that is away, within seconds."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stagepass import setting_forms
from stagepass.errors import SettingsError, StoreUnavailable, Unavailable
from stagepass.preflight import PATIENCE
from stagepass.queue.reach import reach_amqp
from stagepass.settings import Settings
from stagepass.store import migrate
from stagepass.store.connect import Patience
from stagepass.store.reach import reach
from tests.support.backends import virtual_host
from tests.support.site import ROOT

ROLES = {
    "api": ("api",),
    "relay": ("relay",),
    "worker": ("worker", "promo"),
    "celery": ("-A", "stagepass.worker", "worker", "-Q", "promo.lyric", "-P", "threads"),
    "up": ("up",),
}
EDGE = ("api", "up")

NUMBERS = ("x", "", "nan", "1e999", "-1", "1" * 400)
ADDRESSES = ("not an address", "https://", "ftp://x/y", "https://[::1")
SECRETS = ("short", "a" * 40)

WRONG: dict[str, tuple[Any, ...]] = {
    "data_dir": ("/dev/null/x", "/proc/x"),
    "database_url": ("x", "oracle://x", "sqlite://", "sqlite:////no/such/folder/x.db", "postgresql://h:port/x"),
    "redis_url": ("x", "http://x", "redis://h:port", "redis://h:99999", "redis://h/name", "sentinel://h"),
    "broker_url": ("x", "kafka://x", "amqp://h:port", "amqp://h:99999", "sqs://", "memory://", "sentinel://h"),
    "files_dir": ("/dev/null", "/dev/null/x"),
    "files_url": ("x", "ftp://x", "s3://"),
    "host": (({"HOST": "192.0.2.1", "AUTH_MODE": "api_key", "API_KEYS": "a:0123456789abcdef"}, EDGE), "0.0.0.0"),
    "port": ("x", "-1", "65536"),
    "public_url": ADDRESSES,
    "secret_key": SECRETS,
    "secret_key_old": SECRETS,
    "auth_mode": ("x", "NONE "),
    "api_keys": ({"AUTH_MODE": "api_key", "API_KEYS": keys} for keys in ("", "name", "name:short", "a:" + "b" * 40)),
    "jwt_secret": ({"AUTH_MODE": "jwt", "JWT_SECRET": "short"}, {"AUTH_MODE": "jwt"}),
    "jwt_algorithms": ({"AUTH_MODE": "jwt", "JWT_SECRET": "0123456789" * 4, "JWT_ALGORITHMS": "none"},),
    "voice_dir": ("/no/such/folder", "/dev/null"),
    "viewer_payloads": ("maybe",),
    "groups_header": ("", "a b", "Host", "X-Üser", "x:y"),
    "user_header": ("", "a b", "Host", "X-Üser", "x:y"),
    "allowed_hosts": ("a b", "http://x", "a,/"),
    "metrics_key": SECRETS,
    "trusted_proxies": ("x", "10.0.0.1/8", "10.0.0.0/33"),
    "pipelines": ("no.such.module", "/no/such/folder"),
    "text_model": ("nobody:x", "openai", ","),
    "song_maker": ("nobody", "suno"),
    "clip_maker": ("nobody", "local,creatomate"),
    "scan_models": ("fast=nobody:x", "=", "fast="),
    "provider_limits": ("acme=fast", "suno", "suno=0", "suno=1/0s", "suno=-1", "=1", "a=1,a=2", "suno=1/nan"),
    "time_limits": ("x", "promo.lyric=soon", "promo.lyrics=1m", "promo.lyric=0s", "promo.lyric=9d"),
    "workers": tuple(({"WORKERS": text}, ("up",)) for text in ("=4", "no.queue=2", "promo=0", "promo promo")),
    "scan_unsure_below": (*NUMBERS, "1.5"),
    "scan_legacy_streams": ("maybe",),
    "remote_control": ("maybe",),
    "queue_type": ("stream",),
    "log_level": ("LOUD",),
    "log_format": ("xml",),
    "alert_webhook_url": (*ADDRESSES, "http://example.com/hook"),
    "alert_language": ("fr",),
    "alert_allow_loopback": ("maybe",),
}
ANY = {"jwt_audience", "jwt_issuer", "priority_across", "operator_groups", "viewer_groups", "jwt_groups_claim"}
"""Any text is right."""


def cases(role: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for name, field in Settings.model_fields.items():
        if name in ANY:
            continue
        wrong = WRONG.get(name) or (NUMBERS if field.annotation in (int, float) else ())
        assert wrong, f"{name} is a new setting: which values of it are wrong?"
        for one in wrong:
            settings, roles = one if isinstance(one, tuple) else (one, EDGE if isinstance(one, dict) else tuple(ROLES))
            if isinstance(settings, str):
                roles = EDGE if name == "host" else roles
                settings = {name.upper(): settings}
            if role in roles:
                found.append(settings)
    return found


def environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": f"sqlite:///{folder}/x.db",
        "REDIS_URL": "redis://127.0.0.1:1",
        "PORT": "0",
    }


@pytest.mark.parametrize("role", [role for role in ROLES if role != "celery"])
def test_every_setting_that_is_wrong_ends_every_process_at_once(role: str, tmp_path: Path) -> None:
    wrong = cases(role)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.refusals", *ROLES[role]],
        input=json.dumps(wrong),
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
    )
    ended = [json.loads(line) for line in done.stdout.splitlines()]
    assert [settings for settings, _, _ in ended] == wrong, done.stderr[-3000:]
    for settings, code, said in ended:
        assert code in (2, 3), (settings, code, said)
        assert "Traceback" not in said, (settings, said)
        assert said.startswith("error: "), (settings, said)
        named = any(name in said for name in settings) or "there is no queue" in said
        assert named, (settings, said)


def start(role: str, folder: Path, **settings: str) -> tuple[int, str, float]:
    program = "celery" if role == "celery" else "stagepass.cli"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", program, *ROLES[role]],
        env={**environment(folder), **settings},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


@pytest.mark.parametrize("role", ROLES)
def test_limits_that_cannot_be_read_end_the_process(role: str, tmp_path: Path) -> None:
    migrate.upgrade(f"sqlite:///{tmp_path}/x.db")
    code, said, _ = start(role, tmp_path, PROVIDER_LIMITS="acme=fast")
    assert code == 2, said
    assert "PROVIDER_LIMITS: 'acme=fast' is not" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("role", ["relay", "celery"])
def test_a_service_that_is_not_there_is_named_and_waited_for_a_moment(role: str, tmp_path: Path) -> None:
    migrate.upgrade(f"sqlite:///{tmp_path}/x.db")
    code, said, took = start(role, tmp_path)
    assert code == 5, said
    assert "waiting: REDIS_URL: Redis at 127.0.0.1:1 does not answer" in said
    assert took >= PATIENCE
    assert "Traceback" not in said


def test_a_name_near_a_setting_is_told_with_the_right_one() -> None:
    known = [name.upper() for name in Settings.model_fields]
    given = ("DRAIN_SECS", "REDIS_URI", "STAGEPASS_DATABASE_URL", "DEAD_AFTER", "PUBLIC_URLS")
    meant = ("DRAIN_SECONDS", "REDIS_URL", "DATABASE_URL", "DEAD_AFTER_SECONDS", "PUBLIC_URL")
    assert dict(setting_forms.misspelled(given, known)) == dict(zip(given, meant, strict=True))
    foreign = ("HOSTNAME", "PATH", "DATABASE", "REDIS_HOST", "POSTGRES_PASSWORD", "LOGNAME", "XDG_DATA_DIRS", "SHELL")
    assert dict(setting_forms.misspelled(foreign, known)) == {}
    assert dict(setting_forms.misspelled(known, known)) == {}


def test_a_broker_that_refuses_us_is_a_wrong_setting() -> None:
    with virtual_host() as url:
        rest, _, name = url.partition("guest:guest@")[2].partition("/")
        reach_amqp(url)
        with pytest.raises(SettingsError, match=r"refuses the user 'guest': wrong name or password"):
            reach_amqp(f"amqp://guest:wrong@{rest}/{name}")
        with pytest.raises(SettingsError, match=r"has no virtual host 'no-such-host'"):
            reach_amqp(f"amqp://guest:guest@{rest}/no-such-host")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 does not answer: Connection refused"):
        reach_amqp("amqp://127.0.0.1:1")


def test_a_database_that_refuses_us_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, although it has more than sixteen bytes")
    with pytest.raises(SettingsError, match="is not an SQLite database"):
        reach(f"sqlite:///{tmp_path}/text", Patience())
    with pytest.raises(StoreUnavailable):
        reach("postgresql://127.0.0.1:1/x", Patience())
