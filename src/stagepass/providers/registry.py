"""Which provider serves a port: chosen by a setting, made once per process, named in every result."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagepass.engine.pipeline import Stage
from stagepass.engine.ports import Limit
from stagepass.errors import DeclarationError, SettingsError


@dataclass(frozen=True, slots=True)
class Offer:
    """What a factory is given: the model that the setting names after the colon, and where it may keep things."""

    model: str
    folder: Path
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Choice:
    make: Callable[[Offer], Any]
    secrets: tuple[str, ...]


_ports: dict[type, tuple[str, dict[str, _Choice]]] = {}


def port(kind: type, setting: str) -> None:
    """Declare a port, and the setting that chooses its provider (``TEXT_MODEL``)."""
    _ports.setdefault(kind, (setting, {}))


def provide(kind: type, name: str, make: Callable[[Offer], Any], *, secrets: tuple[str, ...] = ()) -> None:
    """Offer a provider for a port.

    Args:
        name: what the setting says to choose it.
        make: makes it, once per process.
        secrets: environment variables without which it cannot work.
    """
    if kind not in _ports:
        raise DeclarationError(f"{kind.__name__} is not a port; declare it first: port({kind.__name__}, SETTING)")
    _ports[kind][1][name] = _Choice(make, secrets)


class Providers:
    """The providers of one process.

    Args:
        environ: the settings as given: ``TEXT_MODEL=local``, or for one stage ``PROMO_LYRIC_TEXT_MODEL=…``.
        folder: below it each provider may keep things.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._environ = environ
        self._folder = folder
        self._made: dict[tuple[type, str], Any] = {}
        self._lock = threading.Lock()

    def get(self, kind: type, stage: Stage) -> Any:
        """The provider of this port for this stage. Raises `SettingsError`."""
        _, value, choice = self._chosen(kind, stage)
        with self._lock:
            made = self._made.get((kind, value))
            if made is None:
                name, _, model = value.partition(":")
                folder = self._folder / kind.__name__.lower() / name
                made = self._made[(kind, value)] = choice.make(Offer(model, folder, self._environ))
        return made

    def check(self, stage: Stage) -> list[str]:
        """What is missing for this stage, as sentences that name the setting."""
        problems = []
        for kind in stage.needs:
            try:
                setting, value, choice = self._chosen(kind, stage)
            except SettingsError as problem:
                problems.append(f"{stage.queue}: {problem}")
                continue
            problems += [
                f"{stage.queue}: {setting}={value} needs {secret}, which is not set"
                for secret in choice.secrets
                if not self._environ.get(secret)
            ]
        return problems

    def secrets(self, stage: Stage) -> set[str]:
        """The environment variables that a worker of this stage has to be given."""
        return {secret for kind in stage.needs for secret in self._chosen(kind, stage)[2].secrets}

    def _chosen(self, kind: type, stage: Stage) -> tuple[str, str, _Choice]:
        if kind not in _ports:
            raise SettingsError(f"nothing provides {kind.__name__}")
        setting, choices = _ports[kind]
        own = f"{stage.pipeline}_{stage.name}_{setting}".upper()
        used = own if self._environ.get(own) else setting
        value = self._environ.get(used) or "local"
        name = value.partition(":")[0]
        if name not in choices:
            raise SettingsError(f"{used}={value}: there is no such provider; there are: {', '.join(sorted(choices))}")
        return used, value, choices[name]


def parse_limits(text: str) -> dict[str, Limit]:
    """``"suno=20/10s:5, gemini=60/60s"``: calls per time, and calls at once. Raises `SettingsError`."""
    limits: dict[str, Limit] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            name, _, rest = part.partition("=")
            rate, _, concurrency = rest.partition(":")
            calls, _, per = rate.partition("/")
            limits[name.strip()] = Limit(
                concurrency=int(concurrency) if concurrency else None,
                rate=int(calls) if calls else None,
                per=float(per.removesuffix("s") or 1),
            )
        except ValueError:
            raise SettingsError(
                f"PROVIDER_LIMITS: {part!r} is not name=calls/seconds:at-once, such as suno=20/10s:5"
            ) from None
    return limits
