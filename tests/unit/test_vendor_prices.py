"""What calls cost: the table that comes along, and an installation's own over it."""

import importlib.resources
import json
from datetime import date
from pathlib import Path

import pytest

from stagepass.errors import SettingsError
from stagepass.providers.vendors.prices import Prices


def test_the_table_has_a_date_and_counts_by_the_million() -> None:
    prices = Prices.load()
    assert date.fromisoformat(prices.date)
    assert prices.usd("openai", "gpt-6-luna", 1_000_000, 2_000_000) == pytest.approx(0.1 + 2 * 0.5)
    assert prices.usd("openai", "no-such-model", 1_000_000, 1) == 0


def test_each_line_says_where_it_is_from() -> None:
    packed = importlib.resources.files("stagepass.providers.vendors") / "prices.json"
    table = json.loads(packed.read_text())
    assert not [name for name, price in table["models"].items() if not price.get("source")]


def test_an_own_table_comes_first_and_keeps_the_rest(tmp_path: Path) -> None:
    own = tmp_path / "prices.json"
    own.write_text(json.dumps({"date": "2027-01-01", "models": {"openai:gpt-6-luna": {"in": 7, "out": 0}}}))
    prices = Prices.load(str(own))
    assert prices.date == "2027-01-01"
    assert prices.usd("openai", "gpt-6-luna", 1_000_000, 5) == 7
    assert prices.usd("anthropic", "claude-sonnet-5-5", 1_000_000, 0) == 2


@pytest.mark.parametrize("text", [None, "{", "[]", '{"date": "x", "models": {"a:b": {"in": "much", "out": 1}}}'])
def test_a_file_that_is_no_table_is_told_at_the_start(tmp_path: Path, text: str | None) -> None:
    own = tmp_path / "prices.json"
    if text is not None:
        own.write_text(text)
    with pytest.raises(SettingsError, match="PRICES_FILE"):
        Prices.load(str(own))
