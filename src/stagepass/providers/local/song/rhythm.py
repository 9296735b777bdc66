"""Sets syllables onto a bar's sixteenths: words on the beat, phrases with a breath, one feel per section."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

UNITS = 4  # sixteenths per beat
LAST_ROOM = 3  # sixteenths that the last note has at least, before the next line
_FAR = 1e9


def feel(rng: np.random.Generator) -> NDArray[np.float64]:
    """A section's likes and dislikes: one cost per sixteenth of a bar."""
    return rng.uniform(-0.3, 0.3, 16)


def place(
    word_starts: list[bool], beats: int, unit_seconds: float, liked: NDArray[np.float64]
) -> list[tuple[int, int]]:
    """Set one line's syllables.

    Args:
        word_starts: per syllable, whether it starts a word.
        beats: the line's length.
        unit_seconds: how long a sixteenth lasts.
        liked: from `feel`.

    Returns:
        Per syllable its first and its last sixteenth (exclusive), counted from the line's start.
    """
    count, units = len(word_starts), beats * UNITS
    usual = min((units - LAST_ROOM) / count, max(0.34 / unit_seconds, 1.0))
    last = units - LAST_ROOM
    onbeat = np.array([0.0, 0.75, 0.15, 0.75]) * (0.4 if usual < 1.7 else 1.0)
    spots = np.array([onbeat[p % UNITS] + liked[p % 16] * 0.6 for p in range(last + 1)])
    strong = np.array([-0.45 if p % 8 == 0 else -0.3 if p % UNITS == 0 else 0.0 for p in range(last + 1)])
    cost = np.full((count, last + 1), _FAR)
    back = np.zeros((count, last + 1), dtype=int)
    for start in range(min(3, last + 1)):
        cost[0, start] = spots[start] + strong[start] + 0.25 * start
    for index in range(1, count):
        word = word_starts[index]
        for spot in range(index, last + 1):
            gaps = spot - np.arange(spot)
            spread = np.log2(gaps / usual) ** 2 * 1.3
            slow = gaps > usual
            if word:
                spread = np.where(slow, spread * 0.45, spread)
            uneven = np.where((gaps == 3) | (gaps == 5), 0.2, 0.0)
            ways = cost[index - 1, :spot] + spread + uneven
            best = int(np.argmin(ways))
            here = spots[spot] + (strong[spot] if word else 0.3 * strong[spot])
            cost[index, spot] = ways[best] + here
            back[index, spot] = best
    ending = cost[count - 1] + np.array([_last_cost(units - p) for p in range(last + 1)])
    spots_chosen = [int(np.argmin(ending))]
    for index in range(count - 1, 0, -1):
        spots_chosen.append(int(back[index, spots_chosen[-1]]))
    return _with_ends(spots_chosen[::-1], units, usual)


def _last_cost(room: int) -> float:
    """The last note wants a beat and a half, and not half of the line."""
    return 0.35 * max(7 - room, 0) + 0.06 * max(room - 14, 0)


def _with_ends(starts: list[int], units: int, usual: float) -> list[tuple[int, int]]:
    longest = max(6, round(2 * usual))
    ends = [min(after, start + longest) for start, after in pairwise(starts)]
    final = min(starts[-1] + 8, units - 1)
    return list(zip(starts, [*ends, max(final, starts[-1] + 2)], strict=True))
