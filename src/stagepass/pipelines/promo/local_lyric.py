"""The local lyric writer: a song for a business from its own words, without a model or a network.

It recognises the trade (`lyric_trade`), takes the facts out of the details (`lyric_facts`), finds places for
them (`lyric_layout`), and sets lines that people wrote (`rules/`) around them. The same input gives the same lyric.
"""

from collections.abc import Sequence

from stagepass.content.catalogue import match
from stagepass.content.syllables import syllables
from stagepass.pipelines.promo.lyric_facts import facts
from stagepass.pipelines.promo.lyric_layout import SECOND, VERSE, Layout, Unit, lay_out
from stagepass.pipelines.promo.lyric_pen import Pen, filled
from stagepass.pipelines.promo.lyric_reading import sung_name, sung_region
from stagepass.pipelines.promo.lyric_rules import Couplet, spotting, words
from stagepass.pipelines.promo.lyric_trade import recognise
from stagepass.pipelines.promo.models import LyricText
from stagepass.providers.local.text import writes
from stagepass.providers.ports import TextRequest
from stagepass.text import clean

LANGUAGES = ("ko", "en")
"""Supported languages; for others it writes English, and the answer says so."""

_LONGEST_TITLE = 80  # what song makers take (sunoapi.org, V4)


@writes("promo.lyric", model="couplets-2")
def write_lyric(request: TextRequest) -> LyricText:
    """Answer ``promo.lyric`` from the prompt's variables: name, region and details."""
    given = {key: str(value) for key, value in request.facts.items()}
    rules = words(match(request.language, LANGUAGES) or "en")
    name, details = given.get("customer_name", ""), given.get("detail_region_info", "")
    region = given.get("region", "")
    seed = "\n".join((clean(name), clean(region), clean(details, lines=True), rules.language))
    trade = recognise(clean(name), clean(details, lines=True))
    claims = spotting().claims[rules.language]
    # What the rules of a clinic's advertising forbid is not sung for it, although its owner wrote it.
    sung = [fact for fact in facts(details, rules) if not (trade.rules.notice and claims.search(fact.text))]
    layout = lay_out(sung, rules)
    return compose(Pen(trade, rules, seed), sung_name(name, rules.nobody), sung_region(region, rules.language), layout)


def compose(pen: Pen, name: str, region: str | None, layout: Layout) -> LyricText:
    """Write the lyric: a verse of four lines, a chorus of four, and two or four lines more."""
    opening = _opening(pen, region)
    verse = [*opening, *(_told(pen, layout.verse, VERSE, rhyme=opening[1]) or pen.couplet(pen.family.lines))]
    chorus = [*_hook(pen, name), *(_told(pen, layout.chorus, 2) or pen.couplet(pen.family.lines))]
    sections: list[tuple[str, Sequence[str]]] = [("Verse", verse), ("Chorus", chorus)]
    closings = pen.family.closings or pen.manner.closings
    if layout.second:
        second = _told(pen, layout.second, 2 if len(layout.second) == 1 else SECOND)
        sections.append(("Verse 2", second))
        if len(second) <= 2:
            sections.append(("Outro", pen.couplet(closings)))
    else:
        sections.append(("Verse 2", pen.couplet(closings)))
    text = "\n\n".join("\n".join((f"[{part}]", *lines)) for part, lines in sections)
    return LyricText(title=_title(pen, name, region), text=text, language=pen.rules.language)


def _opening(pen: Pen, region: str | None) -> Couplet:
    openings = pen.family.openings or pen.manner.openings
    placed = [opening for opening in openings if region and pen.fits(opening, region=region)]
    return pen.couplet(placed, region=region or "") if placed else pen.couplet(pen.manner.openings_plain)


def _hook(pen: Pen, name: str) -> Couplet:
    """The couplet with the name; a name too long for any frame gets its own line."""
    for hooks in (pen.family.hooks, pen.manner.hooks, pen.rules.hooks_last):
        fitting = [hook for hook in hooks if pen.fits(hook, name=name)]
        if fitting:
            return pen.couplet(fitting, name=name)
    return pen.couplet(pen.rules.hooks_last, name=name)


def _told(pen: Pen, units: Sequence[Unit], room: int, rhyme: str | None = None) -> list[str]:
    """The units' lines, and as many lines of ours after them as fit into `room`; after the later ones first."""
    spare = room - sum(len(unit.lines) for unit in units)
    answered = [unit for unit in units if len(units) <= spare or unit in units[len(units) - max(spare, 0) :]]
    told = [tuple(_sung(pen, unit)) for unit in units]
    for lines in told:
        pen.note(lines)
    answers = dict(zip(map(id, answered), pen.answers(answered, rhyme), strict=True)) if answered and spare > 0 else {}
    return [
        line
        for unit, lines in zip(units, told, strict=True)
        for line in (*lines, *([answers[id(unit)]] if id(unit) in answers else []))
    ]


def _sung(pen: Pen, unit: Unit) -> Sequence[str]:
    least, _ = pen.rules.syllables
    if len(unit.lines) == 1 and syllables(unit.lines[0], pen.rules.language) < least:
        return [pen.padded(unit.lines[0])]
    return unit.lines


def _title(pen: Pen, name: str, region: str | None) -> str:
    frames = [frame for frame in pen.manner.titles if region or "{region}" not in frame]
    titles = [filled(frame, name=name, region=region or "") for frame in frames]
    fitting = [title for title in titles if len(title) <= _LONGEST_TITLE]
    title = pen.first(fitting, "title") if fitting else name[:_LONGEST_TITLE].strip()
    # A name keeps the capitals that its owner gave it.
    return title if title.startswith(name) else title[0].upper() + title[1:]
