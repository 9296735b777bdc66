"""Puts the runs of a page into the order in which people read them, and joins lines that only the edge had broken.

Columns are read one after the other; the cells of a table's row, and a date that stands beside its employer, stay in
one line with `` | `` between them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from stagepass.pipelines.resume.parsing.sections import heading
from stagepass.pipelines.resume.reading.runs import Run

LEAST = 3
"""Lines that a column has at least."""

CELL = 1.3
"""Of a letter's size: a wider gap lies between two cells."""

_OWN_LINE = re.compile(
    r"\s{0,8}(?:[•●○▪■◆◇▶►※·ㆍ*\-–—>+✓①-⑳]|\(?\d{1,2}[.)]\s|'?(?:19|20)?\d\d\s?[./년-]|[^\s:：|]{1,12}\s?[:：|])"
)
"""A bullet, a number, a date or a label begins a line of its own."""

_ENDS = (".", "!", "?", ":", "。")
_GOES_ON = re.compile(r"(?:,|-|\b(?:a|an|the|of|for|with|and|or|to|in|on|at|by|from|as|that|which|into|per))$", re.I)
_DATED = re.compile(r"(?:19|20)\d\d|'\d\d|\d\d[./]\d\d|현재|present|current", re.I)
_REACHES = 0.75
"""Of the width that there was: text that ends further left has no edge that could break lines."""


@dataclass(slots=True)
class _Line:
    """Runs on one baseline, from left to right."""

    runs: list[Run]

    @property
    def y(self) -> float:
        return self.runs[0].y

    @property
    def text(self) -> str:
        """Its runs, with a bar between cells."""
        parts = [self.runs[0].text]
        for before, run in zip(self.runs, self.runs[1:], strict=False):
            mark = run.text[:1] in "•·-–—" or before.text[-1:] in "•·"
            parts.append(" " if mark or run.left - before.right <= CELL * run.size else " | ")
            parts.append(run.text)
        return "".join(parts)


@dataclass(slots=True)
class Page:
    """Lines from the first to be read to the last, and those that stand apart at the page's top and bottom."""

    lines: list[str]
    edges: list[str]


def laid_out(runs: list[Run], paper: tuple[float, float]) -> Page:
    """The page that these runs are, on paper from here to there."""
    rows = _rows([run for run in runs if run.text])
    if not rows:
        return Page([], [])
    left = min(run.left for row in rows for run in row.runs)
    blocks = _blocks(rows, paper[1] - max(0.0, left - paper[0]))
    return Page([text for block, to in blocks for text in _joined(block, to)], _apart(rows))


def _apart(rows: list[_Line]) -> list[str]:
    """The first and the last row, where more than a line is free between it and the rest."""
    ends = ((rows[0], rows[1]), (rows[-1], rows[-2])) if len(rows) > 2 else ()
    apart = [row for row, other in ends if abs(row.y - other.y) > 2.2 * row.runs[0].size]
    return [text for row in apart for text in (row.text, *(run.text for run in row.runs))]


def _rows(runs: list[Run]) -> list[_Line]:
    lines: list[_Line] = []
    for run in sorted(runs, key=lambda r: (-r.y, r.left)):
        if lines and abs(lines[-1].y - run.y) <= 0.35 * max(run.size, lines[-1].runs[0].size):
            lines[-1].runs.append(run)
        else:
            lines.append(_Line([run]))
    for line in lines:
        line.runs.sort(key=lambda r: r.left)
    return lines


# ── columns ──────────────────────────────────────────────────────────────────────────────────────


def _blocks(lines: list[_Line], to: float, depth: int = 0) -> Iterator[tuple[list[_Line], float]]:
    """Blocks of lines that belong together, each with the place at which its lines had to end."""
    band = _band(lines) if depth < 4 else None
    if band is None:
        yield lines, to
        return
    first, last, place = band
    inside = lines[first:last]
    left = [_Line(runs) for line in inside if (runs := [r for r in line.runs if r.left < place])]
    right = [_Line(runs) for line in inside if (runs := [r for r in line.runs if r.left >= place])]
    begins = min(run.left for line in right for run in line.runs)
    if first:
        yield from _blocks(lines[:first], to, depth + 1)
    columns = sorted([(left, begins), (right, to)], key=lambda column: _width(column[0]))
    for column, end in columns:  # the narrow one first, so that the wide one continues on the next page
        yield from _blocks(column, end, depth + 1)
    if last < len(lines):
        yield from _blocks(lines[last:], to, depth + 1)


def _width(lines: list[_Line]) -> float:
    return max(r.right for line in lines for r in line.runs) - min(r.left for line in lines for r in line.runs)


def _band(lines: list[_Line]) -> tuple[int, int, float] | None:
    """The longest stretch of lines that a gap parts into two columns: (first, after the last, place)."""
    best: tuple[int, int, float] | None = None
    for place in _places(lines):
        number = 0
        for crosses, group in groupby(lines, key=lambda line: _crosses(line, place)):
            length = len(list(group))
            if not crosses and (best is None or length > best[1] - best[0]):
                first, last = _trimmed(lines, number, number + length, place)
                if (best is None or last - first > best[1] - best[0]) and _columns(lines[first:last], place):
                    best = (first, last, place)
            number += length
    return best


def _places(lines: list[_Line]) -> list[float]:
    """Where a second column may begin: where at least three runs begin, with something to their left."""
    begins = sorted(run.left for line in lines for run in line.runs)
    least = begins[0] if begins else 0.0
    places: list[float] = []
    for place in begins:
        if place > least + 20 and (not places or place - places[-1] > 3):
            places.append(place)
    often = [p for p in places if sum(abs(run.left - p) <= 3 for line in lines for run in line.runs) >= LEAST]
    return [place - 1.0 for place in often[:40]]


def _crosses(line: _Line, place: float) -> bool:
    return any(run.left < place < run.right + 2.0 for run in line.runs)


def _trimmed(lines: list[_Line], first: int, last: int, place: float) -> tuple[int, int]:
    """Without lines at the ends that stand in no second column: a name above it, a paragraph below."""

    def beside(number: int) -> bool:
        return any(run.left >= place for run in lines[number].runs)

    begun = first
    while first < last and not beside(first):
        first += 1
    while begun < first < last and _next_to(lines[first - 1], lines[first]):
        first -= 1  # the other column may begin a little higher
    return first, last


def _next_to(above: _Line, below: _Line) -> bool:
    """Whether a line stands just above another, and begins where that begins."""
    near = above.y - below.y <= 2.5 * above.runs[0].size
    return (near and abs(above.runs[0].left - below.runs[0].left) <= 3) or (
        near and below.runs[0].left > above.runs[-1].right
    )


def _columns(lines: list[_Line], place: float) -> bool:
    """Whether what stands left and right of a place are two columns, not the cells of rows."""
    left = [(line.y, _Line(runs)) for line in lines if (runs := [r for r in line.runs if r.left < place])]
    right = [(line.y, _Line(runs)) for line in lines if (runs := [r for r in line.runs if r.left >= place])]
    if len(left) < LEAST or len(right) < LEAST:
        return False
    if any(_mostly_dates(side) for side in (left, right)):
        return False
    both = {y for y, _ in left} & {y for y, _ in right}
    headings_left = {y for y, line in left if heading(line.text)}
    headings_right = {y for y, line in right if heading(line.text)}
    if len(both) < 0.7 * min(len(left), len(right)):
        return not (len(headings_left) * 2 > len(left))  # labels with long text beside them are rows
    if not (headings_left or headings_right):
        return False
    alone = [y for y in headings_left ^ headings_right if True]
    return bool(headings_right) or (bool(alone) and len(headings_left) * 2 <= len(left))


def _mostly_dates(side: list[tuple[float, _Line]]) -> bool:
    dated = [line for _, line in side if _DATED.search(line.text) and len(line.text) <= 40]
    return len(dated) * 2 > len(side)


# ── lines that were broken ───────────────────────────────────────────────────────────────────────


def _joined(lines: list[_Line], to: float) -> list[str]:
    begins = min(run.left for line in lines for run in line.runs)
    edge = max(line.runs[-1].right for line in lines)
    texts = [line.text for line in lines]
    if edge - begins < _REACHES * (to - begins):
        return texts
    joined: list[str] = []
    for number, line in enumerate(lines):
        if number and _continues(line, lines[number - 1], edge):
            joined[-1] = f"{joined[-1]} {line.text}"
        else:
            joined.append(line.text)
    return joined


def _continues(line: _Line, before: _Line, edge: float) -> bool:
    """Whether a line is the rest of the one before: its first word would not have fitted there."""
    first, last = line.runs[0], before.runs[-1]
    if last.right + first.first_word + 0.2 * first.size <= edge:
        return False
    if len(line.runs) > 1 or len(before.runs) > 2 or before.y - line.y > 2.2 * first.size:
        return False
    if last.text.endswith(_ENDS) or _OWN_LINE.match(first.text) or heading(before.text) or heading(first.text):
        return False
    if abs(first.size - last.size) > 0.25 * last.size and first.size > 1.15 * last.size:
        return False
    return not first.text[:1].isupper() or bool(_GOES_ON.search(last.text))
