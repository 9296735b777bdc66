"""Composes: from the lyric's lines to bars with chords and to a melody with one note per syllable."""

from dataclasses import dataclass

import numpy as np

from stagepass.providers.local.song import melody, rhythm
from stagepass.providers.local.song.genre import Genre
from stagepass.providers.local.song.harmony import Chord, chord
from stagepass.providers.local.song.lyric import LyricLine, Part
from stagepass.providers.local.song.plan import ENDING, Plan, plan
from stagepass.providers.local.song.sing import SungNote

KEYS = (0, 2, 3, 5, 7, 9, 10)
CENTRES: dict[Part, float] = {"intro": 60, "verse": 60, "bridge": 62, "chorus": 64, "outro": 61}
Stage = Part | str  # a bar's place in the song: a part of the lyric, "interlude" or "ending"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its chord, the part of the song that it belongs to, and whether that part begins or ends here."""

    chord: Chord
    part: Stage
    first: bool
    last: bool


@dataclass(frozen=True, slots=True)
class ComposedLine:
    """A line to be sung: a note per syllable, and in choruses a second voice."""

    line: LyricLine
    notes: tuple[SungNote, ...]
    harmony: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Score:
    """A composed song. Times are seconds from its start; `hook` is the tune that instruments play around the voice."""

    genre: Genre
    key: int
    plan: Plan
    bars: tuple[Bar, ...]
    lines: tuple[ComposedLine, ...]
    hook: tuple[SungNote, ...]


def compose(lines: list[LyricLine], word_starts: list[list[bool]], genre: Genre, seed: int) -> Score:
    """Compose a song.

    Args:
        lines: the lyric's lines; the last ones are left out where they are too many for 58 s.
        word_starts: the syllables of each line, True where one starts a word.
        genre: how to play.
        seed: the same seed gives the same song.
    """
    rng = np.random.default_rng(seed)
    shape = plan([len(starts) for starts in word_starts], [line.section for line in lines], genre)
    sung = lines[: len(shape.bars)]
    key = KEYS[int(rng.integers(len(KEYS)))]
    bars, starts = _bars(sung, shape, genre, key, rng)
    composed = _lines(sung, word_starts, bars, starts, shape, key, genre, rng)
    return Score(genre, key, shape, tuple(bars), tuple(composed), _hook(bars, shape, key, genre, rng))


def second(unit: float, shape: Plan, swing: float) -> float:
    """Seconds of a place counted in sixteenths; odd ones are late by `swing`."""
    late = swing if round(unit) % 2 == 1 and float(unit).is_integer() else 0.0
    return (unit + late) * shape.bar_seconds / shape.units


def _bars(
    lines: list[LyricLine], shape: Plan, genre: Genre, key: int, rng: np.random.Generator
) -> tuple[list[Bar], list[int]]:
    """The bars in order, and the bar at which each line starts."""
    verse = genre.verse[int(rng.integers(len(genre.verse)))]
    chorus = genre.chorus[int(rng.integers(len(genre.chorus)))]
    stages: list[tuple[Stage, int]] = [("intro", -1)] * shape.intro
    starts: list[int] = []
    for index, line in enumerate(lines):
        if shape.interlude and index == shape.interlude_before:
            stages += [("interlude", -2)] * shape.interlude
        starts.append(len(stages))
        stages += [(line.part, line.section)] * shape.bars[index]
    sung_end = len(stages)
    if shape.interlude and shape.interlude_before >= len(lines):
        stages += [("interlude", -2)] * shape.interlude
    stages += [("ending", -3)] * ENDING
    symbols = _symbols(stages, verse, chorus, genre)
    if sung_end == len(stages) - ENDING:  # a cadence under the last words: home, by way of the fifth
        symbols[sung_end - 1] = "vi" if genre.minor else "I"
        if shape.bars[-1] > 1:
            symbols[sung_end - 2] = "III" if genre.minor else "Vsus4" if genre.name == "ambient" else "V"
    bars = []
    for index, ((stage, section), symbol) in enumerate(zip(stages, symbols, strict=True)):
        first = index == 0 or stages[index - 1] != (stage, section)
        last = index + 1 == len(stages) or stages[index + 1] != (stage, section)
        bars.append(Bar(chord(symbol, key), stage, first, last))
    return bars, starts


def _symbols(
    stages: list[tuple[Stage, int]], verse: tuple[str, ...], chorus: tuple[str, ...], genre: Genre
) -> list[str]:
    symbols: list[str] = []
    within = 0
    for index, stage in enumerate(stages):
        within = within + 1 if index and stages[index - 1] == stage else 0
        progression = chorus if stage[0] in ("chorus", "bridge", "interlude") else verse
        turns = index + 1 < len(stages) and stages[index + 1] != stage and stage[0] == "verse" and within > 1
        symbols.append(("III" if genre.minor else "V") if turns else progression[within % len(progression)])
    symbols[-ENDING:] = ["ii", "vi"] if genre.minor else ["iv" if "7" not in chorus[0] else "IVmaj7", "Iadd9"]
    return symbols


def _lines(
    lines: list[LyricLine],
    word_starts: list[list[bool]],
    bars: list[Bar],
    starts: list[int],
    shape: Plan,
    key: int,
    genre: Genre,
    rng: np.random.Generator,
) -> list[ComposedLine]:
    motifs = {part: (melody.Motif.of(rng), melody.Motif.of(rng)) for part in CENTRES}
    feels = {part: rhythm.feel(rng) for part in CENTRES}
    composed = []
    within = 0
    for index, line in enumerate(lines):
        within = within + 1 if index and lines[index - 1].section == line.section else 0
        unit = shape.bar_seconds / shape.units
        places = rhythm.place(word_starts[index], shape.bars[index] * shape.beats, unit, feels[line.part])
        base = starts[index] * shape.units
        onsets = [
            melody.Onset(bars[(base + a) // shape.units].chord, _weight(a % shape.units, b - a)) for a, b in places
        ]
        last = index + 1 == len(lines)
        answer = within % 2 == 1 or last
        closing = _closing(onsets[-1].chord, _home(key, genre), answer, last)
        tune = melody.find(onsets, key, CENTRES[line.part], motifs[line.part][within % 2], closing, genre.tones)
        notes = tuple(
            SungNote(second(base + a, shape, genre.swing), second(base + b, shape, genre.swing), float(pitch))
            for (a, b), pitch in zip(places, tune, strict=True)
        )
        both = line.part in ("chorus", "outro")
        harmony = tuple(melody.second_voice(tune, onsets, key)) if both else None
        composed.append(ComposedLine(line, notes, harmony))
    return composed


def _home(key: int, genre: Genre) -> int:
    return (key + 9) % 12 if genre.minor else key


def _weight(start: int, length: int) -> float:
    place = 1.0 if start % 8 == 0 else 0.7 if start % 4 == 0 else 0.35 if start % 2 == 0 else 0.1
    return min(1.0, place + 0.12 * max(length - 2, 0))


def _closing(under: Chord, home: int, answer: bool, last: bool) -> frozenset[int]:
    """Pitch classes for a line's last note: home at the end, a rest on the chord in an answer, open in a question."""
    if last and home in under.tones:
        return frozenset({home})
    if answer:
        return frozenset({under.tones[0], under.tones[1]})
    return frozenset(under.tones) - {home} or frozenset(under.tones)


def _hook(bars: list[Bar], shape: Plan, key: int, genre: Genre, rng: np.random.Generator) -> tuple[SungNote, ...]:
    """A small tune for intro, interlude and ending; it is the same one each time, on other chords."""
    patterns = ((0, 3, 6, 8, 12), (0, 4, 6, 10, 12), (0, 2, 4, 8, 11), (2, 4, 6, 8, 12))
    diced = patterns[int(rng.integers(len(patterns)))]
    pattern = tuple(place for place in diced if place < shape.units)
    motif = melody.Motif.of(rng)
    notes: list[SungNote] = []
    for index, bar in enumerate(bars):
        if bar.part not in ("intro", "interlude", "ending"):
            continue
        final = index + 1 == len(bars)
        chosen = (0,) if final else pattern if index % 2 == 0 else pattern[:3]
        onsets = [melody.Onset(bar.chord, _weight(place, 2)) for place in chosen]
        tune = melody.find(
            onsets, key, 64, motif, frozenset({_home(key, genre)} if final else bar.chord.tones), genre.tones
        )
        ends = [*chosen[1:], shape.units]
        for place, end, pitch in zip(chosen, ends, tune, strict=True):
            begin = second(index * shape.units + place, shape, genre.swing)
            notes.append(SungNote(begin, second(index * shape.units + end, shape, genre.swing), float(pitch + 12)))
    return tuple(notes)
