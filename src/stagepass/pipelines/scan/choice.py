"""Which model answers: an allow-list from the configuration, and the models by their names on it.

    SCAN_MODELS=fast=gemini:gemini-flash,local=local

The first is the default. Without the setting the list holds what TEXT_MODEL names.
"""

import threading
from collections.abc import Mapping

from stagepass.errors import BadRequest, Permanent, SettingsError
from stagepass.providers import registry
from stagepass.providers.ports import TextModel
from stagepass.providers.registry import Offer, port, provide
from stagepass.sentences import sentence

SETTING = "SCAN_MODELS"


def allowed(environ: Mapping[str, str]) -> dict[str, str]:
    """By model name: ``provider`` or ``provider:model``, the default first. Raises `SettingsError`."""
    text = environ.get(SETTING, "").strip() or environ.get("TEXT_MODEL", "").strip() or "local"
    models: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        value = (value or name).strip()
        if value.partition(":")[0] not in registry.names(TextModel):
            known = ", ".join(registry.names(TextModel))
            raise SettingsError(
                sentence(
                    "{setting}: {part} has no known provider; write name=provider:model with one of {known}",
                    setting=SETTING,
                    part=f"{part!r}",
                    known=known,
                )
            )
        models[name.strip()] = value
    return models


def check(name: str | None, models: Mapping[str, str]) -> None:
    """Raises `BadRequest` with `supported_models` for a model that is not on the list."""
    if name is not None and name not in models:
        raise BadRequest(
            sentence(
                "the model {name} is not available; choose one of: {models}",
                name=f"{name[:100]!r}",
                models=", ".join(models),
            ),
            field="model",
            supported_models=list(models),
        )


class Models:
    """The allowed models of this process, each made when it is first asked for."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._values = allowed(offer.environ)
        self._made: dict[str, TextModel] = {}
        self._lock = threading.Lock()
        try:
            self.unsure_below = float(offer.environ.get("SCAN_UNSURE_BELOW") or 0.6)
        except ValueError:
            raise SettingsError(sentence("SCAN_UNSURE_BELOW must be a number from 0 to 1, such as 0.6")) from None

    def get(self, name: str | None) -> TextModel:
        """The model of this name, or the default. Raises `Permanent` where it is not allowed (any more)."""
        chosen = next(iter(self._values)) if name is None else name
        if chosen not in self._values:
            raise Permanent(f"the model {chosen[:100]!r} is not offered here", advice=f"use {', '.join(self._values)}")
        with self._lock:
            if chosen not in self._made:
                self._made[chosen] = registry.make(TextModel, self._values[chosen], self._offer)
            return self._made[chosen]


def _secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(s for value in allowed(environ).values() for s in registry.secrets_of(TextModel, value, environ))


port(Models, "SCAN_CHOICE")
provide(Models, "local", Models, also=_secrets)
