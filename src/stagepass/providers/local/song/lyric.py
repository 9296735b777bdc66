"""Reads a lyric: its sections by their tags, its lines, and the words in them that can be sung."""

import re
from dataclasses import dataclass
from typing import Literal

LONGEST_LINE = 28  # syllables that are sung in one breath
Part = Literal["intro", "verse", "chorus", "bridge", "outro"]

_TAG = re.compile(
    r"^\s*(?:\[([^\]]*)\]|\(([^)]*)\)|【([^】]*)】|<([^>]*)>"
    r"|([^\s:\uff1a]{1,12}(?:\s?\d{1,2})?)\s*[:\uff1a])\s*$"
)
_MARKS = re.compile(r"[^\w\s'\u2019\-&%+]|_", re.UNICODE)
_PARTS: tuple[tuple[Part, tuple[str, ...]], ...] = (
    ("chorus", ("pre-chorus", "prechorus", "chorus", "hook", "refrain", "drop", "후렴", "코러스", "훅", "사비")),
    ("bridge", ("bridge", "break", "브릿지", "브리지", "간주", "interlude")),
    ("intro", ("intro", "opening", "인트로", "도입", "전주")),
    ("outro", ("outro", "ending", "coda", "아웃트로", "엔딩", "마무리", "후주")),
    ("verse", ("verse", "rap", "벌스", "절")),
)


@dataclass(frozen=True, slots=True)
class LyricLine:
    """One line as written, its sung words, and its section."""

    text: str
    words: str
    part: Part
    section: int


def read(lyric: str) -> list[LyricLine]:
    """Read a lyric's lines in order.

    Lines that are only a tag (``[Chorus]``, ``[후렴]``, ``(Verse 1)``, ``Bridge:``) open a section. Without any tag
    the second half is the chorus. Lines without a word or digit are not sung and are left out; very long ones become
    several.
    """
    lines: list[LyricLine] = []
    part: Part = "verse"
    section, tagged = 0, False
    for raw in lyric.splitlines():
        text = raw.strip().strip("*#").strip()
        found = _part(text)
        if found is not None:
            tagged = True
            part, section = found, section + 1
            continue
        words = spoken_words(text)
        if words:
            lines += [LyricLine(piece, cleaned, part, section) for piece, cleaned in _broken(text, words)]
    return lines if tagged else _halved(lines)


def _part(text: str) -> Part | None:
    match = _TAG.match(text)
    if match is None:
        return None
    name = next(group for group in match.groups() if group is not None).strip().lower()
    for part, words in _PARTS:
        if any(word in name for word in words):
            return part
    square = match.group(1) is not None or match.group(3) is not None
    return "verse" if square else None  # a bracketed line that is no known tag may be words: (oh yeah)


def _broken(text: str, words: str) -> list[tuple[str, str]]:
    """A line too long for one breath, as several; text and words are halved at the space nearest to the middle."""
    if len(syllable_starts(words)) <= LONGEST_LINE:
        return [(text, words)]
    spaces = [index for index, character in enumerate(text) if character == " "]
    middle = min(spaces, key=lambda index: abs(index - len(text) / 2)) if spaces else len(text) // 2
    pieces = []
    for half in (text[:middle].strip(), text[middle:].strip()):
        cleaned = spoken_words(half)
        if cleaned:
            pieces += _broken(half, cleaned)
    return pieces


def spoken_words(text: str) -> str:
    """The spoken text of a line, without marks; empty if it has no word or digit."""
    words = " ".join(_MARKS.sub(" ", text).split())
    return words if any(character.isalnum() for character in words) else ""


def _halved(lines: list[LyricLine]) -> list[LyricLine]:
    half = (len(lines) + 1) // 2 if len(lines) > 2 else len(lines)
    return [
        LyricLine(line.text, line.words, "verse" if index < half else "chorus", 0 if index < half else 1)
        for index, line in enumerate(lines)
    ]


_ENGLISH_NUCLEI = re.compile(r"[aeiouy]+")
_DIGITS = 2  # syllables that a digit takes on average, read out


def syllable_starts(words: str) -> list[bool]:
    """Estimate the syllables of a line, True where one starts a word; used where no voice counts them."""
    starts: list[bool] = []
    for word in words.split():
        count = 0
        for piece in re.findall(r"[a-z']+|\d|\w", word.lower()):
            if piece[0].isascii() and piece[0].isalpha():
                nuclei = len(_ENGLISH_NUCLEI.findall(piece))
                silent = piece.endswith("e") and not piece.endswith("le") and nuclei > 1
                count += max(1, nuclei - silent)
            else:
                count += _DIGITS if piece.isdigit() else 1
        starts += [True] + [False] * (count - 1) if count else []
    return starts
