"""Cleaning, languages, syllables and Latin letters for Korean names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagepass.content.languages import SUGGESTED, language_tag
from stagepass.content.romanize import romanize
from stagepass.content.syllables import syllables
from stagepass.text import clean, visible


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
