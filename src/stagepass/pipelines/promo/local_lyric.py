"""The local lyric writer: a song for a business from its own words, without a model or a network.

It reads the input (`lyric_reading`), and sets couplets that people wrote (`rules/`) around what it
found. The same input gives the same lyric; another input other lines.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256

from stagepass.content.catalogue import Message, match
from stagepass.content.particles import final
from stagepass.content.syllables import syllables
from stagepass.pipelines.promo.lyric_reading import Brief, read
from stagepass.pipelines.promo.lyric_rules import Couplet, Words, words
from stagepass.pipelines.promo.models import LyricText
from stagepass.providers.local.text import writes
from stagepass.providers.ports import TextRequest

LANGUAGES = ("ko", "en")
"""Supported languages; for others it writes English, and the answer says so."""

_LONGEST_TITLE = 80  # what song makers take (sunoapi.org, V4)


@writes("promo.lyric", model="couplets-1")
def write_lyric(request: TextRequest) -> LyricText:
    """Answer ``promo.lyric`` from the prompt's variables: name, region, details and genre."""
    facts = {key: str(value) for key, value in request.facts.items()}
    rules = words(match(request.language, LANGUAGES) or "en")
    brief = read(
        facts.get("customer_name", ""),
        facts.get("region", ""),
        facts.get("detail_region_info", ""),
        facts.get("genre", ""),
        rules,
    )
    return compose(brief, rules)


def compose(brief: Brief, rules: Words) -> LyricText:
    """Write the lyric: a verse of four lines, a chorus of four, and two or four lines more."""
    pen = _Pen(brief, rules)
    details = [rules.themes[theme] for theme in brief.themes]
    verse = [*_opening(pen), *(pen.couplet(details[0].couplets) if details else pen.couplet(pen.kind.couplets))]
    chorus = [*_hook(pen), *pen.couplet(pen.moods[0].chorus)]
    sections = [("Verse", verse), ("Chorus", chorus), *_rest(pen)]
    text = "\n\n".join("\n".join((f"[{name}]", *lines)) for name, lines in sections)
    return LyricText(title=_title(pen), text=text, language=rules.language)


def _opening(pen: "_Pen") -> Couplet:
    region = pen.brief.region
    placed = [opening for opening in pen.rules.openings if region and pen.fits(opening, region=region)]
    return pen.couplet(placed, region=region or "") if placed else pen.couplet(pen.rules.openings_plain)


def _hook(pen: "_Pen") -> Couplet:
    """The couplet with the name; a name too long for any frame gets its own line."""
    name = pen.brief.name
    groups = [pen.kind.hooks, pen.rules.hooks]
    for hooks in groups if pen.toss("kind or any") else reversed(groups):
        fitting = [hook for hook in hooks if pen.fits(hook, name=name)]
        if fitting:
            return pen.couplet(fitting, name=name)
    last = pen.rules.hooks_last
    fitting = [hook for hook in last if pen.fits(hook, name=name)]
    return pen.couplet(fitting or [hook for hook in last if hook[0] == "{name}"], name=name)


def _rest(pen: "_Pen") -> Iterable[tuple[str, Sequence[str]]]:
    """The part after the chorus: the remaining themes, and a closing line if there is room."""
    second = pen.brief.themes[1:2]
    lines = [line for theme in second for line in pen.couplet(pen.rules.themes[theme].couplets)]
    lines.extend(_more(pen))
    yield "Verse 2", lines or pen.couplet(pen.kind.couplets)
    if len(lines) <= 2:
        yield "Outro", pen.couplet(pen.moods[-1].outro)


def _more(pen: "_Pen") -> Sequence[str]:
    """The customer's own words, or two more details by name, or one more in full; nothing where there is none."""
    rules, later = pen.rules, pen.brief.themes[2:]
    nouns = [noun for theme in later if (noun := rules.themes[theme].noun)]
    # What stands far apart in the text differs most.
    pair = {"a": nouns[0], "b": nouns[-1]} if len(nouns) > 1 else {}
    lists = [couplet for couplet in rules.lists if pair and pen.fits(couplet, **pair)]
    quotes = {x: [frame for frame in rules.phrases.couplets if pen.fits(frame, x=x)] for x in pen.brief.phrases}
    quotable = [x for x, frames in quotes.items() if frames]
    if quotable and not (lists and pen.toss("quote or list")):
        x = pen.first(quotable[:2], "phrase")
        return pen.couplet(quotes[x], x=x)
    if lists:
        return pen.couplet(lists, **pair)
    return pen.couplet(rules.themes[later[0]].couplets) if later else ()


def _title(pen: "_Pen") -> str:
    nouns = [noun for theme in pen.brief.themes if (noun := pen.rules.themes[theme].noun)]
    values = {"name": pen.brief.name, **({"a": _title_case(nouns[0])} if nouns else {})}
    frames = pen.rules.titles if nouns else pen.rules.titles_plain
    titles = [_message(frame).fill(values) for frame in frames if pen.speakable(frame, values)]
    fitting = [title for title in titles if len(title) <= _LONGEST_TITLE]
    title = pen.first(fitting, "title") if fitting else pen.brief.name[:_LONGEST_TITLE].strip()
    # A name keeps the capitals that its owner gave it.
    return title if title.startswith(pen.brief.name) else title[0].upper() + title[1:]


def _title_case(noun: str) -> str:
    small = ("a", "an", "and", "at", "by", "of", "the")
    cased = [word if word in small else word.capitalize() for word in noun.split()]
    return " ".join(cased)


class _Pen:
    """Chooses couplets for one brief, and remembers what it wrote so as not to repeat itself."""

    def __init__(self, brief: Brief, rules: Words) -> None:
        self.brief = brief
        self.rules = rules
        self.kind = rules.kinds[brief.kind]
        self.moods = [rules.moods[mood] for mood in brief.moods]
        self._lines: set[str] = set()
        self._ends: set[str] = set()
        self._said: set[str] = set()

    def couplet(self, options: Sequence[Couplet], **values: str) -> Couplet:
        """The option that repeats the least of what is written; among equals, the seed chooses."""
        fitting = [option for option in options if self.fits(option, **values)] or options
        filled = [self._fill(option, values) for option in fitting]
        chosen = min(filled, key=lambda lines: (self._echo(lines), self._rank("\n".join(lines))))
        self._write(chosen)
        return chosen

    def first(self, options: Iterable[str], part: str) -> str:
        """The one of `options` that the seed chooses."""
        return min(options, key=lambda option: self._rank(f"{part}\n{option}"))

    def toss(self, part: str) -> bool:
        """Heads or tails, by the seed."""
        return self.first(("heads", "tails"), part) == "heads"

    def fits(self, couplet: Couplet, **values: str) -> bool:
        """Whether both lines can be sung and spoken with these values in them."""
        speakable = all(self.speakable(line, values) for line in couplet)
        return speakable and all(self.fits_line(line) for line in self._fill(couplet, values))

    def fits_line(self, line: str) -> bool:
        """Whether a line has a length that can be sung in one breath."""
        least, most = self.rules.syllables
        return least <= syllables(line, self.rules.language) <= most

    def speakable(self, frame: str, values: dict[str, str]) -> bool:
        """Whether each particle in the frame follows a word with a known reading: 은(는) cannot be sung."""
        return all(final(value) is not None or f"{{{key}:" not in frame for key, value in values.items())

    def _fill(self, couplet: Couplet, values: dict[str, str]) -> Couplet:
        first, second = (_message(line).fill(values) for line in couplet)
        starts_with_name = couplet[0].startswith("{name")
        return first if starts_with_name else first[0].upper() + first[1:], second

    def _rank(self, text: str) -> str:
        return sha256(f"{self.brief.seed}\n{text}".encode()).hexdigest()

    def _write(self, lines: Couplet) -> None:
        self._lines.update(lines)
        self._ends.update(_stem(line.split()[-1]) for line in lines)
        self._said.update(_stem(word) for line in lines for word in line.split())

    def _echo(self, lines: Couplet) -> int:
        """Overlap of `lines` with earlier ones: whole lines, last words, and words."""
        whole = sum(line in self._lines for line in lines)
        ends = sum(_stem(line.split()[-1]) in self._ends for line in lines)
        again = sum(stem in self._said for line in lines for word in line.split() if len(stem := _stem(word)) > 1)
        return 20 * whole + 2 * ends + again


@cache
def _message(frame: str) -> Message:
    return Message.parse(frame)


def _stem(word: str) -> str:
    """Enough of a word to hear it again: two syllables of Korean, five letters of English; no small words."""
    bare = word.strip(",.!?'’").lower()
    if bare and "가" <= bare[0] <= "힣":
        return bare[:2]
    return bare[:5] if len(bare) > 3 else ""
