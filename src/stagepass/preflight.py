"""Checks at the start of every process: each setting can be read, and each service that it needs answers.

A process that starts with a wrong setting fails later, and in silence: a worker that claims nothing, a relay that
rings no worker. So it ends at once, with a sentence that names the setting.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from stagepass.bootstrap import System
from stagepass.bus import connect as redis
from stagepass.errors import SettingsError, StagepassError, StoreUnavailable, Unavailable
from stagepass.providers import registry
from stagepass.queue import reach as broker
from stagepass.queue.app import is_amqp
from stagepass.sentences import sentence
from stagepass.setting_forms import misspelled
from stagepass.settings import Settings
from stagepass.store import connect, reach

log = logging.getLogger("stagepass.settings")

Role = Literal["api", "relay", "worker", "up"]

PATIENCE = 6.0
"""Seconds that a start waits for a service that does not answer."""

AGAIN = 0.25
"""Seconds between two attempts to reach it."""

WRONG, AWAY = 2, 5
"""Exit codes of a process that does not start: a setting is wrong, or a service does not answer."""

FOREIGN = ("API_KEY", "SECRET_KEY_BASE", "DATA_DIRS", "LOG_LEVELS")
"""Names that other programs use."""


def check(system: System) -> None:
    """Read every setting, also those that this process does not use. Raises `SettingsError`."""
    settings = system.settings
    connect.parse(settings.database)
    if settings.redis_url:
        redis.check_url(settings.redis_url)
    broker.parse(system.broker_url)
    registry.parse_limits(settings.provider_limits)
    system.alert_target()
    _check_files(system)
    problems = {problem for stage in system.registry.stages() for problem in system.providers.check_names(stage)}
    if problems:
        raise SettingsError("; ".join(sorted(problems)))


def warnings(system: System) -> list[str]:
    """What a person should know about the settings although every process can run with them."""
    shared = _unshared_secret(system.settings)
    return [*_misspelled_settings(system.environ), *([shared] if shared else [])]


def wait_for_services(system: System, role: Role, say: Callable[[StagepassError], None] | None = None) -> None:
    """Reach the database, Redis and the broker; says what it waits for, and waits up to `PATIENCE` for all of them.

    The API serves without a broker, since the relay rings for what it could not announce.

    Args:
        say: called once for each service that does not answer at first; otherwise it is a log line.

    Raises:
        SettingsError: an address, a name or a password is wrong. StoreUnavailable, Unavailable: no answer.
    """
    settings = system.settings
    deadline = time.monotonic() + PATIENCE
    say = say or (lambda problem: log.warning("waiting: %s", problem))
    _wait(lambda: _reach_database(system), deadline, say)
    if settings.redis_url or role != "up":  # `up` starts the embedded server itself
        _wait(lambda: _reach_redis(system), deadline, say)
    if not settings.broker_url:
        return  # the same server
    if role == "api":
        _look_once(settings.broker_url)
    else:
        _wait(lambda: _reach_broker(settings.broker_url), deadline, say)


def exit_code(problem: StagepassError) -> int:
    """The exit code of a process that this ends."""
    return AWAY if isinstance(problem, StoreUnavailable | Unavailable) else WRONG


def _misspelled_settings(environ: Mapping[str, str]) -> Iterable[str]:
    """A sentence for each name in the environment or `.env` that is nearly a setting's."""
    known = {name.upper() for name in Settings.model_fields} | registry.settings()
    given = [name for name in environ if name not in FOREIGN and not _of_a_stage(name)]
    for name, meant in misspelled(given, known):
        yield sentence("{name} is not a setting; did you mean {meant}?", name=name, meant=meant)


def _unshared_secret(settings: Settings) -> str | None:
    """What is wrong with a key that only this machine knows, beside a database that others may share."""
    sqlite = connect.parse(settings.database).get_backend_name() == "sqlite"
    if sqlite or settings.secret_key.get_secret_value():
        return None
    return sentence(
        "SECRET_KEY is not set, so links are signed with a key in {folder} that other machines do not have; set the "
        "same one for every process: openssl rand -hex 32",
        folder=settings.folder,
    )


def _of_a_stage(name: str) -> bool:
    """Whether it chooses a provider for one stage: ``PROMO_LYRIC_TEXT_MODEL``."""
    return any(name.upper().endswith(f"_{setting}") for setting in registry.port_settings())


def _check_files(system: System) -> None:
    if system.settings.files_url:
        _ = system.files  # reads its settings
        return
    folder = system.settings.files_folder
    existing = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if not existing.is_dir():
        raise SettingsError(sentence("FILES_DIR: {path} is not a folder", path=existing))


def _reach_database(system: System) -> None:
    try:
        reach.reach(system.settings.database, system.patience)
    except StoreUnavailable as problem:
        raise StoreUnavailable(
            sentence(
                "DATABASE_URL: the database at {where} does not answer ({reason})",
                where=reach.where(system.settings.database),
                reason=str(problem).removeprefix("the database did not answer: "),
            )
        ) from None


def _reach_redis(system: System) -> None:
    try:
        redis.reach(system.redis_url)
    except Unavailable:
        if system.settings.redis_url:
            raise
        raise Unavailable(
            sentence(
                "the Redis server of the data folder {folder} does not answer; start it with `stagepass up`, or set "
                "REDIS_URL",
                folder=system.settings.folder,
            )
        ) from None


def _reach_broker(url: str) -> None:
    if url.startswith(("redis://", "rediss://", "sentinel://", "redis+sentinel://")):
        redis.reach(url, "BROKER_URL")
    elif is_amqp(url):
        broker.reach_amqp(url)


def _look_once(url: str) -> None:
    try:
        _reach_broker(url)
    except Unavailable as problem:
        log.warning("%s; jobs are accepted, and workers hear of them when it is back", problem)


def _wait(attempt: Callable[[], None], deadline: float, say: Callable[[StagepassError], None]) -> None:
    told = False
    while True:
        try:
            return attempt()
        except (StoreUnavailable, Unavailable) as problem:
            if not told:
                say(problem)
                told = True
            if time.monotonic() >= deadline:
                raise
            time.sleep(AGAIN)
