"""The command line's language, its texts and its exit codes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import stagepass.cli
import stagepass.engine
from stagepass.cli import texts
from stagepass.cli.exits import Exit, exit_of
from stagepass.cli.main import _language_first, app
from stagepass.cli.translation import commands
from stagepass.content.catalogue import Catalogue
from stagepass.engine.model.states import JobState, RunState
from stagepass.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    SettingsError,
    StageError,
    StagepassError,
    StoreUnavailable,
)

SOURCES = [path.read_text() for path in Path(stagepass.cli.__file__).parent.glob("*.py")]


@pytest.fixture(autouse=True)
def _no_language() -> None:
    texts.choose(None)


def test_both_languages_say_everything_with_the_same_parameters() -> None:
    assert Catalogue.load("stagepass.cli").problems() == []


def test_every_text_that_the_code_names_is_there() -> None:
    codes = Catalogue.load("stagepass.cli").codes("en")
    named = {code for text in SOURCES for code in re.findall(r'(?:text|note)\(\s*"([a-z_.]+)"', text)}
    assert named
    assert named - codes == set()
    assert {f"state.{state}" for state in JobState} <= codes
    assert {f"run.{state}" for state in RunState} <= codes


def test_every_end_of_a_job_is_explained_and_has_a_next_step() -> None:
    codes = Catalogue.load("stagepass.cli").codes("en")
    ends = {kind.code for kind in _kinds(StageError) if kind.__module__ == "stagepass.errors"} | {"held", "cancelled"}
    assert {f"kind.{code}" for code in ends} <= codes
    assert {f"next.{code}" for code in ends} <= codes


def _kinds(root: type[StageError]) -> list[type[StageError]]:
    return [kind for below in root.__subclasses__() for kind in (below, *_kinds(below))]


def test_every_event_that_the_engine_writes_has_a_text() -> None:
    engine = Path(stagepass.engine.__file__).parent
    emitted = {
        name for path in engine.rglob("*.py") for name in re.findall(r'"((?:job|stage)\.[a-z]+)"', path.read_text())
    }
    assert len(emitted) > 10
    assert {f"event.{name}" for name in emitted} <= Catalogue.load("stagepass.cli").codes("en")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "ko"}, "ko"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_locale_chooses_the_language(
    environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert texts.language() == language


def test_the_option_wins_and_may_stand_anywhere() -> None:
    assert _language_first(["watch", "x", "--lang", "ko"]) == ["--lang", "ko", "watch", "x"]
    assert texts.language() == "ko"
    assert _language_first(["watch", "--lang=en", "x"]) == ["--lang=en", "watch", "x"]
    assert texts.language() == "en"
    assert _language_first(["watch", "--", "--lang", "ko"]) == ["watch", "--", "--lang", "ko"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("x"), Exit.NOT_FOUND),
        (Conflict("x"), Exit.CONFLICT),
        (InvalidInput("x"), Exit.USAGE),
        (SettingsError("x"), Exit.USAGE),
        (StoreUnavailable("x"), Exit.UNAVAILABLE),
        (StagepassError("x"), Exit.FAILED),
    ],
)
def test_each_error_has_its_exit_code(error: StagepassError, code: Exit) -> None:
    assert exit_of(error) is code


# ── help ─────────────────────────────────────────────────────────────────────────────────────────


def test_every_help_text_has_a_korean_one_and_none_is_left_over() -> None:
    korean, needed = Catalogue.load("stagepass.cli", "help").codes("ko"), set()
    for path, command in commands(typer.main.get_command(app)):
        needed.add(path or "stagepass")
        for parameter in command.params:
            if getattr(parameter, "help", None) and not parameter.hidden:
                own = f"{path}.{parameter.name}"
                needed.add(own if own in korean else f"*.{parameter.name}")
    assert needed - korean == set()
    assert {code for code in korean - needed if re.fullmatch(r"[a-z* ]+\.\w+", code)} == {"*.help"}


def test_help_is_korean_from_end_to_end() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "stagepass.cli", "--lang", "ko", "jobs", "retry", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "200"},
    ).stdout
    for part in (
        "사용법: ",
        "앞 단계의 저장된 결과로",
        "인자",
        "옵션",
        "다시 만들 단계.",
        "[필수]",
        "도움말을 출력하고",
    ):
        assert part in said
    assert not re.search(r"[a-z]+ [a-z]+ [a-z]+ [a-z]+", said.partition("Example")[0]), "no English sentence is left"
