"""What a person says about the photo: the state of the thing, its name, and yes to a guess. From `rules/hints.json`."""

import functools
import re

from stagepass.pipelines.scan.safety import affirmed
from stagepass.pipelines.scan.vocabulary import read, vocabulary


def request_tags(question: str) -> list[str]:
    """Tags of the state that the person describes."""
    return [tag for tag, patterns in _hints().items() if any(affirmed(pattern, question) for pattern in patterns)]


def named(question: str) -> list[str]:
    """What the person names, in the order of the question, as items or ``@group``; of names within one another the longest."""
    text = " ".join(question.lower().split())
    state = [found.span() for patterns in _hints().values() for one in patterns if (found := one.search(text))]
    places: dict[int, tuple[int, str]] = {}
    for name, pattern in _names().items():
        found = pattern.search(text)
        if found is None or any(_cuts(found.span(), one) for one in state):
            continue  # "a metal lid" is no metal
        if found.end() > places.get(found.start(), (0, ""))[0]:
            places[found.start()] = (found.end(), name)
    return list(dict.fromkeys(_meanings()[name] for name in _apart(places)))


def _cuts(name: tuple[int, int], state: tuple[int, int]) -> bool:
    """Whether a name shares words with what was read as a state, and is more than that ("broken glass")."""
    apart = name[1] <= state[0] or state[1] <= name[0]
    return not apart and not (name[0] <= state[0] and state[1] <= name[1] and name != state)


def said_to_be(question: str) -> bool:
    """Whether the person says what it is ("건전지예요", "it's a battery"), rather than asks about something."""
    return any(affirmed(pattern, question) for pattern in _patterns("statements"))


def confirmed(question: str) -> bool:
    """Whether the person says yes to what was asked back ("네, 맞아요")."""
    return any(pattern.search(question) for pattern in _patterns("confirmations"))


def _apart(places: dict[int, tuple[int, str]]) -> list[str]:
    names, end = [], 0
    for place in sorted(places):
        if place >= end:
            end, name = places[place]
            names.append(name)
    return names


@functools.cache
def _meanings() -> dict[str, str]:
    """By a name in small letters: an item, or ``@`` and a group."""
    names: dict[str, str] = {}
    for group in vocabulary().groups.values():
        for korean, english in group.items.items():
            plain = re.sub(r"\(.*?\)", "", korean).strip()
            if len(plain) > 1:
                names[plain] = korean
            names[re.sub(r"\(.*?\)", "", english).strip().lower()] = korean
    return {**names, **read("hints")["names"]}


@functools.cache
def _names() -> dict[str, re.Pattern[str]]:
    """Korean words grow particles, and are written with spaces or without; an English name is a word, or several."""
    return {name: re.compile(_written(name)) for name in _meanings()}


def _written(name: str) -> str:
    if re.search("[가-힣]", name):
        return "(?<![가-힣])" + " ?".join(map(re.escape, name.replace(" ", "")))
    return rf"\b{re.escape(name)}(e?s)?\b"


@functools.cache
def _patterns(name: str) -> list[re.Pattern[str]]:
    return [re.compile(pattern, re.IGNORECASE) for pattern in read("hints")[name]]


@functools.cache
def _hints() -> dict[str, list[re.Pattern[str]]]:
    return {tag: [re.compile(p, re.IGNORECASE) for p in patterns] for tag, patterns in read("hints")["tags"].items()}
