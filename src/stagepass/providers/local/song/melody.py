"""Finds a melody for given onsets: chord tones where it counts, steps between, a shape per phrase."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stagepass.providers.local.song.harmony import MAJOR, Chord, scale

LOWEST, HIGHEST = 55, 70
_SHAPES = (
    (0.0, 3.0, 4.0, 1.0),  # arch
    (-2.0, 0.5, 3.0, 2.0),  # rise
    (3.0, 2.0, 0.0, -2.0),  # fall
    (1.0, -2.0, 2.0, 0.0),  # wave
    (2.0, 4.0, 1.0, 0.0),  # early peak
)


@dataclass(frozen=True, slots=True)
class Motif:
    """A phrase's own character, so that two lines with the same motif sound alike."""

    shape: tuple[float, ...]
    taste: NDArray[np.float64]  # (place in the phrase, MIDI number): small likes

    @classmethod
    def of(cls, rng: np.random.Generator) -> "Motif":
        """A motif by the dice."""
        return cls(_SHAPES[int(rng.integers(len(_SHAPES)))], rng.uniform(-0.55, 0.55, (64, 128)))


@dataclass(frozen=True, slots=True)
class Onset:
    """Position of a melody note: the chord under it, the strength of its beat 0…1, and its length."""

    chord: Chord
    weight: float


def find(
    onsets: list[Onset],
    key: int,
    centre: float,
    motif: Motif,
    ending: frozenset[int],
    tones: tuple[int, ...] = MAJOR,
) -> list[int]:
    """The best melody.

    Args:
        onsets: the notes' places in order, at least one.
        key: tonic's pitch class.
        centre: the MIDI number around which the phrase moves.
        motif: the phrase's character.
        ending: pitch classes that the last note may have.
        tones: steps of the scale above `key`.

    Returns:
        One MIDI number per onset.
    """
    pitches = [p for p in range(LOWEST, HIGHEST + 1) if (p - key) % 12 in tones]
    if not any(p % 12 in ending for p in pitches):  # a chord that the scale has no tone of
        ending = frozenset(p % 12 for p in pitches)
    grid = np.array(pitches)
    moves = _moves(grid)
    total = np.zeros((len(onsets), len(grid)))
    back = np.zeros((len(onsets), len(grid)), dtype=int)
    for index, onset in enumerate(onsets):
        here = _fit(onset, grid, key) + motif.taste[index % 64, grid]
        place = index / max(len(onsets) - 1, 1) * (len(motif.shape) - 1)
        wanted = centre + float(np.interp(place, np.arange(len(motif.shape)), motif.shape))
        here = here + ((grid - wanted) / 3.2) ** 2
        if index == len(onsets) - 1:
            here = here + np.where(np.isin(grid % 12, list(ending)), 0.0, 50.0)
        if index == 0:
            total[0] = here
            continue
        ways = total[index - 1][:, None] + moves
        back[index] = np.argmin(ways, axis=0)
        total[index] = np.min(ways, axis=0) + here
    chosen = [int(np.argmin(total[-1]))]
    for index in range(len(onsets) - 1, 0, -1):
        chosen.append(int(back[index, chosen[-1]]))
    return [int(grid[i]) for i in reversed(chosen)]


def second_voice(tune: list[int], onsets: list[Onset], key: int) -> list[float]:
    """A second voice: the nearest chord tone at least a third below, or the scale's third where none is near."""
    notes: list[float] = []
    for pitch, onset in zip(tune, onsets, strict=True):
        below = [p for p in range(pitch - 6, pitch - 2) if p % 12 in onset.chord.tones]
        thirds = [p for p in range(pitch - 4, pitch - 2) if p % 12 in scale(key)]
        notes.append(float(max(below) if below else max(thirds, default=pitch - 4)))
    return notes


def _fit(onset: Onset, grid: NDArray[np.int64], key: int) -> NDArray[np.float64]:
    classes = grid % 12
    outside = ~np.isin(classes, list(onset.chord.tones))
    tense = np.isin(classes, [(key + 5) % 12, (key + 11) % 12]) & outside  # fa and ti rub most
    return np.asarray(outside * (0.25 + 1.9 * onset.weight) + tense * 0.7)


def _moves(grid: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cost of going from one pitch (row) to another (column)."""
    size = np.abs(grid[:, None] - grid[None, :])
    table = np.array([0.75, 0.05, 0.0, 0.45, 0.55, 0.85, 2.5, 1.0, 2.2, 2.4, 4.0, 5.0, 3.0])
    return np.asarray(np.where(size > 12, 8.0, table[np.minimum(size, 12)]))
