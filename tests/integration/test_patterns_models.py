"""The patterns' one setting: a wrong one is told at start, by its name."""

import subprocess
import sys

import pytest

from stagepass.errors import SettingsError
from stagepass.pipelines.patterns.models import PatternSettings, _solo_seconds


@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), ("1.5", 1.5)])
def test_solo_seconds_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, value: str, seconds: float) -> None:
    monkeypatch.setenv("SOLO_SECONDS", value)
    assert _solo_seconds() == seconds


def test_by_default_it_takes_twenty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOLO_SECONDS", raising=False)
    assert PatternSettings(_env_file=None).solo_seconds == 20.0  # type: ignore[call-arg]


@pytest.mark.parametrize("value", ["-1", "soon", "3001"])
def test_a_wrong_one_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOLO_SECONDS", value)
    with pytest.raises(SettingsError, match="SOLO_SECONDS"):
        _solo_seconds()


def test_it_is_told_when_the_pipelines_are_found() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import stagepass.pipelines.patterns.pipeline"],
        env={"SOLO_SECONDS": "soon"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "SOLO_SECONDS must be a number" in done.stderr
