"""What a process says about itself in the database, so that the doctor can compare all of them.

Settings travel as fingerprints and secrets as names: the row tells that two processes differ, not what they have.
URLs are fingerprinted without their passwords, and a signing key slowly, so that neither can be guessed from it.
"""

import hashlib
import logging
import os
import resource
import sys
import threading
from importlib.metadata import version
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from stagepass.doctor.sources import Sources
from stagepass.engine.model.ids import new_id
from stagepass.engine.model.machine import place
from stagepass.errors import StagepassError
from stagepass.settings import Settings
from stagepass.store.processes import ProcessRow

log = logging.getLogger("stagepass.presence")

EVERY = 5.0
"""Seconds between two signs of life."""

GONE = 20_000
"""Milliseconds without one after which a process counts as gone."""

ALIKE = (
    "REDIS_URL",
    "BROKER_URL",
    "SECRET_KEY",
    "EVENT_STREAMS",
    "FILES_DIR",
    "FILES_URL",
    "QUEUE_TYPE",
    "DEAD_AFTER_SECONDS",
    "PROVIDER_LIMITS",
    "TIME_LIMITS",
    "PUBLIC_URL",
)
"""Settings that all processes of an installation that read them must have alike."""

_URLS = ("REDIS_URL", "BROKER_URL", "FILES_URL")
_ROUNDS = 20_000


class Presence:
    """Keeps one process's row, on a thread of its own.

    Args:
        role: ``api``, ``relay`` or ``worker``.
        more: facts of the role: queues, slots, pool.
    """

    def __init__(self, sources: Sources, role: str, **more: Any) -> None:
        self._sources = sources
        self._role = role
        self._more = more
        self._id = new_id()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stagepass-presence", daemon=True)

    def start(self) -> "Presence":
        self._thread.start()
        return self

    def stop(self) -> None:
        """Take the row out."""
        self._stop.set()
        self._thread.join(timeout=5)
        try:
            self._sources.store.drop_process(self._id)
        except StagepassError as problem:
            log.debug("the row of this process stays until it is old: %s", problem)

    def _run(self) -> None:
        facts = {**facts_of(self._sources), **self._more}
        known = False
        while True:
            try:
                now = self._sources.clock.now()
                known = known and self._sources.store.beat_process(self._id, now)
                if not known:
                    row = ProcessRow(self._id, self._role, place(), os.getpid(), now, now, facts)
                    self._sources.store.add_process(row)
                    known = True
            except StagepassError as problem:
                log.debug("no sign of life could be written: %s", problem)
            except Exception:
                log.exception("what this process says about itself could not be written")
            if self._stop.wait(EVERY):
                return


def facts_of(sources: Sources) -> dict[str, Any]:
    """A process's account of itself; plain JSON."""
    environ = sources.environ()
    names = [secret for secret in sources.secret_names() if environ.get(secret)]
    return {
        "version": version("stagepass"),
        "python": sys.version.split()[0],
        "settings": fingerprints(sources.settings),
        "secrets": sorted(names),
        "pipelines": {name: sources.registry.versions(name) for name in sources.registry.names()},
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "clock_off": round(sources.clock.off, 3),
    }


def fingerprints(settings: Settings) -> dict[str, str]:
    """By name of a setting that must be alike: a short hash; empty where it is not set."""
    return {name: _fingerprint(name, _value(settings, name)) for name in ALIKE}


def _value(settings: Settings, name: str) -> str:
    if name == "SECRET_KEY":
        return settings.secret_key.get_secret_value() or _made_key(settings)
    if name == "FILES_DIR":
        return "" if settings.files_url else str(settings.files_dir or settings.data_dir / "files")
    value = getattr(settings, name.lower())
    return str(value)


def _made_key(settings: Settings) -> str:
    """The key that was generated in the data folder; it is not made for a look."""
    try:
        return (settings.data_dir / "secret").read_text().strip()
    except OSError:
        return ""


def _fingerprint(name: str, value: str) -> str:
    if not value:
        return ""
    if name in _URLS:
        value = without_password(value)
    if name == "SECRET_KEY":
        return hashlib.pbkdf2_hmac("sha256", value.encode(), b"stagepass", _ROUNDS).hex()[:10]
    return hashlib.sha256(f"{name}={value}".encode()).hexdigest()[:10]


def without_password(url: str) -> str:
    """A URL with its password taken out; one that cannot be read is given without anything before the ``@``."""
    try:
        return make_url(url).set(password=None).render_as_string()
    except (ArgumentError, ValueError):
        scheme, _, rest = url.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}"
