"""Runs of a PDF page: letters that stand beside each other, with their place. What the file calls a line is not asked.

A page's own rotation is not asked either: letters are turned so that most of them stand upright.
"""

import ctypes
import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as raw

MOST = 200_000
"""Letters of a page that are looked at."""

APART = 1.0
"""Of a letter's size: what is further apart is another run."""

_HYPHENS = {0x02, 0xFFFE}


@dataclass(slots=True)
class Run:
    """Text on one baseline, in points, with `y` upwards."""

    text: str
    left: float
    right: float
    y: float
    size: float
    first_word: float
    """How wide its first word is."""


@dataclass(slots=True)
class _Letter:
    char: str
    left: float
    right: float
    bottom: float
    top: float
    x: float
    y: float


def runs_of(page: Any, paper: tuple[float, float, float, float]) -> tuple[list[Run], tuple[float, float]]:
    """Every run of a `pypdfium2` text page, in the order of the file; and where the turned paper begins and ends.

    Args:
        paper: the page's left, bottom, right and top edge.
    """
    lines = list(_lines(page))
    turn = _direction(lines)
    left, bottom, right, top = paper
    edges = {0: (left, right), 1: (bottom, top), 2: (-right, -left), 3: (-top, -bottom)}[turn]
    return [_run(part) for line in lines for part in _split([_turned(letter, turn) for letter in line]) if part], edges


def _lines(page: Any) -> Iterator[list[_Letter]]:
    """Letters up to each line break, as pdfium has them."""
    box = [ctypes.c_double() for _ in range(4)]
    origin = [ctypes.c_double() for _ in range(2)]
    line: list[_Letter] = []
    high = 0
    for index in range(min(MOST, raw.FPDFText_CountChars(page.raw))):
        code = raw.FPDFText_GetUnicode(page.raw, index)
        if code in (0x0D, 0x0A):
            if line:
                yield line
            line = []
            continue
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00) if high else 0xFFFD
        high = 0
        left, right, bottom, top = box
        raw.FPDFText_GetCharBox(page.raw, index, left, right, bottom, top)
        raw.FPDFText_GetCharOrigin(page.raw, index, *origin)
        char = "-" if code in _HYPHENS else chr(code) if code else ""
        line.append(_Letter(char, left.value, right.value, bottom.value, top.value, origin[0].value, origin[1].value))
    if line:
        yield line


def _direction(lines: list[list[_Letter]]) -> int:
    """Quarter turns to the left that the text was given: 0 for upright."""
    steps: Counter[int] = Counter()
    for line in lines:
        seen = [letter for letter in line if letter.char.strip()]
        for one, two in itertools.pairwise(seen):
            dx, dy = two.x - one.x, two.y - one.y
            if dx or dy:
                steps[round(math.atan2(dy, dx) / (math.pi / 2)) % 4] += 1
    return max(steps, key=lambda turn: (steps[turn], -turn)) if steps else 0


def _turned(letter: _Letter, turn: int) -> _Letter:
    """Where it stands once the page is turned back."""
    if not turn:
        return letter

    def back(x: float, y: float) -> tuple[float, float]:
        return {1: (y, -x), 2: (-x, -y), 3: (-y, x)}[turn]

    corners = back(letter.left, letter.bottom), back(letter.right, letter.top)
    (left, right), (bottom, top) = (sorted(pair) for pair in zip(*corners, strict=True))
    x, y = back(letter.x, letter.y)
    return _Letter(letter.char, left, right, bottom, top, x, y)


def _split(line: list[_Letter]) -> Iterator[list[_Letter]]:
    """Where letters stand apart, or on another height, another run begins."""
    part: list[_Letter] = []
    last: _Letter | None = None
    size = 0.0
    for letter in line:
        if not letter.char.strip():
            part.append(letter)
            continue
        size = max(size if last else 0.0, letter.top - letter.bottom, 4.0)
        if last is not None and (
            letter.left - last.right > APART * size * 1.3
            or last.left - letter.right > size
            or abs(letter.y - last.y) > 0.6 * size
        ):
            yield part
            part, size = [], max(letter.top - letter.bottom, 4.0)
        part.append(letter)
        last = letter
    yield part


def _run(letters: list[_Letter]) -> Run:
    seen = [letter for letter in letters if letter.char.strip()]
    if not seen:
        return Run("", 0, 0, 0, 0, 0)
    text = " ".join("".join(letter.char for letter in letters).split())
    word = seen[: len(text.split()[0])] if text else seen
    heights = sorted(letter.top - letter.bottom for letter in seen)
    return Run(
        text=text,
        left=min(letter.left for letter in seen),
        right=max(letter.right for letter in seen),
        y=sorted(letter.y for letter in seen)[len(seen) // 2],
        size=max(4.0, heights[-1 - len(heights) // 10] * 1.3),
        first_word=word[-1].right - word[0].left,
    )
