"""Chords: from a roman numeral to notes, and from one chord to the next with little movement."""

import re
from dataclasses import dataclass
from itertools import product

MAJOR = (0, 2, 4, 5, 7, 9, 11)
_ROMAN = {"i": 0, "ii": 1, "iii": 2, "iv": 3, "v": 4, "vi": 5, "vii": 6}
_SYMBOL = re.compile(r"^([IViv]+)(maj7|add9|sus4|7)?(?:/([IViv]+))?$")


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord in a key: pitch classes 0–11; the first tone is the root."""

    tones: tuple[int, ...]
    bass: int

    @property
    def root(self) -> int:
        """The root's pitch class."""
        return self.tones[0]


def chord(symbol: str, key: int) -> Chord:
    """Read a symbol such as ``IVadd9``, ``vi7`` or ``V/VII`` (with its third in the bass) in the major key `key`.

    Capitals are major, small letters minor; ``iv`` is the borrowed one.
    """
    match = _SYMBOL.match(symbol)
    if match is None:
        raise ValueError(f"no chord: {symbol}")
    numeral, colour, over = match.groups()
    root = key + MAJOR[_ROMAN[numeral.lower()]]
    third = 4 if numeral[0].isupper() else 3
    tones = {
        None: (0, third, 7),
        "maj7": (0, third, 7, 11),
        "7": (0, third, 7, 10),
        "add9": (0, 2, third, 7),
        "sus4": (0, 5, 7),
    }[colour]
    bass = key + MAJOR[_ROMAN[over.lower()]] if over else root
    return Chord(tuple((root + tone) % 12 for tone in tones), bass % 12)


def scale(key: int) -> frozenset[int]:
    """The pitch classes of the major key."""
    return frozenset((key + step) % 12 for step in MAJOR)


def voice_led(chords: list[Chord], centre: float = 61.0) -> list[tuple[int, ...]]:
    """Place each chord's tones as MIDI numbers around `centre`, each as near as can be to the one before."""
    placed: list[tuple[int, ...]] = []
    for one in chords:
        options = [
            tuple(sorted(pick))
            for pick in product(*([48 + t, 60 + t] for t in one.tones))
            if max(pick) - min(pick) <= 14 and min(pick) >= 52
        ] or [tuple(sorted(60 + t for t in one.tones))]
        before = placed[-1] if placed else None
        placed.append(min(options, key=lambda option: _distance(option, before, centre)))
    return placed


def _distance(option: tuple[int, ...], before: tuple[int, ...] | None, centre: float) -> float:
    drift = abs(sum(option) / len(option) - centre)
    if before is None:
        return drift
    return 0.4 * drift + sum(min(abs(note - other) for other in before) for note in option)
