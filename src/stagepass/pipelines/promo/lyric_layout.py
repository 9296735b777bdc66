"""Puts the facts into the places that a lyric has for them: two lines of the verse, four of the second, two of the chorus."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from stagepass.content.syllables import syllables
from stagepass.pipelines.promo.lyric_facts import Fact
from stagepass.pipelines.promo.lyric_rules import Words

VERSE, CHORUS, SECOND = 2, 2, 4
"""Lines for facts and what follows them."""

_FEW = 3  # lines of facts that each have room for a line of ours
_ROOMY = 4
_SHORT = {"ko": 7, "en": 6}


@dataclass(frozen=True, slots=True)
class Unit:
    """What is sung together: one fact, or two or three short ones in one line."""

    facts: tuple[Fact, ...]
    lines: tuple[str, ...]

    @property
    def form(self) -> str:
        """The form of the fact that is heard last, which a following line answers."""
        return self.facts[-1].form

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of the last fact."""
        return self.facts[-1].topics


@dataclass(frozen=True, slots=True)
class Layout:
    """The units of each section, in the order of the text; `left` found no room."""

    verse: tuple[Unit, ...]
    chorus: tuple[Unit, ...]
    second: tuple[Unit, ...]
    left: tuple[Fact, ...]


def lay_out(facts: Sequence[Fact], rules: Words) -> Layout:
    """Find a place for each fact that can be sung; short ones share a line where there are many."""
    units = _gathered([Unit((fact,), fact.lines) for fact in _each_once(facts)], rules)
    total = _lines(units)
    verse, rest = _taken(units, 1 if total <= _FEW else VERSE, least=1)
    chorus: list[Unit] = []
    if _lines(rest) > SECOND:
        chorus, rest = _taken(rest, CHORUS)
    second, left = _taken(rest, SECOND)
    dropped = tuple(fact for unit in left for fact in unit.facts)
    return Layout(tuple(verse), tuple(chorus), tuple(second), dropped)


def _each_once(facts: Sequence[Fact]) -> Iterator[Fact]:
    """The facts that can be sung, but for those that would repeat a line: two texts may be sung by one noun."""
    heard: set[str] = set()
    for fact in facts:
        lines = {line.casefold() for line in fact.lines}
        if lines and not lines & heard:
            heard |= lines
            yield fact


def _gathered(units: list[Unit], rules: Words) -> list[Unit]:
    least, most = rules.syllables
    while True:
        pairs = [
            (_heard(f"{a.lines[0]} {b.lines[0]}", rules), place)
            for place, (a, b) in enumerate(pairwise(units))
            if _joinable(a, rules) and _joinable(b, rules)
        ]
        tiny = {place for place, unit in enumerate(units) if _heard(unit.lines[0], rules) < least}
        crowded = _lines(units) > _ROOMY
        wanted = [
            pair for pair in pairs if pair[0] < most and (crowded or (len(units) > 1 and tiny & {pair[1], pair[1] + 1}))
        ]
        if not wanted:
            return units
        _, place = min(wanted)
        units = [*units[:place], _joined(units[place], units[place + 1]), *units[place + 2 :]]


def _joinable(unit: Unit, rules: Words) -> bool:
    plain = len(unit.lines) == 1 and not any(fact.sentence for fact in unit.facts)
    return (
        plain
        and len(unit.facts) < 3
        and (len(unit.facts) > 1 or _heard(unit.lines[0], rules) <= _SHORT[rules.language] + 2)
    )


def _joined(a: Unit, b: Unit) -> Unit:
    own = b.facts[0].text[:1]  # as it was typed: inside a line nothing needs a capital
    later = own + b.lines[0][1:] if own.upper() == b.lines[0][:1] else b.lines[0]
    return Unit((*a.facts, *b.facts), (f"{a.lines[0]}, {later}",))


def _taken(units: list[Unit], room: int, least: int = 0) -> tuple[list[Unit], list[Unit]]:
    """The units that fill `room` lines, in order, and the others; at least `least`, if it has two lines at most."""
    taken: list[Unit] = []
    rest: list[Unit] = []
    for unit in units:
        fits = _lines([*taken, unit]) <= room or (len(taken) < least and len(unit.lines) <= VERSE)
        (taken if fits else rest).append(unit)
    return taken, rest


def _lines(units: Sequence[Unit]) -> int:
    return sum(len(unit.lines) for unit in units)


def _heard(line: str, rules: Words) -> int:
    return syllables(line, rules.language)
