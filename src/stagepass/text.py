"""Text from outside, made safe to keep, to show and to put into a prompt: one function for every way in.

Invisible characters are where text hides: overrides that turn a line around, tag characters that only
a model reads, nulls that a database refuses, halves of a surrogate pair that no encoder writes. And a
megabyte of accents on one letter keeps Unicode's normalisation busy for minutes, while it holds the
interpreter. So length is limited first, then each run of marks, and only then are letters composed.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

LONGEST = 200_000
"""Default maximum length of a text, in characters."""

LONGEST_RUN = 30
"""Marks on one letter; no writing needs more (Unicode Standard Annex 15, section 13, Stream-Safe Text Format)."""

# Joiners hold emoji and Persian words together, so they are the only format characters that stay.
_JOINERS = "\u200c\u200d"
_BREAKS = {"\r": "\n", "\v": "\n", "\f": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n"}


def clean(text: str, *, lines: bool = False, most: int = LONGEST) -> str:
    """Bound `text`, drop control and invisible characters, compose it (NFC), and strip it.

    The result can be encoded as UTF-8 and stored by every database. Cleaned again, it stays as it is.

    Args:
        text: anything a person or another program wrote.
        lines: keep line breaks; otherwise every run of white space becomes one space.
        most: characters that are looked at; the rest is cut off.

    Returns:
        The same words; possibly empty.
    """
    text = text[:most]
    if not (text.isascii() and text.isprintable()):
        shown = (_BREAKS.get(char, char) for char in text.replace("\r\n", "\n"))
        text = composed("".join(char for char in shown if not _hidden(char)), most=most)
    if not lines:
        return " ".join(text.split())
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def composed(text: str, form: Literal["NFC", "NFD", "NFKC", "NFKD"] = "NFC", *, most: int = LONGEST) -> str:
    """`text` in one of Unicode's normal forms, in time that grows with its length: bounded, with bounded runs of marks."""
    return unicodedata.normalize(form, "".join(_with_short_runs(text[:most])))


def visible(text: str) -> bool:
    """Whether at least one character can be seen."""
    return any(unicodedata.category(char)[0] in "LNPS" for char in text)


@lru_cache(maxsize=65_536)
def _hidden(char: str) -> bool:
    # C* are controls, formats, surrogates, private and unassigned code points.
    return unicodedata.category(char)[0] == "C" and char not in "\n\t" and char not in _JOINERS


def _with_short_runs(text: str) -> Iterator[str]:
    run = 0
    for char in text:
        is_mark, marks = _marks(char)
        run = run + marks if is_mark else marks
        if not is_mark or run <= LONGEST_RUN:
            yield char


@lru_cache(maxsize=65_536)
def _marks(char: str) -> tuple[bool, int]:
    """Whether a character is a mark, and how many marks it holds once it is taken apart."""
    parts = unicodedata.normalize("NFD", char)
    return _is_mark(parts[0]), sum(map(_is_mark, parts))


def _is_mark(char: str) -> bool:
    return unicodedata.combining(char) != 0 or unicodedata.category(char)[0] == "M"
