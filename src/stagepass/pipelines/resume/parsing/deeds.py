"""Finds what a person did: pieces of the résumé, word for word, with the figures in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stagepass.pipelines.resume.models import Deed
from stagepass.pipelines.resume.parsing.acts import (
    change,
    company_in,
    has_noun,
    has_verb,
    is_act,
    is_certificate,
    is_title,
    kind_of,
    numbers,
    title_in,
)
from stagepass.pipelines.resume.parsing.lines import Line, is_school
from stagepass.pipelines.resume.parsing.parts import AROUND, Part, is_names_only, parts_of
from stagepass.pipelines.resume.parsing.periods import periods
from stagepass.pipelines.resume.parsing.skills import find

MOST = 16
"""Deeds that are kept: more than a conversation has room for."""

LONGEST = 140
"""Characters of a piece that can still be quoted in a question."""

SHORTEST = 6
LOOKED_AT = 600
"""Pieces that are looked at: far more than twenty thousand characters of prose hold."""

_PRIVATE = re.compile(
    r"@|https?://|www\.|01[016789][-. ]?\d{3,4}[-. ]?\d{4}|\+\d{1,3}[ -]?\d[\d -]{6,20}|\(\d{3}\)\s?\d{3}-\d{4}|\d{6}-[1-4*]",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?。])\s+(?=\S)")
_COMMA = re.compile(r",\s+(?!\d{3}\b)|\s[|/]\s|;\s+")
_SHORTEST_PART = 11
"""Characters of a part of a list that can stand by itself."""
_WISH = re.compile(
    r"싶습니다|싶다|싶어|하겠습니다|되겠습니다|관심이\s?(?:있|많)|지원합니다|지원하게|지원했습니다|want to|would like to|hope to|looking for|interested in|seeking"
    r"|eager to|available (?:on|upon)|references available|passionate about|사실과 다름|틀림없|위와 같이|nice to meet|my name is|잘 부탁|안녕하세요|성실|책임감|\bI (?:like|love|enjoy|am|believe)\b|좋아합니다|좋아해|최선을 다|노력하는|끊임없이",
    re.I,
)
_YEARS = re.compile(
    r"\d{1,2}\s?년\s?차|경력\s?:?\s?(?:총\s?)?\d|\byears?\b[^,]{0,30}\bexperience|\d{1,2}\+?\s?(?:years?|yrs?)\b", re.I
)


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    line: Line
    told: bool
    """Whether its place says already that it is a deed: a bullet of a job, or the cell of the tasks."""


def deeds(lines: list[Line]) -> list[Deed]:
    """What was done, the most telling first, and each only once."""
    found: list[tuple[float, int, Deed]] = []
    for number, piece in enumerate(_pieces(lines)):
        if number >= LOOKED_AT:
            break
        if _is_deed(piece):
            deed = _deed(piece.text)
            found.append((_weight(deed, piece), -number, deed))
    kept: list[Deed] = []
    for _, _, deed in sorted(found, key=lambda entry: entry[:2], reverse=True):
        if not any(deed.text in other.text or other.text in deed.text for other in kept):
            kept.append(deed)
        if len(kept) == MOST:
            break
    return kept


def _pieces(lines: list[Line]) -> Iterator[_Piece]:
    """Pieces that can be quoted."""
    for line in lines:
        if line.is_heading or line.section in ("skills", "school", "other") or _PRIVATE.search(line.text):
            continue
        if is_school(line.text) and not (line.bulleted and line.section == "work"):
            continue
        for part in parts_of(line):
            if part.tag == "deed":
                yield from _of_part(part, line)


def _of_part(part: Part, line: Line) -> Iterator[_Piece]:
    beside = bool(line.periods)
    told = part.labelled or (line.section in ("work", "project") and line.bulleted)
    for sentence in _SENTENCE.split(part.text):
        for piece in _clauses(sentence):
            bare = piece.strip(AROUND + " .。")
            bare = _balanced(bare, piece)
            if SHORTEST <= len(bare) <= LONGEST:
                yield _Piece(bare, line, told or beside)


def _balanced(bare: str, piece: str) -> str:
    """A bracket that was opened in it stays closed."""
    if bare.count("(") == bare.count(")") + 1 and piece.find(bare + ")") >= 0:
        return bare + ")"
    return bare


def _clauses(sentence: str) -> list[str]:
    """The sentence, or its parts between commas if it starts with a position or is too long to quote.

    A result stands behind a comma as often as another deed does, so a sentence is taken apart only where it must be.
    """
    first = sentence.split(",", 1)[0].strip()
    title = is_title(first) or (bool(_YEARS.search(first)) and title_in(first)) or _at_work(first)
    if len(sentence) <= LONGEST and not (title and first != sentence.strip()):
        return [sentence]
    parts: list[str] = []
    begun = 0
    for comma in [*_COMMA.finditer(sentence), None]:
        part = sentence[begun : comma.start() if comma else None]
        if len(part.strip()) >= _SHORTEST_PART or comma is None:  # what is short stays with what it belongs to
            parts.append(part)
            begun = comma.end() if comma else 0
    return parts[1:] if title and len(parts) > 1 and is_title_like(parts[0]) else parts


def is_title_like(text: str) -> bool:
    """Position, place and duration."""
    return is_title(text) or _at_work(text) or (bool(_YEARS.search(text)) and title_in(text) and not change(text))


def _at_work(text: str) -> bool:
    """‘Baker at Harbor Kitchen’"""
    who, _, where = text.partition(" at ")
    return bool(where) and is_title(who) and not has_verb(text)


def _is_deed(piece: _Piece) -> bool:
    text = piece.text
    if not any(map(str.isalpha, text)) or periods(text) or _WISH.search(text):
        return False
    if is_title(text) or is_title_like(text) or is_certificate(text) or _only_skills(text):
        return False
    counted = bool(numbers(text))
    if not counted and is_names_only(text):
        return False
    if piece.told:
        return counted or is_act(text) or len(text.split()) >= 3
    if _names_a_company(text) and not (has_verb(text) or counted):
        return False
    if counted and piece.line.section in ("work", "project") and len(text) >= 8:
        return True
    korean = any("가" <= char <= "힣" for char in text)
    if korean:
        return has_verb(text) or (counted and is_act(text)) or ((is_act(text) or has_noun(text)) and len(text) >= 7)
    return (
        has_verb(text)
        or (counted and is_act(text))
        or (is_act(text) and len(text.split()) >= 5 and piece.line.section == "work")
    )


def _names_a_company(text: str) -> bool:
    """A company, with nothing behind it but a department."""
    name = company_in(text)
    return bool(name) and not is_act(text[len(name) :])


def _only_skills(text: str) -> bool:
    """A list of tools by themselves."""
    found = find(text)
    if not found or has_verb(text) or numbers(text):
        return False
    rest = text
    for each in found:
        rest = rest.replace(each.text, " ")
    letters = sum(map(str.isalpha, rest))
    return letters * 3 <= sum(map(str.isalpha, text)) and kind_of(rest) == "other"


def _deed(text: str) -> Deed:
    kind = kind_of(text)
    if kind == "other" and change(text):
        kind = "improve"
    return Deed(text=text, kind=kind, numbers=numbers(text)[:4], skills=[f.skill.id for f in find(text)])


def _weight(deed: Deed, piece: _Piece) -> float:
    known = deed.kind != "other"
    length = 0.5 if 15 <= len(deed.text) <= 90 else 0.0
    length -= 1.0 * (len(deed.text) < 10)
    about = 3 * (piece.line.section == "about")
    return (
        3 * bool(deed.numbers)
        + 2 * known
        + min(2, len(deed.skills)) * 0.75
        + length
        + 0.5 * has_verb(deed.text)
        - about
    )
