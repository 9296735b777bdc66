"""The processes of an installation: what each runs, what it is given, how long it may take to stop."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import stagepass.providers.builtin  # noqa: F401  (registers the providers)
from stagepass.declare.registry import Registry
from stagepass.deploy.description import Description, Size
from stagepass.deploy.reads import Kind, read_by
from stagepass.errors import SettingsError
from stagepass.providers.registry import Providers
from stagepass.sentences import sentence
from stagepass.settings import Settings
from stagepass.worker_groups import Group, stages_of, worker_groups

GRACE = 10
"""Seconds in which API and relay end (see docs/operations.md)."""

PORT = 8000


@dataclass(frozen=True, slots=True)
class Role:
    """One kind of process.

    Attributes:
        name: DNS label, such as `api`, `worker-promo-song`.
        key: as `replicas` and `sizes` name it, such as `api`, `promo.song`.
        command: arguments of `stagepass`.
        queues, slots, pool: of a worker.
        settings: plain settings, by name.
        secrets: names of the variables with secrets that it needs.
        grace: seconds from SIGTERM to its end.
        most: replicas that autoscaling may start.
    """

    name: str
    key: str
    kind: Kind
    command: tuple[str, ...]
    secrets: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)
    queues: tuple[str, ...] = ()
    slots: int = 0
    pool: str = ""
    grace: int = GRACE
    replicas: int = 1
    most: int = 4
    size: Size = field(default_factory=Size)

    @property
    def worker(self) -> bool:
        return self.kind == "worker"


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything that the formats render."""

    description: Description
    migrate: Role
    api: Role
    relay: Role
    workers: tuple[Role, ...]

    @property
    def running(self) -> tuple[Role, ...]:
        return (self.api, self.relay, *self.workers)

    @property
    def roles(self) -> tuple[Role, ...]:
        return (self.migrate, *self.running)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret, once."""
        return tuple(dict.fromkeys(secret for role in self.roles for secret in role.secrets))

    @property
    def public_url(self) -> str:
        given = self.description.setting("PUBLIC_URL")
        return given or f"{'https' if self.description.tls else 'http'}://{self.description.host}"


def installation(registry: Registry, description: Description) -> Installation:
    """The roles of these pipelines under this description.

    Raises:
        SettingsError: `deploy.toml` names a role that there is not, or a stage lacks a provider.
        NotFound: `workers` names a queue that there is not.
    """
    plain = _plain(description)
    providers = _providers(registry, description)
    groups = worker_groups(registry, description.workers, cpu=description.cpu_slots)
    workers = tuple(_worker(group, registry, providers, description, plain) for group in groups)
    every = sorted({secret for worker in workers for secret in worker.secrets})
    access = _access(plain["AUTH_MODE"])
    api_secrets = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY", *access, "METRICS_KEY")
    if description.fast_lane:
        api_secrets = (*api_secrets, *(secret for secret in every if secret not in api_secrets))
    api = _role("api", "api", ("api", "--host", "0.0.0.0", "--port", str(PORT)), api_secrets, description, plain)  # noqa: S104
    relay_secrets = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "ALERT_WEBHOOK_URL")
    relay = _role("relay", "relay", ("relay",), relay_secrets, description, plain)
    migrate = _role("migrate", "migrate", ("db", "upgrade"), ("DATABASE_URL",), description, plain)
    made = Installation(description, migrate, api, relay, workers)
    _check_names(made)
    return made


def _plain(description: Description) -> dict[str, str]:
    """Settings that are not secret: the installation's own, then the given ones."""
    return {
        "PUBLIC_URL": f"{'https' if description.tls else 'http'}://{description.host}",
        "AUTH_MODE": "api_key",
        "DATA_DIR": "/data",
        **({} if description.setting("FILES_URL") else {"FILES_DIR": "/files"}),
        "LOG_FORMAT": "json",
        "FAST_LANE_SLOTS": "8" if description.fast_lane else "0",
        **({"PIPELINES": f"/app/{description.pipelines}"} if description.pipelines else {}),
        **{name: description.setting(name) for name in description.settings},
    }


def _providers(registry: Registry, description: Description) -> Providers:
    """Providers as the description chooses them, whatever this machine's environment says."""
    environ = {name: description.setting(name) for name in description.settings}
    for name in ("TEXT_MODEL", "SONG_MAKER", "VOICE_DIR", "CLIP_MAKER", "SCAN_MODELS", "SCAN_UNSURE_BELOW"):
        environ.setdefault(name, str(Settings.model_fields[name.lower()].default))
    providers = Providers(environ, Path("providers"))
    stages = list(registry.stages())
    try:
        keys = {secret: "given later" for stage in stages for secret in providers.secrets(stage)}
    except SettingsError as problem:
        raise SettingsError(sentence("deploy.toml: settings: {problem}", problem=problem)) from None
    complete = Providers({**environ, **keys}, Path("providers"))
    if wrong := [problem for stage in stages for problem in complete.check(stage)]:
        raise SettingsError(sentence("deploy.toml: settings: {problem}", problem=wrong[0]))
    return providers


def _worker(
    group: Group, registry: Registry, providers: Providers, description: Description, plain: dict[str, str]
) -> Role:
    provider_secrets = sorted(set().union(*(providers.secrets(stage) for stage in stages_of(registry, group.queues))))
    secrets = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY", *provider_secrets)
    command = ("worker", *group.queues, "-c", str(group.slots), "--pool", group.pool, "--name", _label(group.name))
    role = _role(_label(f"worker-{group.name}"), group.name, command, secrets, description, plain, kind="worker")
    drain = float(description.setting("DRAIN_SECONDS") or Settings.model_fields["drain_seconds"].default)
    return replace(role, queues=group.queues, slots=group.slots, pool=group.pool, grace=int(drain + 5))


def _role(
    name: str,
    key: str,
    command: Sequence[str],
    secrets: Iterable[str],
    description: Description,
    plain: dict[str, str],
    *,
    kind: Kind | None = None,
) -> Role:
    what: Kind = kind or name  # type: ignore[assignment]
    replicas = description.replicas.get(key, 2 if key == "api" else 1)
    return Role(
        name=name,
        key=key,
        kind=what,
        command=tuple(command),
        secrets=tuple(dict.fromkeys(secrets)),
        settings={setting: value for setting, value in plain.items() if what in read_by(setting)},
        replicas=replicas,
        most=description.most.get(key, max(4 * replicas, 1)),
        size=description.sizes.get(key, Size()),
    )


def _access(mode: str) -> tuple[str, ...]:
    return {"api_key": ("API_KEYS",), "jwt": ("JWT_SECRET",)}.get(mode, ())


def _label(name: str) -> str:
    """A name that DNS and systemd take."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:52].rstrip("-")


def _check_names(made: Installation) -> None:
    known = {role.key for role in made.roles}
    description = made.description
    for table in ("replicas", "most", "sizes"):
        for key in getattr(description, table):
            if key not in known:
                raise SettingsError(
                    sentence(
                        "deploy.toml: {table}: there is no role {key}; there are: {known}",
                        table=table,
                        key=f"{key!r}",
                        known=", ".join(sorted(known)),
                    )
                )
    labels = [role.name for role in made.roles]
    if doubled := next((label for label in labels if labels.count(label) > 1), None):
        raise SettingsError(sentence("two worker groups would both be called {name}; rename one", name=doubled))
