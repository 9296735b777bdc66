"""`deploy.toml`: what the code cannot know, such as the image, the host name and the number of replicas."""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from stagepass.errors import SettingsError
from stagepass.sentences import sentence
from stagepass.settings import Settings

Label = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]
"""A DNS label that leaves room for a role's name behind it."""

Host = Annotated[
    str, StringConstraints(max_length=253, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
]
Image = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._:/-]{0,250}(@sha256:[0-9a-f]{64})?$")]
Extra = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
Folder = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]{1,200}$")]
Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(Mi|Gi|Ti)$")]
Cores = Annotated[str, StringConstraints(pattern=r"^([0-9]+m|[0-9]+(\.[0-9]+)?)$")]

_SETTING = re.compile(r"^[A-Z][A-Z0-9_]{1,80}$")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Size(_Part):
    """What one replica may use.

    Attributes:
        cpu: cores, such as `1`, `0.5` or `500m`.
        memory: with its unit, such as `512Mi`.
    """

    cpu: Cores = "1"
    memory: Quantity = "768Mi"


class Description(_Part):
    """The content of `deploy.toml`. Everything has a default.

    Attributes:
        name: of the installation: of the compose project, the namespace, the units.
        image: of all roles.
        source: what the image installs: `.`, this checkout, or a requirement such as `stagepass==0.1.0`.
        extras: of the package, such as `cloud`.
        pipelines: folder with your own pipelines, beside `deploy.toml`; it is copied into the image.
        host: name at which clients reach the API.
        database, broker: which servers the files bring; `external` brings none.
        files: size of the volume for files. With `FILES_URL` in `settings` there is none.
        workers: groups as `WORKERS` takes them; empty: by stage, as `stagepass up` does.
        cpu_slots: processes of a group whose stages declare `pool="cpu"`.
        fast_lane: whether the API also runs jobs itself; it is then given the keys of every provider.
        replicas, sizes: by role, such as `api`, `relay`, `promo.song`.
        most: by role, the most replicas that autoscaling may start; without one, four times `replicas`.
        settings: of all processes. Secrets do not belong here.
        folder, user: of an installation without containers.
        prometheus: address of the server that autoscaling asks.
        secret_store: name of the ClusterSecretStore of the variant with ExternalSecrets.
        identity: with `AUTH_MODE=header`, the address of the service that checks a login and answers with the user's
            name in `USER_HEADER`.
        tls: whether nginx ends TLS, with a certificate under `/etc/nginx/tls`.
    """

    name: Label = "stagepass"
    image: Image = "stagepass:latest"
    source: Annotated[
        str, StringConstraints(pattern=r"^(\.|[A-Za-z0-9._-]+(\[[a-z0-9,-]+\])?==[A-Za-z0-9._+!-]+)$")
    ] = "."
    extras: tuple[Extra, ...] = ()
    pipelines: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,80}$")] = ""
    host: Host = "stagepass.example.com"
    database: Literal["postgresql", "mariadb", "external"] = "postgresql"
    broker: Literal["rabbitmq", "redis", "external"] = "rabbitmq"
    files: Quantity = "20Gi"
    workers: str = Field("", max_length=2000)
    cpu_slots: int = Field(2, ge=1, le=256)
    fast_lane: bool = False
    replicas: Mapping[str, Annotated[int, Field(ge=0, le=1000)]] = Field(default_factory=dict)
    most: Mapping[str, Annotated[int, Field(ge=1, le=1000)]] = Field(default_factory=dict)
    sizes: Mapping[str, Size] = Field(default_factory=dict)
    settings: Mapping[str, str | bool | int | float] = Field(default_factory=dict)
    folder: Folder = "/opt/stagepass"
    user: Label = "stagepass"
    prometheus: Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9._:/-]{1,200}$")] = (
        "http://prometheus-operated.monitoring:9090"
    )
    secret_store: Label = "vault"  # noqa: S105  (a name)
    identity: Annotated[str, StringConstraints(pattern=r"^(https?://[A-Za-z0-9._:/-]{1,200})?$")] = ""
    tls: bool = True

    @field_validator("settings")
    @classmethod
    def _no_secrets(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        for name, value in given.items():
            if not _SETTING.match(name):
                raise ValueError(f"{name}: write the name as in the environment, such as TEXT_MODEL")
            if name in secret_settings():
                raise ValueError(f"{name} is a secret; it belongs in .env, or where your platform keeps secrets")
            if isinstance(value, str) and not (value.isprintable() and len(value) <= 2000):
                raise ValueError(f"{name}: one line of at most 2,000 characters")
        known = [name.upper() for name in Settings.model_fields]
        for name in given:
            near = difflib.get_close_matches(name, known, 1, 0.85)
            if name not in known and near:
                raise ValueError(f"{name}: there is no such setting; did you mean {near[0]}?")
        return given

    def setting(self, name: str) -> str:
        """A setting as the environment will hold it; empty if it is not given."""
        value = self.settings.get(name, "")
        return str(value).lower() if isinstance(value, bool) else str(value)


def secret_settings() -> set[str]:
    """Settings that are secrets, and addresses that contain a password."""
    from pydantic import SecretStr

    secrets = {name.upper() for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
    return secrets | {"DATABASE_URL", "REDIS_URL", "BROKER_URL"}


def load(path: Path | None, given: Sequence[str] = ()) -> Description:
    """Read a description.

    Args:
        path: of `deploy.toml`; None: everything has its default.
        given: `name=value` pairs that win over the file; a dot goes into a table (`replicas.api=3`).

    Raises:
        SettingsError: the file is missing or wrong; it names the field and the fix.
    """
    content: dict[str, Any] = {}
    if path is not None:
        try:
            content = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise SettingsError(
                sentence("{path} cannot be read: {error}", path=path, error=error.strerror or str(error))
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(sentence("{path} is not valid TOML: {error}", path=path, error=error)) from None
    for pair in given:
        _put(content, pair)
    try:
        return Description.model_validate(content)
    except ValidationError as problem:
        raise _explained(problem) from None


def _put(content: dict[str, Any], pair: str) -> None:
    """Set one value as `--set` gives it; a queue's name keeps its dots."""
    name, separator, value = pair.partition("=")
    table, _, key = name.partition(".")
    if not separator or not name:
        raise SettingsError(sentence("--set {pair}: write it as name=value, such as replicas.api=3", pair=pair))
    if key:
        inner = content.setdefault(table, {})
        if table == "sizes" and "." in key:
            role, _, key = key.rpartition(".")
            inner = inner.setdefault(role, {})
        inner[key] = value
    elif table in ("extras",):
        content[table] = [part for part in value.split(",") if part]
    else:
        content[table] = value


def _explained(problem: ValidationError) -> SettingsError:
    error = problem.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), Description.model_fields, 1)
        hint = near[0] if near else ", ".join(sorted(Description.model_fields))
        return SettingsError(sentence("deploy.toml: there is no {place}; did you mean: {hint}", place=place, hint=hint))
    message = error["msg"].removeprefix("Value error, ")
    return SettingsError(sentence("deploy.toml: {place}: {error}", place=place, error=message))
