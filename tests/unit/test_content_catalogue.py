"""Messages: a text is always found, and what the languages disagree on is listed."""

from pathlib import Path

import pytest

from stagepass.content.catalogue import Catalogue, negotiate
from stagepass.errors import DeclarationError

TEXTS = {
    "ko": {"song": "{name:을/를} 만드는 중, {seconds}초", "only_ko": "하나", "braces": "{{그대로}}"},
    "en": {"song": "making {name}, {seconds} s", "only_en": "one", "braces": "{{as is}}"},
}


@pytest.fixture
def messages() -> Catalogue:
    return Catalogue(TEXTS)


def test_a_message_takes_its_particle_from_its_parameter(messages: Catalogue) -> None:
    assert messages.text("song", "ko", name="노을", seconds=30) == "노을을 만드는 중, 30초"
    assert messages.text("song", "ko", name="바다", seconds=30) == "바다를 만드는 중, 30초"
    assert messages.text("braces", "ko") == "{그대로}"


@pytest.mark.parametrize(
    ("code", "language", "parameters", "text"),
    [
        ("only_en", "ko", {}, "one"),
        ("song", "fr", {"name": "x", "seconds": 1}, "making x, 1 s"),
        ("song", "ko-KR", {"name": "달", "seconds": 1}, "달을 만드는 중, 1초"),
        ("song", "ko", {"name": "달"}, "making 달, {seconds} s"),
        ("only_ko", "en", {}, "only_ko"),
        ("nowhere", "ko", {}, "nowhere"),
    ],
)
def test_what_is_missing_falls_back_to_english_and_then_to_the_code(
    messages: Catalogue, code: str, language: str, parameters: dict[str, object], text: str
) -> None:
    assert messages.text(code, language, **parameters) == text


def test_a_value_is_never_read_as_a_template(messages: Catalogue) -> None:
    assert (
        messages.text("song", "en", name="{seconds} {0.__class__}", seconds=1) == "making {seconds} {0.__class__}, 1 s"
    )


def test_problems_name_codes_and_parameters() -> None:
    messages = Catalogue({"en": {"a": "{x}", "b": "b"}, "ko": {"a": "{y}", "c": "c"}})
    assert messages.problems() == ["a: ko takes {y}, en takes {x}", "b: no text in ko", "c: no text in en"]
    assert Catalogue({"en": {"a": "{x}"}, "ko": {"a": "{x:은/는}"}}).problems() == []


@pytest.mark.parametrize("text", ["{", "a } b", "{x:을/은}", "{X y}", "{0}", "{x.y}"])
def test_a_broken_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(DeclarationError, match="ko, 'code'"):
        Catalogue({"ko": {"code": text}})


def test_files_are_read_by_package_and_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = _package(tmp_path, monkeypatch, {"ko.json": '{"a": "가"}', "en.json": '{"a": "A"}', "notes.txt": "x"})
    both = Catalogue.load(package) | Catalogue({"en": {"a": "AA", "b": "B"}})
    assert both.languages == {"ko", "en"}
    assert both.text("a", "ko") == "가"
    assert both.text("a", "en") == "AA"
    assert both.codes("en") == {"a", "b"}


@pytest.mark.parametrize(
    ("content", "said"), [('{"a": "x", "a": "y"}', "twice"), ("{", "not JSON"), ('{"a": 1}', "code to text")]
)
def test_a_broken_file_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, said: str
) -> None:
    package = _package(tmp_path, monkeypatch, {"ko.json": content})
    with pytest.raises(DeclarationError, match=rf"ko\.json: .*{said}"):
        Catalogue.load(package)


def test_a_package_without_the_folder_is_refused() -> None:
    with pytest.raises(DeclarationError, match="no folder 'locale'"):
        Catalogue.load("stagepass.content")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("en;q=0.3, ko;q=0.7", "ko"),
        ("fr, de;q=0.9", "en"),
        ("fr, ko;q=0.1", "ko"),
        ("ko;q=0, en;q=0.1", "en"),
        ("KO", "ko"),
        ("*", "en"),
        ("", "en"),
        (None, "en"),
        (";;,,q=;ko;q=x, ko", "ko"),
        ("a" * 100_000, "en"),
    ],
)
def test_the_language_is_negotiated(header: str | None, language: str) -> None:
    assert negotiate(header, ["ko", "en"]) == language


def _package(folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> str:
    name = f"texts_{folder.name}".replace("-", "_")
    locale = folder / name / "locale"
    locale.mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    for file, content in files.items():
        (locale / file).write_text(content, "utf-8")
    monkeypatch.syspath_prepend(folder)
    return name
