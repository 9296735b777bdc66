"""Cleaning, what a model reads, languages, syllables and Latin letters for Korean names."""

import ast
import unicodedata
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import stagepass
from stagepass.content.languages import SUGGESTED, language_tag
from stagepass.content.romanize import romanize
from stagepass.content.syllables import syllables
from stagepass.errors import Permanent, RateLimited, RequestError, StageError
from stagepass.files.names import kept_name, safe_name
from stagepass.inputs import Words
from stagepass.text import LONGEST_RUN, clean, composed, visible
from tests.support.strange import TEXTS, megabyte


@pytest.mark.parametrize(
    ("text", "line", "lines"),
    [
        ("  a \n\n b\t", "a b", "a\n\n b"),
        ("a\x00b\x1b\u200b\u202e\ufeff", "ab", "ab"),
        ("\u1103\u1161\u11af", "달", "달"),
        ("a\r\nb\u2028c", "a b c", "a\nb\nc"),
        ("👩\u200d🍳", "👩\u200d🍳", "👩\u200d🍳"),
        ("\ud800x", "x", "x"),
    ],
)
def test_text_is_cleaned(text: str, line: str, lines: str) -> None:
    assert clean(text) == line
    assert clean(text, lines=True) == lines


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    for lines in (False, True):
        assert clean(clean(text, lines=lines), lines=lines) == clean(text, lines=lines)


@pytest.mark.parametrize("what", TEXTS)
def test_a_megabyte_of_anything_can_be_kept_afterwards(what: str) -> None:
    text = clean(megabyte(what), lines=True, most=50_000)
    text.encode()
    assert len(text) <= 50_000
    assert "\0" not in text
    assert longest_run(text) <= LONGEST_RUN
    assert clean(text, lines=True) == text


def longest_run(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) or unicodedata.category(char)[0] == "M" else 0
        longest = max(longest, run)
    return longest


def test_only_one_module_composes_letters() -> None:
    """What is quadratic in the marks on one letter holds the interpreter: it is called where runs are bounded."""
    root = Path(stagepass.__file__).parent
    found = {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("normalize", "is_normalized")
        and isinstance(node.value, ast.Name) and node.value.id == "unicodedata"
    }  # fmt: skip
    assert found == {"text.py"}


@given(st.text(st.characters(categories=["Mn", "Mc", "Me", "L"]), max_size=200))
def test_runs_of_marks_are_bounded_in_every_form(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        composed(text, form)  # type: ignore[arg-type]
    assert longest_run(unicodedata.normalize("NFD", clean(text))) <= LONGEST_RUN + 3  # of what one letter brings


class Untouched(str):
    """A text that notices when anybody looks into it."""

    def __iter__(self) -> Any:
        raise AssertionError("looked at")

    __getitem__ = isascii = isprintable = replace = split = strip = __iter__  # type: ignore[assignment]


class Named(BaseModel):
    name: Annotated[str, Words(most=5, least=1)] = "x"
    about: Annotated[str, Words(most=20, lines=True)] = ""


def test_a_text_beyond_its_limit_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(ValidationError) as refused:
        Named(name=Untouched("x" * 1021))
    assert refused.value.errors()[0]["type"] == "string_too_long"


@pytest.mark.parametrize(
    ("given", "kept"), [(" a\u200b b ", "a b"), ("e\u0301" * 5, "é" * 5), ("\u200b" * 900 + "abc", "abc")]
)
def test_its_length_is_counted_after_cleaning(given: str, kept: str) -> None:
    assert Named(name=given).name == kept


@pytest.mark.parametrize("given", ["", "\u200b", "abcdef", "\u200b" * 2000, 5, None])
def test_a_text_that_does_not_fit_is_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        Named(name=given)


def test_its_schema_tells_its_length() -> None:
    schema = Named.model_json_schema()["properties"]
    assert (schema["name"]["minLength"], schema["name"]["maxLength"]) == (1, 5)
    assert "minLength" not in schema["about"]


# ── errors and files ──


@pytest.mark.parametrize("what", TEXTS)
@pytest.mark.parametrize("kind", [Permanent, RateLimited, StageError, RequestError])
def test_an_error_s_text_can_be_stored_whoever_made_it(kind: Any, what: str) -> None:
    text = "bad " + megabyte(what)
    error = kind(text) if kind is RequestError else kind(text, advice=text, provider=text)
    for told in (str(error), error.message, getattr(error, "advice", ""), getattr(error, "provider", "")):
        told.encode()
        assert len(told) <= 2000
        assert "\0" not in told


@pytest.mark.parametrize("wait", [float("nan"), float("inf"), -1, 1e18])
def test_a_wait_that_is_none_is_not_taken_from_a_provider(wait: float) -> None:
    assert RateLimited("slow", retry_after=wait).retry_after is None
    assert RateLimited("slow", retry_after=5).retry_after == 5


def test_an_error_with_a_constructor_of_its_own_has_a_text_too() -> None:
    class Own(Permanent):
        def __init__(self) -> None: ...

    assert (Own().message, Own().retry_after) == ("", None)


@pytest.mark.parametrize("what", TEXTS)
def test_a_file_s_name_can_be_stored(what: str) -> None:
    for name in (kept_name(megabyte(what) + ".jpg"), safe_name(megabyte(what) + ".jpg")):
        name.encode()
        assert len(name) <= 255
        assert "\0" not in name
        assert longest_run(name) <= LONGEST_RUN


def test_joiners_alone_are_not_visible() -> None:
    assert not visible("\u200d \u200c")
    assert visible("!")


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("Korean", "ko"), ("korean ", "ko"), ("한국어", "ko"), ("ko-KR", "ko"), ("KO", "ko"), ("kor", "ko"),
        ("English", "en"), ("en_US", "en"), ("日本語", "ja"), ("Français", "fr"), ("sv", "sv"), ("Klingon", "und"),
        ("", "und"), ("x; drop table", "und"),
    ],
)  # fmt: skip
def test_languages_are_known_by_name(name: str, tag: str) -> None:
    assert language_tag(name) == tag


def test_suggested_languages_have_tags() -> None:
    assert SUGGESTED[:2] == ("Korean", "English")
    assert "und" not in {language_tag(name) for name in SUGGESTED}


@pytest.mark.parametrize(
    ("line", "language", "count"),
    [
        ("파도가 부르는 쪽으로", "ko", 9), ("[Chorus]", "ko", 0), ("카페 Bloom, 24", "ko", 5), ("", "ko", 0),
        ("!?…", "ko", 0), ("Come on by to the bakery today", "en", 10), ("The little table", "en", 5),
        ("Every quiet evening", "en", 6), ("I walked home and waited", "en", 6), ("It’s a beautiful ocean", "en", 7),
        ("DJ", "en", 2), ("Café", "en", 2),
    ],
)  # fmt: skip
def test_syllables_are_counted_as_sung(line: str, language: str, count: int) -> None:
    assert syllables(line, language) == count


@pytest.mark.parametrize(
    ("name", "latin"),
    [
        ("군산", "Gunsan"), ("부산", "Busan"), ("서울", "Seoul"), ("제주", "Jeju"), ("종로", "Jongno"),
        ("신라", "Silla"), ("강릉", "Gangneung"), ("속초", "Sokcho"), ("연남동", "Yeonnam-dong"),
        ("해운대", "Haeundae"), ("백마", "Baengma"), ("울릉", "Ulleung"), ("Jeju 애월", "Jeju Aewol"),
    ],
)  # fmt: skip
def test_korean_places_are_romanized(name: str, latin: str) -> None:
    assert romanize(name) == latin
