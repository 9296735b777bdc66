"""Lettering: one text in as many fonts as its letters need, measured and drawn from left to right as it is read.

Each script of a text has one font, so that no word changes its look in the middle. Runs of one font and
one direction are drawn whole; Pillow's Raqm shapes those that need it.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from PIL import ImageDraw, ImageFont

from stagepass.providers.local.clip.fonts import chain, font, has, is_bold, must_be_shaped, script

_THICKER = 0.016  # of the size, on either side of a stroke: a font without a bold face beside bold ones
Color = int | tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Run:
    text: str
    face: str
    leftward: bool
    shaped: bool

    def font(self, size: int) -> ImageFont.FreeTypeFont:
        return font(self.face, size, shaped=self.shaped)

    @property
    def direction(self) -> str | None:
        if self.font(8).layout_engine is ImageFont.Layout.BASIC:
            return None
        return "rtl" if self.leftward else "ltr"

    def length(self, size: int) -> float:
        return self.font(size).getlength(self.text, direction=self.direction)


class Lettering:
    """The fonts of one text.

    Args:
        text: as `writable` leaves it.
        face: the font to take wherever it has the letters.
    """

    def __init__(self, text: str, face: str) -> None:
        self._face = face
        strong = (_direction(character) for character in text)
        self._leftward = next((found for found in strong if found is not None), False)
        letters: dict[str, set[str]] = {}
        for character, of in zip(text, _scripts(text), strict=True):
            if of:
                letters.setdefault(of, set()).add(character)
        self._faces = {of: next((n for n in chain(face) if _has_all(n, some)), None) for of, some in letters.items()}

    def length(self, line: str, size: int, spacing: float = 0.0) -> float:
        """The width of a line of the text in pixels; `spacing` between letters is a part of the size."""
        runs = self._runs(line)
        return sum(run.length(size) for run in runs) + _gap(runs, size, spacing) * max(0, len(line) - 1)

    def draw(
        self,
        draw: ImageDraw.ImageDraw,
        place: tuple[float, float],
        line: str,
        size: int,
        fill: Color,
        *,
        border: float = 0,
        spacing: float = 0.0,
        on_middle: bool = False,
    ) -> None:
        """Draw a line of the text, centred on `place`.

        Args:
            draw: the picture.
            place: x of the line's middle, y of its base, pixels.
            line: the line.
            size: of the letters, pixels.
            fill: colour.
            border: around each letter, pixels.
            spacing: between letters, as a part of the size; scripts whose letters join have none.
            on_middle: y is the middle of the letters' height instead.
        """
        runs = self._runs(line)
        gap = _gap(runs, size, spacing)
        x, y = place[0] - self.length(line, size, spacing) / 2, place[1]
        if on_middle:
            ascent, descent = font(self._face, size).getmetrics()
            y += (ascent - descent) / 2
        for run in runs:
            face, direction = run.font(size), run.direction
            stroke = border if is_bold(run.face) else border + size * _THICKER
            # With spacing, letters one by one: Pillow has none, and Hangul and capitals lose no kerning by it.
            for part in run.text if gap else (run.text,):
                draw.text((x, y), part, fill=fill, font=face, anchor="ls", stroke_width=stroke, direction=direction)
                x += face.getlength(part, direction=direction) + gap

    def _runs(self, line: str) -> list[_Run]:
        """The runs of a line in the order in which they are seen."""
        places = zip(line, self._faces_of(line), self._leftwards(line), strict=True)
        runs = []
        for (face, leftward), group in groupby(places, key=lambda place: place[1:]):
            text = "".join(character for character, _, _ in group)
            shaped = leftward or any(must_be_shaped(c) or unicodedata.category(c)[0] == "M" for c in text)
            runs.append(_Run(text, face, leftward, shaped))
        parts = [list(group)[:: -1 if leftward else 1] for leftward, group in groupby(runs, lambda run: run.leftward)]
        return [run for part in parts[:: -1 if self._leftward else 1] for run in part]

    def _faces_of(self, line: str) -> Iterator[str]:
        before = self._face
        for character, of in zip(line, _scripts(line), strict=True):
            wanted = self._faces.get(of) if script(character) else before
            if wanted is None or not (has(wanted, character) or _joins(character)):
                wanted = next((name for name in chain(self._face) if has(name, character)), self._face)
            before = wanted
            yield wanted

    def _leftwards(self, line: str) -> list[bool]:
        """For each character, whether it is read from right to left (Unicode's rules for one line, in short)."""
        found: list[bool | None] = []
        last: bool | None = None
        for character in line:
            own = _direction(character)
            if own is None and (_joins(character) or unicodedata.bidirectional(character) in ("NSM", "EN", "AN")):
                own = last if last is not None else self._leftward  # marks and numbers follow the word before
            last = own if own is not None else last
            found.append(own)
        after: list[bool] = []
        coming = self._leftward
        for own in reversed(found):
            coming = coming if own is None else own
            after.append(coming)
        result, before = [], self._leftward
        for own, coming in zip(found, reversed(after), strict=True):
            before = before if own is None else own
            result.append(own if own is not None else (before if before == coming else self._leftward))
        return result


def _has_all(name: str, letters: set[str]) -> bool:
    return all(_joins(letter) or has(name, letter) for letter in letters)


def _joins(character: str) -> bool:
    return character in "\u200c\u200d"


def _scripts(text: str) -> Iterator[str]:
    """The script of each character; a mark has that of the letter below it."""
    before = ""
    for character in text:
        of = before if unicodedata.category(character)[0] == "M" or _joins(character) else script(character)
        before = of
        yield of


def _direction(character: str) -> bool | None:
    """True for a letter that is read from right to left, False for others, None for no letter."""
    return {"R": True, "AL": True, "L": False}.get(unicodedata.bidirectional(character))


def _gap(runs: list[_Run], size: int, spacing: float) -> float:
    return 0.0 if any(run.shaped for run in runs) else spacing * size
