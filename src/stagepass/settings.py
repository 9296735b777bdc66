"""All settings: read once, from the environment or `.env`, and checked. Names are the ecosystem's plain ones.

Nothing has to be set: then everything is embedded, in `DATA_DIR`.
"""

import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from stagepass.errors import SettingsError

Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """The settings of one process. Make it with `Settings.load()`, whose errors name the setting and the fix."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    # where things are
    data_dir: Path = Field(Path(".stagepass"), description="folder of the embedded default: database, Redis, files")
    database_url: str = Field("", description="sqlite:///…, postgresql://…, mysql://…; empty: SQLite in DATA_DIR")
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
    public_url: str = Field("", description="how clients and callbacks reach the API; empty: no callbacks")
    secret_key: SecretStr = Field(SecretStr(""), description="signs links and callbacks; empty: made once in DATA_DIR")
    secret_key_old: SecretStr = Field(SecretStr(""), description="the key before, still accepted while you rotate")
    auth_mode: Literal["none", "api_key", "jwt", "header"] = Field("none", description="who says who the caller is")
    api_keys: SecretStr = Field(SecretStr(""), description="AUTH_MODE=api_key: name:key pairs, separated by commas")
    jwt_secret: SecretStr = Field(SecretStr(""), description="AUTH_MODE=jwt: HMAC secret, or a PEM public key")
    jwt_algorithms: Names = Field(("HS256",), description="AUTH_MODE=jwt: accepted algorithms")
    jwt_audience: str = Field("", description="AUTH_MODE=jwt: required audience")
    jwt_issuer: str = Field("", description="AUTH_MODE=jwt: required issuer")
    user_header: str = Field("X-User-ID", description="AUTH_MODE=header or none: the header that names the user")
    trusted_proxies: Names = Field((), description="AUTH_MODE=header: networks of the gateways that may set it")
    max_input_bytes: int = Field(1_000_000, ge=1000, description="largest input as JSON")
    max_upload_bytes: int = Field(15 * 1024 * 1024, ge=1000, description="largest uploaded file")

    # pipelines and providers
    pipelines: Names = Field((), description="more pipelines: module names or folders; ./pipelines is always looked at")
    text_model: str = Field("local", description="who writes text: local, or provider:model")
    song_maker: str = Field("local", description="who makes songs")
    clip_maker: str = Field("local", description="who cuts clips")
    scan_models: str = Field(
        "", description='models that scan offers: "fast=openai:NAME,local=local", the default first; empty: TEXT_MODEL'
    )
    scan_unsure_below: float = Field(0.6, ge=0, le=1, description="confidence below which scan asks back")
    provider_limits: str = Field("", description='"suno=20/10s:5": 20 calls per 10 s, 5 at once; separated by commas')

    # running
    time_limits: str = Field(
        "",
        description='"resume.questions=10m, promo.video=40m/3h": of an attempt / of the stage run, '
        "instead of the pipeline's; separated by commas",
    )
    workers: str = Field(
        "", description='worker groups of `up`: "promo.lyric=4 promo.song,promo.video=2"; empty: by stage'
    )
    fast_lane_slots: int = Field(
        8, ge=0, description="jobs that an API process runs by itself at once (`run_now`); 0: workers do all"
    )
    fast_lane_seconds: float = Field(
        30.0, gt=0, le=600, description="a request that runs its job at once waits so long; then workers go on with it"
    )
    drain_seconds: float = Field(20.0, ge=0, description="how long a stopping worker lets its attempts go on")
    dead_after_seconds: float = Field(5.0, ge=2, description="a worker without a heartbeat for so long is dead")
    stalled_after_seconds: float = Field(
        30.0,
        ge=1,
        validation_alias=AliasChoices("stalled_after_seconds", "deaf_after_seconds"),
        description="a worker with free slots that claims nothing for this long, while work waits, is stalled",
    )
    queue_type: Literal["classic", "quorum"] = Field("classic", description="RabbitMQ queues")
    event_streams: int = Field(4, ge=1, le=64, description="Redis Streams that events are spread over")
    keep_events_days: float = Field(7.0, gt=0, description="events of ended jobs are kept so long")
    keep_jobs_days: float = Field(0.0, ge=0, description="ended jobs are kept so long, with their files; 0: for ever")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least severe log line")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, else JSON")

    # alerts
    alert_webhook_url: SecretStr = Field(
        SecretStr(""),
        description="Slack incoming webhook (https) that is told of dead letters and the like; empty: none",
    )
    alert_window_seconds: float = Field(60.0, ge=1, le=3600, description="one message at most in so many seconds")
    alert_language: Literal["en", "ko"] = Field("en", description="language of the messages")
    alert_allow_loopback: bool = Field(False, description="the webhook may be on this machine, and without https")

    @field_validator("jwt_algorithms", "trusted_proxies", "pipelines", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value

    @classmethod
    def load(cls, **given: object) -> "Settings":
        """From the environment and `.env`; `given` wins. Raises `SettingsError`."""
        try:
            return cls(**given)  # type: ignore[arg-type]
        except ValidationError as problem:
            error = problem.errors(include_input=False, include_url=False)[0]
            name = str(error["loc"][0]).upper() if error["loc"] else "settings"
            raise SettingsError(f"{name}: {error['msg']}; {cls._help(name)}") from None

    @classmethod
    def _help(cls, name: str) -> str:
        field = cls.model_fields.get(name.lower())
        return field.description or "" if field else ""

    # ── what follows from them ──

    @cached_property
    def folder(self) -> Path:
        """The data folder, made if it is not there; nobody else may look into it."""
        path = self.data_dir.expanduser().resolve()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @cached_property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.folder / 'stagepass.db'}"

    @property
    def embedded_redis(self) -> bool:
        """Whether `up` starts a Redis server of its own."""
        return not self.redis_url

    @cached_property
    def files_folder(self) -> Path:
        """The folder for files."""
        return (self.files_dir or self.folder / "files").expanduser().resolve()

    @cached_property
    def secrets(self) -> list[bytes]:
        """Keys that sign: the first signs, all are accepted."""
        current = self.secret_key.get_secret_value() or self._made_secret()
        old = self.secret_key_old.get_secret_value()
        if len(current) < 16:
            raise SettingsError("SECRET_KEY is shorter than 16 characters; make one: openssl rand -hex 32")
        return [current.encode(), *([old.encode()] if old else [])]

    def _made_secret(self) -> str:
        path = self.folder / "secret"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            text = path.read_text().strip()
            if text:
                return text
            raise SettingsError(f"{path} is empty; delete it, and a new key is made") from None
        with os.fdopen(descriptor, "w") as file:
            made = secrets.token_hex(32)
            file.write(made)
        return made
