"""All settings, read once from the environment or `.env` and checked. Names follow the ecosystem's conventions.

Every setting has a default: without configuration, everything runs embedded in `DATA_DIR`.
"""

import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from stagepass import forking
from stagepass import setting_forms as forms
from stagepass.data_folder import opened
from stagepass.errors import SettingsError
from stagepass.sentences import of_pydantic, sentence
from stagepass.strict import encodable

SHORTEST_SECRET, LETTERS = 16, 5
"""Characters that a secret has at least, and how many different ones."""

_MANY = 10**9
"""The largest count that a setting takes."""

Names = Annotated[tuple[str, ...], NoDecode]


@forking.renews_properties
class Settings(BaseSettings):
    """The settings of one process. Create with `Settings.load()`, whose errors name the setting and the fix."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, allow_inf_nan=False
    )

    # storage and services
    data_dir: Path = Field(
        Path(".stagepass"), description="data folder of the embedded services: database, Redis, files"
    )
    database_url: str = Field("", description="sqlite:///…, postgresql://…, mysql://…; empty: SQLite in DATA_DIR")
    database_connect_seconds: float = Field(3.0, ge=1, le=60, description="how long to wait for a new connection")
    database_lock_seconds: float = Field(
        2.0, ge=1, le=60, description="how long a statement waits for a row that another transaction holds"
    )
    database_statement_seconds: float = Field(
        10.0, ge=2, le=600, description="how long a statement may take; past it the connection is dropped"
    )
    database_idle_seconds: float = Field(
        5.0, ge=2, le=600, description="after which the server ends a transaction of a process that has gone silent"
    )
    redis_url: str = Field(
        "",
        description="redis://…, rediss://…, unix://…, sentinel://host,host/name; empty: the embedded server of DATA_DIR",
    )
    broker_url: str = Field(
        "",
        description="amqp://…, redis://… or sentinel://host,host/name; empty: the same server as REDIS_URL, database 1",
    )
    files_dir: Path | None = Field(None, description="folder for files; empty: DATA_DIR/files")
    files_url: str = Field("", description="files in the cloud: s3://bucket/folder, gs://…, az://…; empty: FILES_DIR")

    # the API
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on")
    public_url: str = Field("", description="URL at which clients and callbacks reach the API; empty: no callbacks")
    secret_key: SecretStr = Field(
        SecretStr(""), description="key that signs links and callbacks; empty: generated once in DATA_DIR"
    )
    secret_key_old: SecretStr = Field(SecretStr(""), description="previous key, still accepted during a rotation")
    auth_mode: Literal["none", "api_key", "jwt", "header"] = Field("none", description="how callers are identified")
    api_keys: SecretStr = Field(
        SecretStr(""),
        description="AUTH_MODE=api_key: name:key or name:key:role, separated by commas; roles: user, viewer, operator",
    )
    jwt_secret: SecretStr = Field(SecretStr(""), description="AUTH_MODE=jwt: HMAC secret, or a PEM public key")
    jwt_algorithms: Names = Field(("HS256",), description="AUTH_MODE=jwt: accepted algorithms")
    jwt_audience: str = Field("", description="AUTH_MODE=jwt: required audience")
    jwt_issuer: str = Field("", description="AUTH_MODE=jwt: required issuer")
    user_header: str = Field("X-User-ID", description="AUTH_MODE=header or none: header that names the user")
    operator_groups: Names = Field((), description="groups whose members see everything and may act on everything")
    viewer_groups: Names = Field((), description="groups whose members see everything, and change nothing")
    jwt_groups_claim: str = Field("groups", description="AUTH_MODE=jwt: claim that lists the caller's groups")
    groups_header: str = Field(
        "X-Forwarded-Groups", description="AUTH_MODE=header: header that lists the caller's groups, set by the gateway"
    )
    viewer_payloads: bool = Field(False, description="show inputs, outputs and results to viewers, too")
    allowed_hosts: Names = Field(
        (), description="names that the API answers to, besides this machine's and PUBLIC_URL's; empty: any"
    )
    metrics_key: SecretStr = Field(
        SecretStr(""), description="opens /metrics, as Authorization: Bearer; empty: shown under AUTH_MODE=none only"
    )
    priority_across: Names = Field(
        (),
        description="owners whose priorities also hold beside the jobs of other owners; * for all. The CLI's always do",
    )
    trusted_proxies: Names = Field(
        (), description="AUTH_MODE=header: networks of the gateways that may set USER_HEADER"
    )
    max_connections: int = Field(
        5000, ge=10, le=1_000_000, description="connections of one API process; beyond them it answers 503"
    )
    max_submits_per_minute: int = Field(
        6000, ge=0, le=_MANY, description="jobs that one owner may submit in a minute, per API process; 0: no limit"
    )
    max_open_jobs: int = Field(
        100_000, ge=0, le=_MANY, description="jobs of one owner that have not ended; 0: no limit"
    )
    max_streams: int = Field(
        1000, ge=0, le=_MANY, description="event streams that one owner may have open, per API process; 0: no limit"
    )
    max_stored_bytes: int = Field(0, ge=0, le=2**60, description="bytes of one owner's files; 0: no limit")
    max_input_bytes: int = Field(1_000_000, ge=1000, le=2**30, description="maximum size of a JSON input, in bytes")
    max_upload_bytes: int = Field(
        15 * 1024 * 1024, ge=1000, le=2**40, description="maximum size of an uploaded file, in bytes"
    )

    # pipelines and providers
    pipelines: Names = Field((), description="more pipelines: module names or folders; ./pipelines is always searched")
    text_model: str = Field("local", description="text model: local, or provider:model")
    song_maker: str = Field("local", description="song maker: local, or a provider")
    voice_dir: str = Field(
        "",
        description="folder with Piper voices (.onnx beside .onnx.json) for the local song maker; needs the extra voice",
    )
    clip_maker: str = Field("local", description="video renderer: local, or a provider")
    scan_models: str = Field(
        "",
        description='models that scan offers, such as "fast=openai:NAME,local=local"; the first is the default; empty: TEXT_MODEL',
    )
    scan_unsure_below: float = Field(0.6, ge=0, le=1, description="confidence below which scan asks for confirmation")
    scan_legacy_streams: bool = Field(
        False, description="write the events of scans also to the Redis streams of older clients, scan:events:{shard}"
    )
    provider_limits: str = Field(
        "", description='"suno=20/10s:5" allows 20 calls per 10 s and 5 at once; separate entries with commas'
    )

    retry_after_at_most_seconds: float = Field(
        3600.0, ge=1, le=604_800, description="seconds that a rate limit closes a provider at most, whatever it says"
    )

    # running jobs
    time_limits: str = Field(
        "",
        description='"resume.questions=10m, promo.video=40m/3h" overrides the limit of an attempt / of the stage run; '
        "separate entries with commas",
    )
    workers: str = Field(
        "", description='worker groups of `up`, such as "promo.lyric=4 promo.song,promo.video=2"; empty: by stage'
    )
    fast_lane_slots: int = Field(
        8,
        ge=0,
        le=1000,
        description="jobs that an API process runs itself at the same time (`run_now`); 0: workers run everything",
    )
    fast_lane_seconds: float = Field(
        30.0, gt=0, le=600, description="seconds a request waits for its job (`run_now`) before workers take it over"
    )
    drain_seconds: float = Field(
        20.0, ge=0, le=86_400, description="seconds a stopping worker gives its running attempts to finish"
    )
    dead_after_seconds: float = Field(
        5.0, ge=2, le=3600, description="seconds without a heartbeat before a worker counts as dead"
    )
    stalled_after_seconds: float = Field(
        30.0,
        ge=1,
        le=86_400,
        validation_alias=AliasChoices("stalled_after_seconds", "deaf_after_seconds"),
        description="seconds a worker with free slots may claim nothing while work waits before it counts as stalled",
    )
    remote_control: bool = Field(
        False,
        description="workers obey Celery's remote control: shutdown, revoke and so on; off: they only answer questions",
    )
    queue_type: Literal["classic", "quorum"] = Field("classic", description="type of the RabbitMQ queues")
    event_streams: int = Field(4, ge=1, le=64, description="number of Redis Streams that events are spread over")
    keep_events_days: float = Field(7.0, gt=0, le=36_500, description="days to keep events of finished jobs")
    keep_jobs_days: float = Field(
        0.0, ge=0, le=36_500, description="days to keep finished jobs and their files; 0: forever"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="minimum log level")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, else JSON")

    # alerts
    alert_webhook_url: SecretStr = Field(
        SecretStr(""),
        description="Slack incoming webhook (https) for alerts about dead letters, held calls and outages; empty: none",
    )
    alert_window_seconds: float = Field(60.0, ge=1, le=3600, description="minimum seconds between two alerts")
    alert_language: Literal["en", "ko"] = Field("en", description="language of the alerts")
    alert_allow_loopback: bool = Field(False, description="allow a webhook on this machine, also without https")

    @field_validator(
        "jwt_algorithms",
        "priority_across",
        "trusted_proxies",
        "allowed_hosts",
        "operator_groups",
        "viewer_groups",
        "pipelines",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return forms.split(value)

    _hosts = field_validator("allowed_hosts")(forms.host_names)
    _networks = field_validator("trusted_proxies")(forms.networks)
    _public = field_validator("public_url")(forms.public_url)
    _voices = field_validator("voice_dir")(forms.folder)
    _header = field_validator("user_header", "groups_header")(forms.header_name)

    @field_validator("*", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        if isinstance(value, str) and ("\0" in value or not encodable(value)):
            raise ValueError("the value is not UTF-8 text")
        return value

    @field_validator("secret_key", "secret_key_old", "metrics_key")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and (len(text) < SHORTEST_SECRET or len(set(text)) < LETTERS):
            raise ValueError(
                f"it can be guessed; at least {SHORTEST_SECRET} characters, generate one with: openssl rand -hex 32"
            )
        return value

    @classmethod
    def load(cls, **given: object) -> "Settings":
        """Load from the environment and `.env`; `given` takes precedence. Raises `SettingsError`."""
        try:
            return cls(**given)  # type: ignore[arg-type]
        except ValidationError as problem:
            error = problem.errors(include_input=False, include_url=False)[0]
            name = str(error["loc"][0]).upper() if error["loc"] else "settings"
            raise SettingsError(
                sentence("{name}: {error}; {help}", name=name, error=of_pydantic(error), help=cls._help(name))
            ) from None
        except UnicodeDecodeError:
            raise SettingsError(sentence("the file .env is not UTF-8 text; save it as UTF-8")) from None
        except OSError as problem:
            raise SettingsError(sentence("the file .env cannot be read: {reason}", reason=problem.strerror)) from None

    @classmethod
    def _help(cls, name: str) -> str:
        field = cls.model_fields.get(name.lower())
        return field.description or "" if field else ""

    # ── derived values ──

    @cached_property
    def folder(self) -> Path:
        """The data folder, created if missing, readable only by this user."""
        return opened(self.data_dir)

    @cached_property
    def database(self) -> str:
        """URL of the database."""
        return self.database_url or f"sqlite:///{self.folder / 'stagepass.db'}"

    @property
    def embedded_redis(self) -> bool:
        """Whether `up` starts its own Redis server."""
        return not self.redis_url

    @cached_property
    def files_folder(self) -> Path:
        """The folder for files."""
        return (self.files_dir or self.folder / "files").expanduser().resolve()

    @cached_property
    def secrets(self) -> list[bytes]:
        """Signing keys: the first one signs, all are accepted."""
        current = self.secret_key.get_secret_value() or self._made_secret()
        old = self.secret_key_old.get_secret_value()
        return [current.encode(), *([old.encode()] if old else [])]

    def _made_secret(self) -> str:
        path = self.folder / "secret"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            text = path.read_text().strip()
            if text:
                return text
            raise SettingsError(sentence("{path} is empty; delete it to have a new key generated", path=path)) from None
        with os.fdopen(descriptor, "w") as file:
            made = secrets.token_hex(32)
            file.write(made)
        return made
