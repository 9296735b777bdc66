"""Questions that several rules about manifests ask."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import SecretStr, TypeAdapter, ValidationError

from stagepass.declare.registry import Registry
from stagepass.doctor.fixes import read_by
from stagepass.doctor.manifests.compose import HIDDEN
from stagepass.doctor.manifests.model import Process, Value
from stagepass.doctor.presence import without_password
from stagepass.errors import SettingsError
from stagepass.providers.registry import Providers
from stagepass.settings import Settings
from stagepass.store import connect

LOOPBACK = ("127.0.0.1", "localhost", "::1")

ALIKE = (
    "DATABASE_URL",
    "REDIS_URL",
    "BROKER_URL",
    "SECRET_KEY",
    "FILES_URL",
    "EVENT_STREAMS",
    "QUEUE_TYPE",
    "DEAD_AFTER_SECONDS",
    "PUBLIC_URL",
)
"""Settings that every process of a deployment that reads them must be given alike."""

OWN_SECRETS = frozenset({"SECRET_KEY", "SECRET_KEY_OLD", "API_KEYS", "JWT_SECRET", "METRICS_KEY", "ALERT_WEBHOOK_URL"})

_MUST_HAVE = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY", "FILES_URL", "PIPELINES", "PUBLIC_URL")

_PLACEHOLDER = re.compile(
    r"^$|^[<{$%].*|change.?me|example|placeholder|your[-_ ]|\*\*\*|^x+$|replace|todo|…", re.IGNORECASE
)


# ── queues and secrets ──


def latest_queues(registry: Registry) -> list[str]:
    """The queues of the newest versions."""
    return sorted({stage.queue for stage in registry.stages()})


def expanded(registry: Registry, names: Iterable[str]) -> set[str]:
    """The queues that these names stand for: themselves, a pipeline's, or all."""
    names = set(names)
    known = registry.queues()
    return {queue for queue in known if "*" in names or queue in names or queue.partition(".")[0] in names}


def missing_secrets(registry: Registry, process: Process) -> Iterator[tuple[str, str]]:
    """(queue, secret) of what a worker's stages need and it is not given."""
    environ = {name: value.text or "given" for name, value in process.environment.items()}
    providers = Providers({**_defaults(), **environ}, Path("providers"))
    seen = set()
    for stage in registry.stages():
        if stage.queue not in expanded(registry, process.queues):
            continue
        try:
            needed = providers.secrets(stage)
        except SettingsError:
            continue
        for secret in sorted(needed):
            if not environ.get(secret) and secret not in seen:
                seen.add(secret)
                yield stage.queue, secret


def _defaults() -> dict[str, str]:
    names = ("TEXT_MODEL", "SONG_MAKER", "CLIP_MAKER", "SCAN_MODELS", "SCAN_UNSURE_BELOW")
    return {name: str(Settings.model_fields[name.lower()].default) for name in names}


# ── values ──


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    field = Settings.model_fields[name]
    kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    return TypeAdapter(kind)


def problem_of(name: str, text: str) -> str:
    """Why a setting cannot have this value; empty if it can, or if it is no setting."""
    field = Settings.model_fields.get(name.lower())
    if field is None or not text or "tuple" in str(field.annotation):
        return ""
    plain = text.replace(HIDDEN, "x")
    if _PLACEHOLDER.search(plain) and not plain.replace(".", "").isdigit():
        return ""
    if name == "DATABASE_URL":
        try:
            connect.parse(text)
        except SettingsError as problem:
            return str(problem.args[0])
        return ""
    if name in ("REDIS_URL", "BROKER_URL"):
        return "" if urlsplit(text).scheme in _SCHEMES[name] else f"the scheme is none of {', '.join(_SCHEMES[name])}"
    try:
        _adapter(name.lower()).validate_python(text)
    except ValidationError as problem:
        return problem.errors(include_input=False, include_url=False)[0]["msg"]
    return ""


_REDIS = ("redis", "rediss", "unix", "sentinel", "redis+sentinel")
_SCHEMES = {"REDIS_URL": _REDIS, "BROKER_URL": (*_REDIS, "amqp", "amqps", "pyamqp", "redis+socket")}


def default_of(name: str) -> str:
    field = Settings.model_fields.get(name.lower())
    default = getattr(field, "default", "")
    return {"DATABASE_URL": "postgresql://user@host/stagepass", "REDIS_URL": "redis://host:6379/0"}.get(name) or str(
        "amqp://user@host/vhost" if name == "BROKER_URL" else "" if isinstance(default, SecretStr) else default
    )


def hidden(name: str, text: str) -> str:
    """A value as it may be shown."""
    if name.endswith(("_KEY", "_SECRET", "_TOKEN", "_KEYS", "_PASSWORD", "_KEY_OLD")) or name == "ALERT_WEBHOOK_URL":
        return "…"
    return without_password(text) if "://" in text else text


def looks_real(text: str) -> bool:
    """Whether a value is a secret itself, and neither a reference nor a place for one."""
    return len(text) >= 8 and HIDDEN not in text and not _PLACEHOLDER.search(text)


def number(text: str | None, default: float) -> float:
    try:
        return default if text is None else float(text)
    except ValueError:
        return default


# ── comparing processes ──


def odd_ones(processes: Sequence[Process], name: str) -> Iterator[tuple[Process, Process, str, str]]:
    """(the odd one, another one, its value, the others' value) where a value that must be alike is not."""
    by_value: dict[str, list[Process]] = {}
    for process in processes:
        found = process.environment.get(name) or _default(process, name)
        role = "relay" if process.role == "migrate" else process.role
        if found is not None and read_by(role, name) and not (process.role == "migrate" and name != "DATABASE_URL"):
            key = _comparable(name, found.text) if found.text is not None else found.source
            by_value.setdefault(key, []).append(process)
    if len(by_value) < 2:
        return
    common = max(by_value, key=lambda value: len(by_value[value]))
    other = by_value[common][0]
    for given, some in by_value.items():
        for process in some if given != common else ():
            yield process, other, process.value(name) or given, other.value(name) or common


def _default(process: Process, name: str) -> Value | None:
    """What a process has that is not given such a setting: its default, where that is a value at all."""
    default = Settings.model_fields[name.lower()].default
    if "*" in process.environment or isinstance(default, SecretStr) or default == "":
        return None
    return Value(str(default), process.file, process.line)


def _comparable(name: str, text: str) -> str:
    return text if name == "SECRET_KEY" else text.rstrip("/")


def left_out(processes: Sequence[Process]) -> Iterator[tuple[str, Process, list[Process]]]:
    """(setting, the process without it, those with it)."""
    for name in _MUST_HAVE:
        mine = [
            p
            for p in processes
            if p.role in ("api", "worker", "relay") and _reads(p, name) and "*" not in p.environment
        ]
        having = [p for p in mine if p.environment.get(name) is not None and p.value(name) != ""]
        for process in mine:
            if len(having) > len(mine) / 2 and process not in having:
                yield name, process, having


def _reads(process: Process, name: str) -> bool:
    return read_by(process.role, name) and not (process.role == "relay" and name == "PIPELINES")


def sqlite(process: Process) -> bool:
    value = process.environment.get("DATABASE_URL")
    return value is None or (value.text or "").startswith("sqlite")


def shares_folder(process: Process, others: Sequence[Process]) -> bool:
    """Whether its data folder is on a volume that another process mounts, too."""
    sources = {
        source for source, target in process.mounts if _within(process.value("DATA_DIR") or ".stagepass", target)
    }
    return any(source in sources for other in others if other is not process for source, _ in other.mounts)


def mounted(process: Process, folder: str) -> bool:
    return any(_within(folder, target) for _, target in process.mounts)


def _within(folder: str, target: str) -> bool:
    return bool(target) and (folder.rstrip("/") + "/").startswith(target.rstrip("/") + "/")


def given_elsewhere(process: Process) -> set[str]:
    """Names whose value is not in the file."""
    return {name for name, value in process.environment.items() if value.text is None}


def same_repository(one: str, other: str) -> bool:
    return one.partition("@")[0].rpartition(":")[0] == other.partition("@")[0].rpartition(":")[0]


# ── addresses ──


def port_of(upstream: str) -> int | None:
    try:
        return urlsplit(upstream if "://" in upstream else f"http://{upstream}").port
    except ValueError:
        return None


def is_name(upstream: str) -> bool:
    """Whether it is an upstream's name, or a variable, and no address."""
    return "$" in upstream or port_of(upstream) is None


def host_of(url: str) -> str:
    if url.startswith(("sqlite", "unix")):
        return ""
    try:
        return urlsplit(url.replace(HIDDEN, "x")).hostname or ""
    except ValueError:
        return ""


def usual_host(name: str, services: Iterable[str]) -> str:
    wanted = {"DATABASE_URL": ("postgres", "mariadb", "mysql", "db"), "REDIS_URL": ("redis", "valkey")}
    names = wanted.get(name, ("rabbitmq", "redis"))
    return next((service for part in names for service in services if part in service), names[0])
