"""Takes a line apart at its cells, labels, periods and marks: an employer, a position, or something done."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from stagepass.pipelines.resume.parsing.acts import (
    company_in,
    has_company,
    has_noun,
    has_verb,
    is_act,
    is_place,
    is_title,
    numbers,
)
from stagepass.pipelines.resume.parsing.lines import Line
from stagepass.pipelines.resume.parsing.sections import label_of

Tag = Literal["company", "role", "deed", "head"]

AROUND = " \t·,;:()[]{}|-–—~*#•/_`「」<>→"

_CELL = re.compile(r"\s?[|｜│]\s?|\t+|\s{3,}")
_BRACKETED = re.compile(r"[\[【〔<(]\s?([^\[\]【】〔〕<>()]{1,20})\s?[\]】〕>)]\s{0,3}")
_INLINE = re.compile(r"\s?[:：]\s?")
_HEAD = re.compile(r"\s?[|｜│/·@]\s?|,\s|\s[-–—]\s|\t|\s{2,}|\((?!주\))|(?<!주)\)(?!\S)|\sat\s|\s[-–—](?=[가-힣])")
_LASTED = re.compile(
    r"[(\[]?\s?(?:총\s?|약\s?)?(?:\d{1,2}\s?년\s?)?\d{1,2}\s?(?:개월|년)(?:\s?\d{1,2}\s?일)?(?:\s?(?:간|근무|재직|동안))?\s?[)\]]?"
    r"|[(\[]\s?(?:\d{1,2}\s?(?:years?|yrs?\.?)\s?,?\s?)?(?:\d{1,2}\s?(?:months?|mos?\.?))?\s?[)\]]",
    re.IGNORECASE,
)
_DEPARTMENT = re.compile(
    r"(?:팀|부|과|실|본부|파트|사업부|병동|응급실|중환자실|수술실|Department|Team|Division|Unit|Ward|Dept\.?)$", re.I
)


def trimmed(text: str) -> str:
    """Without blanks and marks around it; the bracket of (주) stays."""
    bare = text.strip(AROUND)
    return f"({bare}" if bare.startswith("주)") and f"({bare}" in text else bare


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line, word for word, and what it is; ``head`` for what may be a name."""

    text: str
    tag: Tag
    labelled: bool = False


def parts_of(line: Line) -> list[Part]:
    """The pieces of a line that has a period, or cells, or labels; of any other the line itself, as a deed."""
    found: list[Part] = []
    for text, label in _cells(line):
        if label in ("private", "wish", "period", "skills", "school", "other", "title"):
            continue
        if label in ("company", "role"):
            found += _labelled(text, "company" if label == "company" else "role")
        elif line.periods and label in (None, "work", "project", "about"):
            found += _of_entry(text)
        elif label is not None:
            found += [Part(text, "deed", labelled=label != "about")]
        elif line.periods:
            found += _of_entry(text)
        else:
            found += [Part(text, "deed")]
    return found


def _labelled(text: str, tag: Tag) -> list[Part]:
    pieces = [piece for piece in (trimmed(p) for p in re.split(r"\s?[,|]\s", text)) if piece]
    return [Part(piece, "deed" if _done(piece) else tag, labelled=True) for piece in pieces]


def _cells(line: Line) -> Iterator[tuple[str, str | None]]:
    """The cells of a line without its periods, each with the label that it has."""
    label: str | None = None
    pieces = [piece for text in _without_periods(line) for piece in _CELL.split(text)]
    several = len([piece for piece in pieces if piece.strip(AROUND)]) > 1
    for piece in pieces:
        bare = piece.strip(" \t*_#`")
        if not bare.strip(AROUND):
            continue
        if several and (found := label_of(bare)):
            label = found
            continue
        bracketed = _BRACKETED.match(bare)
        inline = _INLINE.search(bare)
        if bracketed and (found := label_of(bracketed[1])):
            yield bare[bracketed.end() :].strip(), found
        elif inline and inline.start() and (found := label_of(bare[: inline.start()])):
            yield bare[inline.end() :].strip(), found
        else:
            yield bare, label
        label = None


def _without_periods(line: Line) -> Iterator[str]:
    """What stands before, between and after the periods; how long each lasted is left out too."""
    bare = line.bare
    shift = line.at + line.text.find(bare)
    begun = 0
    for period in line.periods:
        yield bare[begun : max(begun, period.at - shift)]
        begun = max(begun, min(len(bare), period.to - shift))
        if lasted := _LASTED.match(bare[begun:].lstrip(" )]")):
            begun = len(bare) - len(bare[begun:].lstrip(" )]")) + lasted.end()
    yield bare[begun:]


def _of_entry(text: str) -> list[Part]:
    """A piece beside a period: names, and what was done there behind a colon, a dash or the period itself."""
    text = trimmed(text)
    if not text:
        return []
    colon = _INLINE.search(text)
    if colon and colon.start() and not is_act(text[: colon.start()]):
        return [*_of_entry(text[: colon.start()]), *_of_entry(text[colon.end() :])]
    pieces = [piece for each in _HEAD.split(text) if (piece := trimmed(each))]
    names = len(pieces) > 1 and not _done(pieces[0])
    if _done(text) and not names:
        name = company_in(text)
        named = name and not has_verb(name) and not numbers(name)
        return [*([Part(name, "company")] if named else []), Part(text, "deed")]
    found = [part for piece in pieces if (part := _named(piece))]
    done = next((n for n, part in enumerate(found) if part.tag == "deed"), None)
    if done is None:
        return found
    behind = text[text.find(found[done].text) :]  # a deed keeps its own commas
    return [*found[:done], Part(behind, "deed")]


def _named(piece: str) -> Part | None:
    if len(piece) < 2 or not any(map(str.isalpha, piece)) or is_place(piece) or len(piece) > 60:
        return None
    if is_title(piece):
        return Part(piece, "role")
    if has_company(piece) and not _done(piece):
        return Part(piece, "company")
    if _done(piece) and len(piece) >= 6:
        return Part(piece, "deed")
    return Part(piece, "head")


def names_of(text: str) -> list[Part]:
    """The names in a line that stands above or below a period."""
    return [part for piece in _HEAD.split(text) if (part := _named(trimmed(piece))) and part.tag != "deed"]


def is_names_only(text: str) -> bool:
    """Whether a text lists positions, departments, companies and places, and tells of nothing done."""
    pieces = [piece for each in _HEAD.split(text) if (piece := trimmed(each))]
    if not any(map(is_title, pieces)):
        return False
    return all(is_title(p) or is_department(p) or is_place(p) or (has_company(p) and not has_verb(p)) for p in pieces)


def is_department(text: str) -> bool:
    """Whether a name is that of a part of a company."""
    return bool(_DEPARTMENT.search(text))


def _done(text: str) -> bool:
    """Whether a text beside a period tells of work rather than of a name."""
    if numbers(text) and not is_title(text):
        return True
    if has_verb(text):
        return True
    if is_title(text) or has_company(text):
        return False
    return (has_noun(text) and len(text) >= 8) or (is_act(text) and len(text.split()) >= 3)
