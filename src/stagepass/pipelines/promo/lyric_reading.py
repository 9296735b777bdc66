"""Reads a customer's input for the local lyric writer: the words that can be sung, and the themes.

Nothing here invents: a theme is only found where the text names it and does not deny it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stagepass.content.particles import final
from stagepass.content.romanize import romanize
from stagepass.content.syllables import syllables
from stagepass.pipelines.promo.lyric_phrases import phrases
from stagepass.pipelines.promo.lyric_rules import Around, Words, spotting
from stagepass.text import clean

_NOTE = re.compile(r"[(（\[{<〈《【][^)）\]}>〉》】]*[)）\]}>〉》】]")
_COMPANY = re.compile(
    r"^(?:주식회사|유한회사|㈜)\s*|\s*(?:주식회사|유한회사|㈜)$|,?\s+(?:co\.?,?\s*)?(?:ltd|inc|llc|corp|gmbh)\.?$",
    re.IGNORECASE,
)
_NAME_MARKS = " -'’&.+·"
_PROVINCE = re.compile(r"(?:특별자치도|특별자치시|특별시|광역시)$")
_SUNG_REGION = 6


@dataclass(frozen=True, slots=True)
class Brief:
    """Facts about the customer.

    Attributes:
        name: the name as it is sung.
        region: the place as it is sung, or None where none can be.
        kind: a key of the rules' `kinds`.
        themes: keys of the rules' `themes`, in the order of the text; the first two are sung in any case.
        moods: keys of the rules' `moods`, in the order of the genre; at least one.
        phrases: short noun phrases of the customer's own, the longer ones first.
        seed: the same for the same input; what is chosen among equals hangs on it.
    """

    name: str
    region: str | None
    kind: str
    themes: tuple[str, ...]
    moods: tuple[str, ...]
    phrases: tuple[str, ...]
    seed: str


def read(name: str, region: str, details: str, genre: str, rules: Words) -> Brief:
    """Read one customer's input for a lyric in the language of `rules`."""
    about = clean(details, lines=True)
    kind = _kind(clean(name), about)
    themes = list(_found(about, spotting().themes, spotting().negation))
    return Brief(
        name=sung_name(name, rules.nobody),
        region=sung_region(region, rules.language),
        kind=kind,
        themes=tuple(_core_second(themes, spotting().kinds[kind].core)),
        moods=tuple(_found(clean(genre), spotting().moods)) or ("pop",),
        phrases=tuple(sorted((x for x in phrases(about, rules) if _tells_more(x)), key=lambda x: " " not in x)),
        seed="\n".join((clean(name), clean(region), about, clean(genre), rules.language)),
    )


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


def _kind(name: str, details: str) -> str:
    rules = spotting()
    by_name = next((kind for kind, finds in rules.kinds.items() if any(p.search(name) for p in finds.name)), None)
    if by_name:
        return by_name
    in_text = {kind: finds.text for kind, finds in rules.kinds.items()}
    return next(iter(_found(details, in_text, rules.negation, rules.nearby)), "place")


def _tells_more(phrase: str) -> bool:
    """Whether quoting it adds anything to its theme's imagery, and it does not just say what business this is."""
    rules = spotting()
    if any(pattern.search(phrase) for finds in rules.kinds.values() for pattern in finds.text):
        return False
    return not any(pattern.fullmatch(phrase) for patterns in rules.themes.values() for pattern in patterns)


def _core_second(themes: list[str], core: Sequence[str]) -> list[str]:
    """`themes` with one of `core` among the first two, if the text names any: a noodle bar's noodles."""
    late = next((theme for theme in themes[2:] if theme in core), None)
    if late is None or not set(themes[:2]).isdisjoint(core):
        return themes
    return [themes[0], late, *(theme for theme in themes[1:] if theme != late)]


def _found(text: str, wanted: Mapping[str, Sequence[re.Pattern[str]]], *taken_back: Around) -> Iterable[str]:
    """The keys whose patterns are met in `text` and not taken back around it, in the order of the text."""
    places = {
        key: min(
            (
                met.start()
                for pattern in patterns
                for met in pattern.finditer(text)
                if not any(around.holds(text, met.start(), met.end()) for around in taken_back)
            ),
            default=-1,
        )
        for key, patterns in wanted.items()
    }
    return sorted((key for key, place in places.items() if place >= 0), key=lambda key: places[key])
