"""The genres: tempo, beat, scale, chords and players of each. `genre_words` finds the one that was ordered."""

from dataclasses import dataclass, fields, replace

from stagepass.providers.local.song.harmony import MAJOR

Progression = tuple[str, ...]
PENTATONIC = (0, 2, 4, 7, 9)


@dataclass(frozen=True, slots=True)
class Levels:
    """Loudness per player, linear, 1 = normal, 0 = silent."""

    keys: float
    guitar: float
    pad: float
    bass: float
    drums: float
    bell: float


@dataclass(frozen=True, slots=True)
class Genre:
    """A way to play.

    Attributes:
        name: one of the table's names.
        bpm: lowest and highest tempo in quarter notes per minute.
        swing: by how much of a sixteenth the off-beat ones come late, 0…0.34.
        verse, chorus: chords, one per bar, from which the seed chooses.
        keys, guitar, bass, drums: names of patterns in `patterns`.
        room: reverb level, linear.
        beats: per bar.
        tones: steps above the major tonic that melodies use; a minor song has its home on the sixth of them.
        minor: whether the song comes home to the relative minor.
        air: decibels of treble, above about 3 kHz.
    """

    name: str
    bpm: tuple[float, float]
    swing: float
    verse: tuple[Progression, ...]
    chorus: tuple[Progression, ...]
    keys: str
    guitar: str
    bass: str
    drums: str
    room: float
    levels: Levels
    beats: int = 4
    tones: tuple[int, ...] = MAJOR
    minor: bool = False
    air: float = 4.5


_AXIS = ("I", "V", "vi", "IV")
_WARM = ("I", "iii", "IV", "V")
_HOPE = ("vi", "IV", "I", "V")
_LIFT = ("IV", "V", "iii", "vi")
_SIXTY = ("I", "vi", "IV", "V")

POP = Genre(
    "pop", (94, 110), 0.0, (_AXIS, _SIXTY, _WARM), (_HOPE, _AXIS, ("IV", "V", "I", "vi")),
    "push", "picked", "push", "pop", 0.16, Levels(1.0, 0.7, 0.7, 1.0, 1.0, 0.7),
)  # fmt: skip
AMBIENT = Genre(
    "ambient", (74, 90), 0.0, (("Imaj7", "IVadd9", "vi7", "IVadd9"), ("Iadd9", "iii7", "IVmaj7", "Vsus4")),
    (("IVmaj7", "Iadd9", "vi7", "Vsus4"), ("vi7", "IVadd9", "Iadd9", "V")),
    "held", "sparse", "whole", "soft", 0.28, Levels(0.9, 0.35, 1.3, 0.75, 0.55, 1.2), air=1.0,
)  # fmt: skip
BALLAD = Genre(
    "ballad", (66, 80), 0.0, (_AXIS, ("I", "V/VII", "vi", "IV"), _SIXTY), (("IV", "V", "iii", "vi"), _HOPE, _AXIS),
    "arpeggio", "sparse", "root", "ballad", 0.24, Levels(1.25, 0.35, 1.0, 0.85, 0.7, 0.5), air=2.0,
)  # fmt: skip
JAZZ = Genre(
    "jazz", (74, 90), 0.30, (("ii7", "V7", "Imaj7", "vi7"), ("Imaj7", "vi7", "ii7", "V7")),
    (("IVmaj7", "iii7", "ii7", "V7"), ("ii7", "V7", "iii7", "vi7")),
    "comp", "sparse", "walk", "lofi", 0.18, Levels(1.2, 0.3, 0.5, 1.0, 0.75, 0.6),
)  # fmt: skip
ACOUSTIC = Genre(
    "acoustic", (90, 106), 0.0, (_AXIS, ("I", "IVadd9", "vi7", "V"), _SIXTY), (("IV", "I", "V", "vi"), _HOPE),
    "held", "strum", "root", "shaker", 0.14, Levels(0.45, 1.35, 0.35, 0.9, 0.7, 0.5),
)  # fmt: skip
DANCE = Genre(
    "dance", (116, 126), 0.0, (_HOPE, ("vi", "I", "V", "IV")), (_HOPE, _LIFT),
    "stabs", "none", "offbeat", "dance", 0.14, Levels(1.0, 0.0, 1.05, 1.0, 0.85, 0.9),
)  # fmt: skip

TROT = Genre(
    "trot", (120, 134), 0.0, (("vi", "vi", "ii", "III"), ("vi", "ii", "V", "I"), ("vi", "IV", "ii", "III")),
    (("vi", "V", "IV", "III"), ("ii", "V", "I", "vi"), ("vi", "ii", "III", "vi")),
    "chop", "chop", "twobeat", "trot", 0.2, Levels(1.0, 0.9, 0.35, 1.1, 1.0, 0.6),
    tones=PENTATONIC, minor=True, air=4.0,
)  # fmt: skip
HIPHOP = Genre(
    "hip hop", (85, 95), 0.30, (("vi7", "ii7", "vi7", "iii7"), ("vi7", "IVmaj7", "vi7", "iii7")),
    (("vi7", "IVmaj7", "Imaj7", "V"), ("ii7", "vi7", "ii7", "iii7")),
    "held", "none", "sub", "hiphop", 0.1, Levels(0.85, 0.0, 0.3, 1.35, 1.3, 0.45), tones=PENTATONIC, minor=True, air=6.0,
)  # fmt: skip
ROCK = Genre(
    "rock", (118, 138), 0.0, (("I", "V", "vi", "IV"), ("vi", "IV", "I", "V")), (("I", "IV", "vi", "V"), _HOPE),
    "held", "power", "eighths", "rock", 0.12, Levels(0.25, 1.3, 0.3, 1.1, 1.25, 0.2), air=5.0,
)  # fmt: skip
LOFI = Genre(
    "lo-fi", (72, 84), 0.22, (("ii7", "V7", "Imaj7", "vi7"), ("IVmaj7", "iii7", "vi7", "Imaj7")),
    (("IVmaj7", "iii7", "ii7", "Imaj7"), ("ii7", "iii7", "IVmaj7", "V7")),
    "comp", "sparse", "root", "lofi", 0.2, Levels(1.25, 0.35, 0.6, 1.0, 0.9, 0.4), air=-5.0,
)  # fmt: skip
WALTZ = Genre(
    "waltz", (100, 126), 0.0, (("I", "vi", "ii", "V"), ("I", "IV", "V", "I"), ("I", "iii", "IV", "V")),
    (("IV", "I", "V", "I"), ("vi", "ii", "V", "I")),
    "oompah", "none", "downbeat", "waltz", 0.24, Levels(1.2, 0.0, 0.9, 1.0, 0.5, 0.7), beats=3, air=5.0,
)  # fmt: skip
CHILDREN = Genre(
    "children's", (106, 122), 0.0, (("I", "IV", "I", "V"), ("I", "vi", "IV", "V"), ("I", "I", "IV", "V")),
    (("IV", "I", "V", "I"), ("I", "IV", "V", "I")),
    "bounce", "strum", "twobeat", "claps", 0.12, Levels(0.9, 0.7, 0.2, 0.9, 0.8, 1.6), tones=PENTATONIC, air=5.0,
)  # fmt: skip


def mixed(lead: Genre, colour: Genre) -> Genre:
    """`lead`, with something of the tempo and the loudness of `colour`; what makes a genre its own stays."""
    if lead in OWN_WAY or colour in OWN_WAY or lead is colour:
        return lead

    def between(first: float, second: float) -> float:
        return 0.6 * first + 0.4 * second

    levels = Levels(*(between(getattr(lead.levels, f.name), getattr(colour.levels, f.name)) for f in fields(Levels)))
    low, high = between(lead.bpm[0], colour.bpm[0]), between(lead.bpm[1], colour.bpm[1])
    calmer = lead if lead.levels.drums <= colour.levels.drums else colour
    return replace(
        lead,
        bpm=(low, high),
        levels=levels,
        room=between(lead.room, colour.room),
        keys=colour.keys if colour.levels.keys > lead.levels.keys else lead.keys,
        drums="gentle" if calmer.drums == "soft" and lead.drums == "pop" else lead.drums,
    )


OWN_WAY = (TROT, HIPHOP, ROCK, LOFI, WALTZ, CHILDREN)
"""Genres that are what they are by their beat and tempo: nothing is mixed into them."""
