"""Text for pictures: the letters that can be written, and lines that fit.

Text comes from strangers. It is only ever drawn, never parsed (no ASS, no filter string). Emoji and
control characters are left out; letters that no font has are refused at the door (`lacking`).
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from PIL import ImageDraw

from stagepass.providers.local.clip.fonts import BOLD, HEAVY, can_draw, font, is_sign, must_be_shaped
from stagepass.providers.local.clip.lettering import Color, Lettering
from stagepass.text import composed

__all__ = ["BOLD", "HEAVY", "Fitted", "fit", "font", "lacking", "writable"]

_PAUSES = ",.!?;:，、。…"
_JOINERS = "\u200c\u200d"


def writable(text: str) -> str:
    """`text` on one line, composed (NFC), without emoji, control characters and letters that no font has."""
    kept: list[str] = []
    for character in composed(text):
        if character.isspace():
            kept.append(" ")
        elif can_draw(character) or (character in _JOINERS and kept and must_be_shaped(kept[-1])):
            kept.append(character)
    return " ".join("".join(kept).split())


def lacking(text: str) -> list[str]:
    """The letters, marks and digits of `text` that no font has, each once; emoji are not among them."""
    distinct = dict.fromkeys(composed(text))
    return [c for c in distinct if unicodedata.category(c)[0] in "LMN" and not is_sign(c) and not can_draw(c)]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Lines that fit, the font size in pixels at which they do, and their fonts."""

    lines: tuple[str, ...]
    size: int
    lettering: Lettering

    def draw(
        self,
        draw: ImageDraw.ImageDraw,
        place: tuple[float, float],
        line: str,
        fill: Color,
        *,
        border: float = 0,
        spacing: float = 0.0,
        on_middle: bool = False,
    ) -> None:
        """Draw one of the lines; the arguments are those of `Lettering.draw`."""
        self.lettering.draw(draw, place, line, self.size, fill, border=border, spacing=spacing, on_middle=on_middle)


def fit(text: str, face: str, size: int, width: int, smallest: int, spacing: float = 0.0, most: int = 2) -> Fitted:
    """Text on one line or on several of like length, smaller if need be, cut short with … if nothing else helps.

    Args:
        text: as `writable` leaves it.
        face: the font's name.
        size: wanted, pixels.
        width: of the longest line, pixels.
        smallest: size to go down to, pixels.
        spacing: between letters, as a part of the size.
        most: lines.
    """

    # No letter is so narrow that more would fit the lines, and finding the break takes the square of the length.
    text = text[: max(20, 6 * most * width // smallest)]
    lettering = Lettering(text, face)

    def wide(line: str, at: int = size) -> float:
        return lettering.length(line, at, spacing)

    if wide(text) <= width:
        return Fitted((text,), size, lettering)
    lines: tuple[str, ...] = ()
    for count in range(2, most + 1):
        lines = _in_lines(text, count, wide, room=width * size / smallest)
        # A third line comes before letters that are much smaller.
        if max(wide(line) for line in lines) <= width * (1.0 if count == most else 1.25):
            break
    longest = max(wide(line) for line in lines)
    if longest <= width:
        return Fitted(lines, size, lettering)
    shrunk = max(smallest, int(size * width / longest))
    cut = tuple(_cut(line, width, lambda part: wide(part, shrunk)) for line in lines)
    return Fitted(cut, shrunk, lettering)


def _in_lines(text: str, count: int, wide: Callable[[str], float], room: float) -> tuple[str, ...]:
    """Lines of like length, cut between words; a word is only cut where it would not fit by itself even at the smallest size."""
    if count == 2:
        return _in_two(text, wide, room)
    share = max(1, round(len(text) / count))
    best: tuple[float, tuple[str, ...]] | None = None
    words = text.split(" ")
    if len(words) < count or max(wide(word) for word in words) > room:
        first = _between_letters(text, share)
        return (text[:first].rstrip(), *_in_lines(text[first:].lstrip(), count - 1, wide, room))
    for place in range(1, len(words) - count + 2):
        head = " ".join(words[:place])
        lines = (head, *_in_lines(" ".join(words[place:]), count - 1, wide, room))
        cost = max(map(wide, lines))
        if best is None or cost < best[0]:
            best = (cost, lines)
    assert best is not None
    return best[1]


def _in_two(text: str, wide: Callable[[str], float], room: float) -> tuple[str, ...]:
    """Two lines, cut between words; a word is only cut where it would not fit by itself even at the smallest size."""
    words = text.split(" ")
    pairs = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
    longest = max(wide(word) for word in words)
    if longest > room or len(words) == 1:
        middle = _between_letters(text, len(text) // 2)
        pairs.append((text[:middle].rstrip(), text[middle:].lstrip()))

    def cost(pair: tuple[str, str]) -> float:
        # A line that ends with a pause reads better than one that is exactly half.
        return max(map(wide, pair)) * (0.88 if pair[0][-1:] in _PAUSES else 1.0)

    return min(pairs, key=cost)


def _cut(line: str, width: int, wide: Callable[[str], float]) -> str:
    if wide(line) <= width:
        return line
    low, high = 0, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        if wide(line[:middle].rstrip() + "…") <= width:
            low = middle
        else:
            high = middle - 1
    return line[: _between_letters(line, low)].rstrip() + "…"


def _between_letters(text: str, place: int) -> int:
    """`place`, or the one before it that does not take a mark from its letter."""
    while place > 0 and place < len(text) and unicodedata.category(text[place])[0] == "M":
        place -= 1
    return place
