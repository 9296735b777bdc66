"""Finds the person's own name, so that it is taken for no skill and no deed."""

import re
from collections.abc import Callable

from stagepass.pipelines.resume.parsing.sections import heading, label_of

_KOREAN = re.compile(r"[가-힣]{2,4}|[가-힣](?: [가-힣]){1,3}")
_LATIN = re.compile(
    r"[A-Z][A-Za-z'’.]{0,20}(?:[ -][A-Z][A-Za-z'’.-]{0,20}){1,3}|[A-Z][A-Z'-]{1,20},? [A-Z][a-zA-Z'-]{1,20}"
)
_BEHIND = re.compile(r"\s?[(\[（|/·,]\s?(?P<other>[^()\[\]|/]{2,40})[)\]）]?")
_LABELLED = re.compile(
    r"^[ \t■●•*-]{0,4}(?:성\s?명|이\s?름|한글\s?이름|영문\s?이름|영문명|full name|name)\s?[:：|]?\s{1,4}(?P<name>[^\n|/,]{2,40})",
    re.I | re.M,
)
LOOKED_AT = 4
"""Lines from the top among which the name stands, if it stands by itself."""


def without_name(text: str, known: Callable[[str], bool] = lambda part: False) -> str:
    """The text with the person's name blanked out, letter for letter.

    Args:
        known: tells what is no name although it looks like one: Spring Boot.
    """
    for match in list(_LABELLED.finditer(text[:2000]))[:3]:
        text = _blanked(text, *match.span("name"))
    at = 0
    seen = 0
    for line in text[:2000].split("\n"):
        bare = line.strip()
        if bare:
            seen += 1
            if is_name(bare) and not any(known(part) for part in re.split(r"[,/()|·]", bare)):
                begin = at + line.find(bare)
                return _blanked(text, begin, begin + len(bare))
            if seen >= LOOKED_AT or not heading(bare):
                return text
        at += len(line) + 1
    return text


def is_name(line: str) -> bool:
    """Whether a line at the top of a résumé can only be a name, with or without its spelling in the other script."""
    if label_of(line) or len(line) > 60:
        return False
    bare = line.strip(" #*_")
    if _KOREAN.fullmatch(bare) or _LATIN.fullmatch(bare):
        return True
    for pattern in (_KOREAN, _LATIN):
        first = pattern.match(bare)
        if first and (behind := _BEHIND.fullmatch(bare, first.end())):
            other = behind["other"].strip()
            if (
                _KOREAN.fullmatch(other)
                or _LATIN.fullmatch(other)
                or re.fullmatch(r"[一-鿿]{2,4}|[A-Z][a-z]+ [A-Z][a-z]+", other)
            ):
                return True
    return False


def _blanked(text: str, begin: int, end: int) -> str:
    return text[:begin] + "\0" * (end - begin) + text[end:]
