"""What a person says about the photo: the state of the thing, its name, and yes to a guess."""

import dataclasses
import functools
import re
from collections.abc import Iterable

from stagepass.pipelines.scan.local import english, korean
from stagepass.pipelines.scan.local.korean import Found
from stagepass.pipelines.scan.local.names import is_korean, is_place
from stagepass.pipelines.scan.safety import affirmed
from stagepass.pipelines.scan.vocabulary import read

PARTS = {"label_on", "label_off", "tape_on", "address_label_on", "straw_attached", "film_lid_on", "cap_other_material"}
"""States that name a part of the thing: the part is not what is asked about."""

_POINTS = re.compile(
    r"(?<![가-힣])(?:이|이거|이건|이게|요|저)\s|(?:예요|이에요|인가요|인지|맞나요|맞아요|일까요)\s*[?？]|\b(?:this|these|is it|is that)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"[?？]|어디|어떻|어케|어째|버[리려릴]|되나|될까|돼|나요|까요|은요|는요|분리|재활용|방법|\b(?:where|how|what|which|can|should|do|does|is|are|go|goes|throw|recycle|dispose)\b",
    re.IGNORECASE,
)


def request_tags(question: str) -> list[str]:
    """Tags of the state that the person describes."""
    return [tag for tag, patterns in _hints().items() if any(affirmed(pattern, question) for pattern in patterns)]


def named(question: str, *, places: bool = True) -> list[str]:
    """What the person asks about, as items or ``@group``; where they ask about nothing by name, what they mention.

    Without `places`, names of materials and of bins do not count by themselves ("is this paper?").
    """
    found = [_names(sentence) for sentence in _sentences(question)]
    if not places:
        found = [[one for one in names if not (one.item.startswith("@") and is_place(one.name))] for names in found]
    about = [names for names in found if any(map(korean.topic, _asked(names)))] or found
    asked = [one.item for names in about for one in _asked(names)]
    if not asked:
        asked = [one.item for names in found for one in names if one.role == "context"]
    return list(dict.fromkeys(asked))


def said_to_be(question: str) -> bool:
    """Whether the person says what it is ("건전지예요", "it's a battery"), rather than asks about something."""
    return any(affirmed(pattern, question) for pattern in _patterns("statements"))


def points(question: str) -> bool:
    """Whether the person means the very thing on the photo ("이 건전지", "this battery")."""
    return bool(_POINTS.search(question))


def confirmed(question: str) -> bool:
    """Whether the person says yes to what was asked back ("네, 맞아요")."""
    return any(pattern.search(question) for pattern in _patterns("confirmations"))


def unknown_word(question: str) -> str | None:
    """What the person calls the thing, where no name in the question is known."""
    common = set(read("hints")["common"])
    words = re.findall(r"[가-힣]+|[a-z][a-z-]+", question.lower())
    left = [_stem(word) for word in words if not _ASKS.search(word)]
    kept = [word for word in left if len(word) > 1 and word not in common]
    return max(kept, key=len, default=None)


def _stem(word: str) -> str:
    return re.sub(r"(?:이에요|예요|인데요|인데|이랑|에서|은|는|이|가|을|를|도|의|만|요)++$", "", word) or word


# ── names in sentences ───────────────────────────────────────────────────────────────────────────


def _sentences(question: str) -> list[str]:
    """The sentences that ask; all of them, where none does."""
    found = [part for part in re.findall(r"[^.!?？\n]+[.!?？]?", " ".join(question.split())) if part.strip()]
    asking = [part for part in found if _ASKS.search(part) and _names(part)]
    return asking or found


@functools.lru_cache(maxsize=256)
def _found(sentence: str) -> tuple[Found, ...]:
    return tuple(korean.find(sentence) if is_korean(sentence) else english.find(sentence))


def _names(sentence: str) -> list[Found]:
    """The names of a sentence but those that only tell a state."""
    states = [
        (hit.start(), hit.end(), tag)
        for tag, patterns in _hints().items()
        for pattern in patterns
        if (hit := pattern.search(sentence))
    ]
    kept: list[Found] = []
    for one in _found(sentence):
        if (state := _tells(one, states)) is None:
            kept.append(one)
        elif kept and kept[-1].role == "modifier":  # "페트병 라벨 뗐어요" is about the bottle
            kept[-1] = dataclasses.replace(kept[-1], role="asked")
        elif one.start < state:
            kept += [whole for whole in _found(sentence[:state]) if whole.end > one.start and len(whole.name) > 1]
    return [one for one in kept if one.role in ("asked", "context")]


def _tells(one: Found, states: Iterable[tuple[int, int, str]]) -> int | None:
    """Where the words on the state begin, in which it is a part; where it is all of them, it is asked about."""
    parts = (
        start
        for start, end, tag in states
        if tag in PARTS and start < one.end <= end and (one.start, one.end) != (start, end)
    )
    return next(parts, None)


def _asked(names: list[Found]) -> list[Found]:
    """What is asked about: a topic before all else, and what is linked to it by "and"."""
    asked = [one for one in names if one.role == "asked"]
    topics = [number for number, one in enumerate(asked) if korean.topic(one)]
    if not topics or len(asked) == 1:
        return asked
    first = topics[-1]
    while first > 0 and (
        asked[first - 1].linked or (asked[first - 1].end + 2 >= asked[first].start and first - 1 in topics)
    ):
        first -= 1
    return asked[first : topics[-1] + 1]


# ── patterns ─────────────────────────────────────────────────────────────────────────────────────


@functools.cache
def _patterns(name: str) -> list[re.Pattern[str]]:
    return [re.compile(pattern, re.IGNORECASE) for pattern in read("hints")[name]]


@functools.cache
def _hints() -> dict[str, list[re.Pattern[str]]]:
    return {tag: [re.compile(p, re.IGNORECASE) for p in patterns] for tag, patterns in read("hints")["tags"].items()}
