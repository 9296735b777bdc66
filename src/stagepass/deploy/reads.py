"""Which settings each role reads: a process is given these and no others."""

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
    "CLIP_MAKER": ("api", "worker"),
    "SCAN_MODELS": ("api", "worker"),
    "SCAN_UNSURE_BELOW": ("api", "worker"),
    "SCAN_LEGACY_STREAMS": _RUNNING,
    "PROVIDER_LIMITS": ("api", "worker"),
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
    "WORKERS": (),
}
"""Settings that not the API alone reads. `WORKERS` is read by `stagepass up`, which no deployment runs."""

_OF_THE_RELAY = "ALERT_"


def read_by(name: str) -> tuple[Kind, ...]:
    """The roles that read a setting, or a provider's own variable."""
    if name in READ_BY:
        return READ_BY[name]
    if name.startswith(_OF_THE_RELAY):
        return ("relay",)
    return ("api",) if name.lower() in Settings.model_fields else ("worker",)


def settings_of(kind: Kind) -> Iterator[str]:
    """The settings that a role reads, in the order of the code."""
    return (name.upper() for name in Settings.model_fields if kind in read_by(name.upper()))
