"""Maps genre words to tempo, chords and instruments. Several words are mixed."""

from dataclasses import dataclass, fields, replace

Progression = tuple[str, ...]


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
    "held", "sparse", "whole", "soft", 0.28, Levels(0.9, 0.35, 1.3, 0.75, 0.55, 1.2),
)  # fmt: skip
BALLAD = Genre(
    "ballad", (66, 80), 0.0, (_AXIS, ("I", "V/VII", "vi", "IV"), _SIXTY), (("IV", "V", "iii", "vi"), _HOPE, _AXIS),
    "arpeggio", "sparse", "root", "ballad", 0.24, Levels(1.25, 0.35, 1.0, 0.85, 0.7, 0.5),
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

_WORDS: tuple[tuple[Genre, tuple[str, ...]], ...] = (
    (AMBIENT, ("ambient", "chill", "calm", "healing", "new age", "dream", "앰비언트", "잔잔", "힐링", "명상", "몽환")),
    (BALLAD, ("ballad", "slow", "piano", "emotional", "발라드", "피아노", "감성", "서정")),
    (JAZZ, ("jazz", "lo-fi", "lofi", "lo fi", "bossa", "swing", "r&b", "soul", "재즈", "로파이", "보사", "알앤비")),
    (ACOUSTIC, ("acoustic", "folk", "guitar", "country", "어쿠스틱", "포크", "통기타", "기타")),
    (DANCE, ("dance", "edm", "house", "electro", "disco", "techno", "댄스", "클럽", "일렉", "디스코", "신나는")),
    (POP, ("pop", "k-pop", "kpop", "팝", "가요", "케이팝")),
)


def genre_for(text: str) -> Genre:
    """The genre that these words ask for: the first one leads, the others colour it; unknown words are pop."""
    wanted = text.lower()
    found: list[tuple[int, Genre]] = []
    for genre, words in _WORDS:
        places = [wanted.find(word) for word in words if word in wanted]
        if places:
            found.append((min(places), genre))
    ordered = [genre for _, genre in sorted(found, key=lambda pair: pair[0])] or [POP]
    return _mixed(ordered[0], ordered[1]) if len(ordered) > 1 else ordered[0]


def _mixed(lead: Genre, colour: Genre) -> Genre:
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
