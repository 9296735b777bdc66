"""Text for pictures: the bundled fonts, what they can write, and lines that fit.

Text comes from strangers. It is only ever drawn, never parsed (no ASS, no filter string), and what the
font cannot write is left out: emoji, control characters, scripts it does not know.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import BytesIO

from PIL import ImageFont

from stagepass.text import composed

BOLD, HEAVY = "NanumGothicBold.ttf", "NanumGothicExtraBold.ttf"

_PAUSES = ",.!?;:，、。…"


@lru_cache(maxsize=2)
def _data(name: str) -> bytes:
    return (files("stagepass") / "assets" / "fonts" / name).read_bytes()


@lru_cache(maxsize=64)
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A bundled font at `size` pixels. Basic layout: the same result on every machine, enough for Hangul and Latin."""
    return ImageFont.truetype(BytesIO(_data(name)), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def _can_write(character: str) -> bool:
    face = font(BOLD, 32)
    return bytes(face.getmask(character)) != bytes(face.getmask("\U0010ffff"))


def writable(text: str) -> str:
    """`text` on one line, composed (NFC), without what the font cannot write."""
    kept = []
    for character in composed(text):
        if character.isspace():
            kept.append(" ")
        elif unicodedata.category(character)[0] != "C" and _can_write(character):
            kept.append(character)
    return " ".join("".join(kept).split())


@dataclass(frozen=True, slots=True)
class Fitted:
    """Lines that fit, and the font size in pixels at which they do."""

    lines: tuple[str, ...]
    size: int


def fit(text: str, face: str, size: int, width: int, smallest: int, spacing: float = 0.0) -> Fitted:
    """Text on one line or on two of like length, smaller if need be, cut short with … if nothing else helps.

    Args:
        text: as `writable` leaves it.
        face: the font's name.
        size: wanted, pixels.
        width: of the longest line, pixels.
        smallest: size to go down to, pixels.
        spacing: between letters, as a part of the size.
    """

    def wide(line: str, at: int = size) -> float:
        return font(face, at).getlength(line) + spacing * at * max(0, len(line) - 1)

    if wide(text) <= width:
        return Fitted((text,), size)
    lines = _in_two(text, wide, room=width * size / smallest)
    longest = max(wide(line) for line in lines)
    if longest <= width:
        return Fitted(lines, size)
    shrunk = max(smallest, int(size * width / longest))
    return Fitted(tuple(_cut(line, width, lambda part: wide(part, shrunk)) for line in lines), shrunk)


def _in_two(text: str, wide: Callable[[str], float], room: float) -> tuple[str, ...]:
    """Two lines, cut between words; a word is only cut where it would not fit by itself even at the smallest size."""
    words = text.split(" ")
    pairs = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
    longest = max(wide(word) for word in words)
    if longest > room or len(words) == 1:
        pairs.append((text[: len(text) // 2].rstrip(), text[len(text) // 2 :].lstrip()))

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
    return line[:low].rstrip() + "…"
