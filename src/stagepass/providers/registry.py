"""Selects the provider of a port: by a setting, created once per process, named in every result."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagepass import forking
from stagepass.declare.stage import Stage
from stagepass.engine.model.limits import Limit
from stagepass.errors import DeclarationError, SettingsError
from stagepass.sentences import sentence


@dataclass(frozen=True, slots=True)
class Offer:
    """Arguments of a factory: the model (the part of the setting after the colon), and a folder for its files."""

    model: str
    folder: Path
    environ: Mapping[str, str]


Also = tuple[str, ...] | Callable[[Mapping[str, str]], tuple[str, ...]]
"""Names of secrets; or what says them by the settings, of a provider that chooses among others."""


@dataclass(frozen=True, slots=True)
class _Choice:
    make: Callable[[Offer], Any]
    secrets: tuple[str, ...]
    also: Also
    wants_model: bool

    def used(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """The secrets that it uses under these settings."""
        also = self.also(environ) if callable(self.also) else self.also
        return (*self.secrets, *(name for name in also if environ.get(name)))


@dataclass(frozen=True, slots=True)
class _Port:
    setting: str
    chain: bool
    choices: dict[str, _Choice]


_ports: dict[type, _Port] = {}

_LIMIT = re.compile(
    r"(?P<name>[A-Za-z0-9_.-]{1,60})\s*=\s*(?=[1-9:])"
    r"(?:(?P<calls>[1-9][0-9]{0,8})(?:/(?P<per>[0-9]{1,7}(?:\.[0-9]{1,3})?)s?)?)?"
    r"(?::(?P<concurrency>[1-9][0-9]{0,8}))?"
)


@dataclass(frozen=True, slots=True)
class Chain:
    """Several providers of one port, in the order in which they are tried (`stagepass.providers.ask`)."""

    members: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The first one's."""
        return str(self.members[0].name)


def port(kind: type, setting: str, *, chain: bool = False) -> None:
    """Declare a port, and the setting that chooses its provider (``TEXT_MODEL``).

    Args:
        chain: the setting may name several, separated by commas; a stage is then given a `Chain`.
    """
    _ports.setdefault(kind, _Port(setting, chain, {}))


def provide(
    kind: type,
    name: str,
    make: Callable[[Offer], Any],
    *,
    secrets: tuple[str, ...] = (),
    also: Also = (),
    wants_model: bool = False,
) -> None:
    """Offer a provider for a port.

    Args:
        name: what the setting says to choose it.
        make: makes it, once per process.
        secrets: environment variables without which it cannot work.
        also: secrets that it uses where they are set.
        wants_model: the setting has to name a model after the colon; there is no default that grows stale.
    """
    if kind not in _ports:
        raise DeclarationError(f"{kind.__name__} is not a port; declare it first: port({kind.__name__}, SETTING)")
    _ports[kind].choices[name] = _Choice(make, secrets, also, wants_model)


def names(kind: type) -> list[str]:
    """Provider names allowed in a port's setting."""
    return sorted(_ports[kind].choices) if kind in _ports else []


def port_settings() -> set[str]:
    """The settings that choose the ports' providers."""
    return {one.setting for one in _ports.values()}


def settings() -> set[str]:
    """Every setting that the ports and their providers read, as far as they are registered."""
    found = port_settings()
    for one in _ports.values():
        for choice in one.choices.values():
            found |= {*choice.secrets, *(choice.also if isinstance(choice.also, tuple) else ())}
    return found


def every_secret() -> set[str]:
    """The secrets that providers cannot work without, of all of them."""
    return {secret for port in _ports.values() for choice in port.choices.values() for secret in choice.secrets}


def every_name() -> set[str]:
    """The names of all providers."""
    return {name for port in _ports.values() for name in port.choices}


def make(kind: type, value: str, offer: Offer) -> Any:
    """The provider that this setting value selects, for providers that choose among others."""
    name, _, model = value.partition(":")
    folder = offer.folder.parent.parent / kind.__name__.lower() / name
    return _ports[kind].choices[name].make(Offer(model, folder, offer.environ))


def secrets_of(kind: type, value: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets that this provider uses."""
    return _ports[kind].choices[value.partition(":")[0]].used(environ)


class Providers:
    """The providers of one process.

    Args:
        environ: the settings as given: ``TEXT_MODEL=local``, or for one stage ``PROMO_LYRIC_TEXT_MODEL=…``.
        folder: below it each provider may keep things.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.environ = self._environ = environ
        self._folder = folder
        self.renew()
        forking.renews(self)

    def renew(self) -> None:
        """A forked child has connections of its own to the vendors."""
        forking.kept.extend(getattr(self, "_made", {}).values())
        self._made: dict[tuple[type, str], Any] = {}
        self._lock = threading.Lock()

    def get(self, kind: type, stage: Stage) -> Any:
        """The provider of this port for this stage, or a `Chain` of them. Raises `SettingsError`."""
        made = tuple(self._made_once(kind, value, choice) for _, value, choice in self._chosen(kind, stage))
        return made[0] if len(made) == 1 else Chain(made)

    def _made_once(self, kind: type, value: str, choice: _Choice) -> Any:
        with self._lock:
            made = self._made.get((kind, value))
            if made is None:
                name, _, model = value.partition(":")
                folder = self._folder / kind.__name__.lower() / name
                made = self._made[(kind, value)] = choice.make(Offer(model, folder, self._environ))
        return made

    def check_names(self, stage: Stage) -> list[str]:
        """Providers of this stage that its settings name and that do not exist, as sentences; asks for no secrets."""
        problems = []
        for kind in stage.needs:
            try:
                for setting, value, choice in self._chosen(kind, stage):
                    choice.used(self._environ)
                    if choice.wants_model and not value.partition(":")[2]:
                        problems.append(f"{stage.queue}: {setting}={value} names no model; write {value}:MODEL")
            except SettingsError as problem:
                problems.append(f"{stage.queue}: {problem}")
        return problems

    def check(self, stage: Stage) -> list[str]:
        """Problems of this stage's providers, as sentences that name the setting. Creates vendors' clients."""
        if problems := self.check_names(stage):
            return problems
        for kind in stage.needs:
            for setting, value, choice in self._chosen(kind, stage):
                missing = [secret for secret in choice.secrets if not self._environ.get(secret)]
                problems += [f"{stage.queue}: {setting}={value} needs {name}, which is not set" for name in missing]
                if not missing and value.partition(":")[0] != "local":
                    try:
                        self._made_once(kind, value, choice)
                    except SettingsError as problem:
                        problems.append(f"{stage.queue}: {problem}")
        return problems

    def secrets(self, stage: Stage) -> set[str]:
        """The environment variables that a worker of this stage has to be given."""
        return {
            secret
            for kind in stage.needs
            for _, _, choice in self._chosen(kind, stage)
            for secret in choice.used(self._environ)
        }

    def _chosen(self, kind: type, stage: Stage) -> list[tuple[str, str, _Choice]]:
        """By setting and value, in the order of the setting."""
        if kind not in _ports:
            raise SettingsError(sentence("no provider is registered for {name}", name=kind.__name__))
        asked = _ports[kind]
        own = f"{stage.pipeline}_{stage.name}_{asked.setting}".upper()
        used = own if self._environ.get(own) else asked.setting
        text = self._environ.get(used) or "local"
        values = [value.strip() for value in text.split(",")] if asked.chain else [text]
        return [(used, value, self._choice(asked, used, value)) for value in values]

    def _choice(self, asked: _Port, used: str, value: str) -> _Choice:
        name = value.partition(":")[0]
        if name not in asked.choices:
            there = ", ".join(sorted(asked.choices))
            raise SettingsError(
                sentence(
                    "{used}={value}: there is no such provider; available: {there}", used=used, value=value, there=there
                )
            )
        return asked.choices[name]


def parse_limits(text: str) -> dict[str, Limit]:
    """``"suno=20/10s:5, gemini=60/60s"``: calls per time, and calls at once. Raises `SettingsError`."""
    limits: dict[str, Limit] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _LIMIT.fullmatch(part)
        if not found or found["name"] in limits or not float(found["per"] or 1):
            raise SettingsError(
                sentence(
                    "PROVIDER_LIMITS: {part} is not name=calls/seconds:at-once, such as suno=20/10s:5",
                    part=f"{part[:100]!r}",
                )
            )
        limits[found["name"]] = Limit(
            concurrency=int(found["concurrency"]) if found["concurrency"] else None,
            rate=int(found["calls"]) if found["calls"] else None,
            per=float(found["per"] or 1),
        )
    return limits
