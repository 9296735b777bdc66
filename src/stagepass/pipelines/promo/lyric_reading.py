"""Reads a customer's name and place for the local lyric writer: what of them can be sung."""

import re
import unicodedata

from stagepass.content.particles import final
from stagepass.content.romanize import romanize
from stagepass.content.syllables import syllables
from stagepass.text import clean

_NOTE = re.compile(r"[(（\[{<〈《【][^)）\]}>〉》】]*[)）\]}>〉》】]")
_COMPANY = re.compile(
    # blanks are taken from their first one, as a whole: each of a thousand would be looked at a thousand times
    r"^(?:주식회사|유한회사|㈜)\s*+|(?:주식회사|유한회사|㈜)$|(?:(?<!\s)\s++(?:주식회사|유한회사|㈜)"
    r"|(?:,|(?<![\s,]))\s++(?:co\.?+,?+\s*+)?(?:ltd|inc|llc|corp|gmbh)\.?)$",
    re.IGNORECASE,
)
_NAME_MARKS = " -'’&.+·"
_PROVINCE = re.compile(r"(?:특별자치도|특별자치시|특별시|광역시)$")
_SUNG_REGION = 6


def sung_name(name: str, nobody: str) -> str:
    """The name as it is sung: without notes in brackets, company forms, emoji and marks.

    `nobody` if none of it can be sung.
    """
    text = clean(name)
    for candidate in (_COMPANY.sub("", _NOTE.sub(" ", text).strip()), text):
        kept = "".join(char if _singable(char) else " " for char in candidate)
        sung = " ".join(kept.split()).strip(_NAME_MARKS)
        if any(char.isalnum() for char in sung):
            return sung
    return nobody


def sung_region(region: str, language: str) -> str | None:
    """The narrowest part of a place that sings well: ``전라북도 군산시`` is ``군산``, ``Portland, Oregon`` Portland."""
    text = clean(region)
    if re.search("[가-힣]", text):
        # Korean places go from the wide to the narrow, most others from the narrow to the wide.
        parts = [_place(part) for part in re.split(r"[\s,/·()]+", text)][::-1]
        parts = [romanize(part) for part in parts] if language != "ko" else parts
    else:
        parts = [part.strip() for part in re.split(r"[,/()]+", text)]
    return next((part for part in parts if _sings(part, language)), None)


def _singable(char: str) -> bool:
    kind = unicodedata.category(char)
    return kind[0] in "LN" or (kind[0] == "M" and not "\ufe00" <= char <= "\ufe0f") or char in _NAME_MARKS


def _place(part: str) -> str:
    stem = _PROVINCE.sub("", part)
    if re.fullmatch(r"[가-힣]{2,}(?<!도)[시군]|[가-힣]{3,}(?<!입)구", stem):
        return stem[:-1]
    return stem


def _sings(place: str, language: str) -> bool:
    if (
        not re.fullmatch(r"[^\W\d_]+(?:[ '’.-]+[^\W\d_]+)*", place)
        or not 1 <= syllables(place, language) <= _SUNG_REGION
    ):
        return False
    return len(place) > 1 and final(place) is not None
