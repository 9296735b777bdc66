"""Prices of calls: a dated table that an installation can override line by line."""

import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagepass.errors import SettingsError
from stagepass.sentences import sentence

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by ``provider:model``; `date` is when they were looked up."""

    date: str
    models: Mapping[str, tuple[float, float]]

    @classmethod
    def load(cls, own: str = "") -> "Prices":
        """The table that comes with Stagepass, and over it the file that ``PRICES_FILE`` names.

        Raises:
            SettingsError: the file is not there, or not such a table.
        """
        packed = importlib.resources.files("stagepass.providers.vendors") / "prices.json"
        date, models = _read(json.loads(packed.read_text()))
        if own:
            try:
                date, more = _read(json.loads(Path(own).read_text()))
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                raise SettingsError(
                    sentence(
                        'PRICES_FILE: not a table such as {{"date": "2026-11-01", "models": {{"openai:gpt-6-luna": {{"in": 0.1, "out": 0.5}}}}}}'
                    )
                ) from None
            models |= more
        return cls(date, models)

    def usd(self, provider: str, model: str, tokens_in: int, tokens_out: int) -> float:
        """US dollars of a call; 0 for a model without a price."""
        price_in, price_out = self.models.get(f"{provider}:{model}", (0.0, 0.0))
        return (tokens_in * price_in + tokens_out * price_out) / _MILLION


def _read(table: Any) -> tuple[str, dict[str, tuple[float, float]]]:
    """The table's date and lines; dollars per million tokens, in and out."""
    return str(table["date"]), {
        name: (float(price["in"]), float(price["out"])) for name, price in table["models"].items()
    }
