"""Which settings each role reads: a process is given these and no others."""

import inspect
import re
from collections.abc import Iterator
from typing import Literal

from stagepass.settings import Settings

Kind = Literal["migrate", "api", "relay", "worker"]

_ALL: tuple[Kind, ...] = ("migrate", "api", "relay", "worker")
_RUNNING: tuple[Kind, ...] = ("api", "relay", "worker")

READ_BY: dict[str, tuple[Kind, ...]] = {
    "DATA_DIR": _RUNNING,
    "DATABASE_URL": _ALL,
    "DATABASE_CONNECT_SECONDS": _ALL,
    "DATABASE_LOCK_SECONDS": _ALL,
    "DATABASE_STATEMENT_SECONDS": _ALL,
    "DATABASE_IDLE_SECONDS": _ALL,
    "REDIS_URL": _RUNNING,
    "BROKER_URL": _RUNNING,
    "FILES_DIR": _RUNNING,
    "FILES_URL": _RUNNING,
    "PUBLIC_URL": ("api", "worker"),
    "SECRET_KEY": ("api", "worker"),
    "SECRET_KEY_OLD": ("api", "worker"),
    "PIPELINES": _ALL,
    "TIME_LIMITS": _ALL,
    "TEXT_MODEL": ("api", "worker"),
    "SONG_MAKER": ("api", "worker"),
    "VOICE_DIR": ("api", "worker"),
    "CLIP_MAKER": ("api", "worker"),
    "SCAN_MODELS": ("api", "worker"),
    "SCAN_UNSURE_BELOW": ("api", "worker"),
    "SCAN_LEGACY_STREAMS": _RUNNING,
    "PROVIDER_LIMITS": ("api", "worker"),
    "RETRY_AFTER_AT_MOST_SECONDS": ("api", "worker"),
    "MAX_INPUT_BYTES": _RUNNING,
    "DRAIN_SECONDS": ("api", "worker"),
    "DEAD_AFTER_SECONDS": _RUNNING,
    "STALLED_AFTER_SECONDS": ("worker",),
    "REMOTE_CONTROL": ("worker",),
    "QUEUE_TYPE": _RUNNING,
    "EVENT_STREAMS": _RUNNING,
    "KEEP_EVENTS_DAYS": ("relay",),
    "KEEP_JOBS_DAYS": ("api", "relay"),
    "LOG_LEVEL": _ALL,
    "LOG_FORMAT": _ALL,
    "FAST_LANE_SLOTS": ("api",),
    "FAST_LANE_SECONDS": ("api",),
    "ALERT_WEBHOOK_URL": ("relay",),
    "ALERT_WINDOW_SECONDS": ("relay",),
    "ALERT_LANGUAGE": ("relay",),
    "ALERT_ALLOW_LOOPBACK": ("relay",),
    "WORKERS": (),
}
"""Settings by their readers. `WORKERS` is read by `stagepass up`, which no deployment runs."""

_OF_THE_API = "the API"
"""The group of the settings that the API alone reads, unless `READ_BY` says otherwise."""


def read_by(name: str) -> tuple[Kind, ...]:
    """The roles that read a setting, or a provider's own variable."""
    if name in READ_BY:
        return READ_BY[name]
    if name.lower() not in Settings.model_fields:
        return ("worker",)
    return ("api",)


def settings_of(kind: Kind) -> Iterator[str]:
    """The settings that a role reads, in the order of the code."""
    return (name.upper() for name in Settings.model_fields if kind in read_by(name.upper()))


def groups() -> dict[str, list[str]]:
    """The settings' names by group, both in the order of the code."""
    found: dict[str, list[str]] = {}
    group = ""
    for line in inspect.getsource(Settings).splitlines():
        if title := re.fullmatch(r"    # (.+)", line):
            group = title[1]
        elif (field := re.match(r"    (\w+): ", line)) and field[1] in Settings.model_fields:
            found.setdefault(group, []).append(field[1].upper())
    return found


def unassigned() -> list[str]:
    """Settings without a known reader: add a new one that is not the API's to `READ_BY`."""
    return [name for group, names in groups().items() for name in names if group != _OF_THE_API and name not in READ_BY]
