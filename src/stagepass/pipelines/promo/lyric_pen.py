"""Chooses the lyric's own lines around the facts: what fits the trade, can be sung, and was not said before."""

from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from itertools import pairwise, product

from stagepass.content.catalogue import Message
from stagepass.content.particles import final
from stagepass.content.syllables import syllables
from stagepass.pipelines.promo.lyric_layout import Unit
from stagepass.pipelines.promo.lyric_rules import Couplet, FamilyWords, Manner, Words
from stagepass.pipelines.promo.lyric_trade import Trade


class Pen:
    """Writes for one business, and remembers what it wrote so as not to repeat itself.

    Args:
        trade: decides which lines may be sung.
        rules: the words of the lyric's language.
        seed: the same for the same input; what is chosen among equals hangs on it.
    """

    def __init__(self, trade: Trade, rules: Words, seed: str) -> None:
        self.rules = rules
        self.trade = trade
        self.manner: Manner = rules.registers[trade.rules.register_]
        self.family: FamilyWords = rules.families[trade.family]
        self._seed = seed
        self._written: set[str] = set()
        self._stems: set[str] = set()

    def couplet(self, options: Sequence[Couplet], **values: str) -> Couplet:
        """The option that repeats the least of what is written; among equals, the seed chooses."""
        fitting = [option for option in options if self.fits(option, **values)] or options
        filled = [self._filled(option, values) for option in fitting]
        chosen = min(filled, key=lambda lines: (self._echo(lines), self._rank("\n".join(lines))))
        self.note(chosen)
        return chosen

    def answers(self, units: Sequence[Unit], rhyme: str | None = None) -> list[str]:
        """One line to follow each unit; in a language that rhymes they rhyme with each other, or with `rhyme`.

        Args:
            units: one or two.
            rhyme: a line that the first of them should rhyme with.
        """
        choices = [list(self._answers(unit)) for unit in units]
        best = min(product(*choices), key=lambda picked: self._cost([line for _, line in picked], picked, rhyme))
        lines = [line for _, line in best]
        self.note(lines)
        return lines

    def padded(self, line: str) -> str:
        """A fact that is too short to be sung alone, with a few words after it."""
        pads = self.family.pads or self.manner.pads
        fitting = [text for pad in pads if self.singable(text := _message(pad).fill({"x": line}))]
        return min(fitting, key=lambda text: (self._echo([text]), self._rank(text)), default=line)

    def first(self, options: Iterable[str], part: str) -> str:
        """The option that the seed selects."""
        return min(options, key=lambda option: self._rank(f"{part}\n{option}"))

    def fits(self, couplet: Couplet, **values: str) -> bool:
        """Whether both lines can be sung with these values, and each particle follows a word with a known reading."""
        known = all(
            final(value) is not None or f"{{{key}:" not in line for line in couplet for key, value in values.items()
        )
        return known and all(self.singable(line) for line in self._filled(couplet, values))

    def singable(self, line: str) -> bool:
        """Whether a line has a length that can be sung in one breath."""
        least, most = self.rules.syllables
        return least <= syllables(line, self.rules.language) <= most

    def note(self, lines: Iterable[str]) -> None:
        """Remember what is written."""
        for line in lines:
            self._written.add(line)
            self._stems.update(filter(None, map(_stem, line.split())))

    def _answers(self, unit: Unit) -> Iterable[tuple[int, str]]:
        """Lines that may follow, the more telling ones first: of its topic, of its form, of the trade, of the register."""
        praise = self.trade.rules.praise
        pictured = [line for topic in unit.topics if topic in praise for line in self.rules.topics[topic].lines]
        own = self.family.answers or self.rules.answers[self.trade.rules.register_]
        form = "ask" if unit.form == "offer" and self.trade.rules.sober else unit.form
        typed = [] if self.family.only_own or pictured else self.rules.typed.get(form, [])
        for rank, lines in enumerate((pictured, typed, own)):
            yield from ((rank, line) for line in lines)

    def _cost(self, lines: list[str], picked: Sequence[tuple[int, str]], rhyme: str | None) -> tuple[int, str]:
        told = sum(rank for rank, _ in picked)
        again = 20 * sum(line in self._written for line in lines) + 20 * (len(set(lines)) < len(lines))
        partners = [*([rhyme] if rhyme else []), *lines]
        unrhymed = 5 * (len(partners) - 1 - sum(self._rhyme(a, b) for a, b in pairwise(partners)))
        return again + 2 * told + unrhymed + self._echo(lines), self._rank("\n".join(lines))

    def _rhyme(self, a: str, b: str) -> bool:
        if not self.rules.rhymes:
            return True
        one, other = _last(a), _last(b)
        return one != other and any(one in words and other in words for words in self.rules.rhymes.values())

    def _filled(self, couplet: Couplet, values: dict[str, str]) -> Couplet:
        first, second = (_message(line).fill(values) for line in couplet)
        return (first if couplet[0].startswith("{name") else first[0].upper() + first[1:]), second

    def _rank(self, text: str) -> str:
        return sha256(f"{self._seed}\n{text}".encode()).hexdigest()

    def _echo(self, lines: Iterable[str]) -> int:
        whole = sum(line in self._written for line in lines)
        return 20 * whole + sum(_stem(word) in self._stems for line in lines for word in line.split() if _stem(word))


@cache
def _message(frame: str) -> Message:
    return Message.parse(frame)


def filled(frame: str, **values: str) -> str:
    """A frame with its values."""
    return _message(frame).fill(values)


def _last(line: str) -> str:
    return line.split()[-1].strip(",.!?'’").lower() if line.split() else ""


def _stem(word: str) -> str:
    """Enough of a word to hear it again: two syllables of Korean, five letters of English; no small words."""
    bare = word.strip(",.!?'’").lower()
    if bare and "가" <= bare[0] <= "힣":
        return bare[:2] if len(bare) > 1 else ""
    return bare[:5] if len(bare) > 3 else ""
