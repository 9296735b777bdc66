"""Fits a lyric into a song: tempo, bars per line, intro and ending, so that it lasts about 30–45 s, always 20–58 s."""

import math
from dataclasses import dataclass
from itertools import product

from stagepass.providers.local.song.genre import Genre

SHORTEST, LONGEST = 20.0, 58.0
LIKED = (30.0, 45.0)
TAIL = 1.9  # seconds that the last chord rings on
BREATH = 0.45  # seconds of a line's bars without vocals
RATES = (2.6, 3.2, 3.8, 4.4, 5.0, 5.8, 6.6, 7.4)  # syllables a second: from slow to the fastest that is still sung
GRID_REST = 3  # sixteenths of a line's bars kept free
ENDING = 2  # bars


@dataclass(frozen=True, slots=True)
class Plan:
    """The song's shape in bars.

    Attributes:
        bpm: quarter notes per minute.
        intro: bars before the first line.
        bars: bars of each sung line, in order. Fewer than the lyric's lines where it is too long for a song.
        beats: per bar.
        interlude: bars without a line, before line number `interlude_before` (0: none).
    """

    bpm: float
    intro: int
    bars: tuple[int, ...]
    interlude: int
    interlude_before: int
    beats: int = 4

    @property
    def units(self) -> int:
        """Sixteenths of one bar."""
        return 4 * self.beats

    @property
    def bar_seconds(self) -> float:
        """Seconds of one bar."""
        return self.beats * 60.0 / self.bpm

    @property
    def bar_count(self) -> int:
        """Bars from the first to the last chord."""
        return self.intro + sum(self.bars) + self.interlude + ENDING

    @property
    def seconds(self) -> float:
        """Seconds of the whole song, the last chord's tail included."""
        return self.bar_count * self.bar_seconds + TAIL


def plan(syllables: list[int], sections: list[int], genre: Genre) -> Plan:
    """Choose the plan that suits best.

    A long lyric is sung faster first, then the song gets longer, and only then are its last lines left out.

    Args:
        syllables: of each line, at least 1 each.
        sections: the number of each line's section.
        genre: gives the tempo.
    """
    for sung in range(len(syllables), 0, -1):
        counts = syllables[:sung]
        best = min(_candidates(counts, sections[:sung], genre), key=lambda c: _cost(c, counts, genre), default=None)
        if best is not None:
            return best
    raise ValueError("no line can be sung")


def _candidates(counts: list[int], sections: list[int], genre: Genre) -> list[Plan]:
    changes = [i for i in range(1, len(sections)) if sections[i] != sections[i - 1]]
    before = changes[-1] if changes else (len(counts) if len(counts) < 3 else len(counts) // 2)
    low, high = genre.bpm
    tempos = [low + (high - low) * step / 6 for step in range(9)]  # the last two: hurried, for long lyrics
    found = []
    for bpm, rate, intro, interlude in product(tempos, RATES, (1, 2, 4), (0, 2, 4)):
        bar = genre.beats * 60.0 / bpm
        bars = tuple(_bars(count, rate, bar, 4 * genre.beats) for count in counts)
        candidate = Plan(bpm, intro, bars, interlude, before, genre.beats)
        if SHORTEST + 0.5 <= candidate.seconds <= LONGEST - 0.5:
            found.append(candidate)
    return found


def _bars(count: int, rate: float, bar: float, units: int) -> int:
    needed = max((count / rate + BREATH) / bar, (count + GRID_REST) / units)
    return max(1, math.ceil(needed - 1e-9))


def _cost(candidate: Plan, counts: list[int], genre: Genre) -> float:
    low, high = genre.bpm
    seconds = candidate.seconds
    outside = max(LIKED[0] - seconds, 0) + max(seconds - LIKED[1], 0)
    hurry = abs(candidate.bpm - (low + high) / 2) / (high - low)
    crowded = 0.0
    for count, bars in zip(counts, candidate.bars, strict=True):
        rate = count / (bars * candidate.bar_seconds - BREATH)
        crowded += max(rate - 4.0, 0) ** 2 * 1.5 + max(2.2 - rate, 0) ** 2 * 1.5
        crowded += 0.7 if bars not in (1, 2, 4) else 0.0
    even = len(set(candidate.bars)) - 1
    odd_form = (sum(candidate.bars) % 2) * 0.4
    shape = abs(candidate.intro - 2) * 0.35 + candidate.interlude * 0.3
    return 0.55 * outside + 1.2 * hurry + 6 * crowded / len(counts) + 0.5 * even + odd_form + shape
