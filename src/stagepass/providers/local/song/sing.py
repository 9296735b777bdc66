"""Sings a spoken line on a melody: time stretched to the notes, pitched to them, with glide and vibrato."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stagepass.providers.local.song import mouth
from stagepass.providers.local.song.speech import SpokenLine, Syllable

Floats = NDArray[np.floating]
LONGEST_ONSET, LONGEST_CODA = 0.13, 0.14  # seconds of consonants before and after the vowel
RELEASE = 0.09
LEAD_IN = 0.25  # seconds of room before the first note for its consonants
LIGHTER = 1.10
VIBRATO_HZ, VIBRATO_SEMITONES = 5.4, 0.28


@dataclass(frozen=True, slots=True)
class SungNote:
    """One syllable's note: seconds from the song's start, and the pitch as a MIDI number."""

    start: float
    end: float
    midi: float


@dataclass(frozen=True, slots=True)
class SungLine:
    """One line as sound: `lead` and what doubles it begin at `start` seconds; mono at `rate` Hz."""

    start: float
    rate: int
    lead: Floats
    double: Floats
    harmony: Floats | None


def sing(spoken: SpokenLine, notes: list[SungNote], harmony: list[float] | None, seed: int) -> SungLine:
    """Sing one line.

    Args:
        spoken: the line as spoken; has one syllable per note.
        notes: the melody in order; notes do not overlap.
        harmony: a second voice's MIDI numbers, one per note, or None.
        seed: for what differs between two takes.
    """
    pitch = mouth.spoken_pitch(spoken.pcm, spoken.rate)
    shapes = mouth.analyse(spoken.pcm, spoken.rate, pitch, LIGHTER)
    origin = notes[0].start - LEAD_IN
    count = int((notes[-1].end + RELEASE + 0.1 - origin) * spoken.rate / mouth.HOP)
    seconds = origin + np.arange(count) * mouth.HOP / spoken.rate
    path, gain = _path(spoken, notes, seconds)
    gain *= _evened(shapes, path)
    voice = mouth.Voice.of(mouth.shapes_at(shapes, path), spoken.rate)
    rng = np.random.default_rng(seed)

    def take(midi: list[float], cents: float) -> Floats:
        curve = _melody(notes, midi, seconds, rng) + cents / 100
        return mouth.tones(voice, 440.0 * 2 ** ((curve - 69) / 12), gain, spoken.rate)

    tune = [note.midi for note in notes]
    breath = mouth.breaths(voice, gain, seed)
    lead = take(tune, 0.0) + breath
    double = take(tune, 9.0) + 0.5 * breath
    return SungLine(origin, spoken.rate, lead, double, take(harmony, -5.0) if harmony else None)


def _path(spoken: SpokenLine, notes: list[SungNote], seconds: Floats) -> tuple[Floats, Floats]:
    """Position in the speech, by frame, and loudness, over time."""
    anchors: list[tuple[float, float]] = []  # (song seconds, speech seconds)
    fades: list[tuple[float, float]] = []  # (song seconds, gain)
    rate = spoken.rate
    pairs = list(zip(spoken.syllables, notes, strict=True))
    for index, (syllable, note) in enumerate(pairs):
        before = notes[index - 1] if index else None
        after = pairs[index + 1] if index + 1 < len(pairs) else None
        onset = _onset_length(syllable, note, before, rate)
        close = min(note.end, after[1].start - _onset_length(after[0], after[1], note, rate)) if after else note.end
        joined = after is not None and after[1].start - note.end < 0.02
        coda = min((syllable.end - syllable.coda) / rate, LONGEST_CODA, 0.35 * (close - note.start))
        anchors += _stretched(syllable, rate, note.start - onset, note.start, close - coda, close)
        attack = note.start - onset
        if before is None or note.start - before.end >= 0.02:
            fades += [(attack - 0.012, 0.0), (attack + 0.01, 1.0)]
        if not joined:
            fades += [(close - 0.03, 0.9), (close + RELEASE, 0.0)]
    times, places = np.array(anchors).T
    places = np.maximum.accumulate(places)
    path = np.interp(seconds, times, places) * rate / mouth.HOP
    fade_times, fade_gains = np.array(fades).T
    gain = np.interp(seconds, fade_times, fade_gains, left=0.0, right=0.0)
    return path, gain


def _onset_length(syllable: Syllable, note: SungNote, before: SungNote | None, rate: int) -> float:
    """Seconds of consonant before the beat; it takes its time from the note before, as singers do."""
    room = LEAD_IN - 0.05 if before is None else 0.42 * (note.start - before.start)
    return min((syllable.vowel - syllable.onset) / rate, LONGEST_ONSET, room)


def _stretched(
    syllable: Syllable, rate: int, onset: float, vowel: float, coda: float, end: float
) -> list[tuple[float, float]]:
    """Anchors of one syllable: the vowel's ends keep their speed, its middle is held."""
    first, last = syllable.vowel / rate, syllable.coda / rate
    length, room = last - first, max(coda - vowel, 0.01)
    head, tail = min(0.35 * length, 0.35 * room), min(0.25 * length, 0.3 * room)
    # a long consonant loses its beginning, not its end: the end is what leads into the vowel
    start = max(syllable.onset / rate, first - (vowel - onset) * 1.3)
    return [
        (onset, start),
        (vowel, first),
        (vowel + head, first + 0.35 * length),
        (coda - tail, last - 0.25 * length),
        (coda, last),
        (end, min(syllable.end / rate, last + (end - coda) * 1.3)),
    ]


def _evened(shapes: mouth.Mouth, path: Floats) -> Floats:
    """Gain that brings loud and quiet vowels nearer to each other, as a singer's breath does."""
    level = np.sqrt(np.mean(np.exp(2 * shapes.shape), axis=1))
    heard = level[shapes.voiced > 0.5]
    target = float(np.median(heard)) if len(heard) else 1.0
    smooth = np.convolve(np.maximum(level, 0.1 * target), np.ones(17) / 17, mode="same")
    gain = np.clip((target / smooth) ** 0.6, 0.5, 2.0) / max(target, 1e-6) * 0.1
    return np.interp(path, np.arange(len(gain)), gain)


def _melody(notes: list[SungNote], midi: list[float], seconds: Floats, rng: np.random.Generator) -> Floats:
    """The pitch at each moment, as a MIDI number: glides between notes, a scoop into phrases, vibrato on long ones."""
    starts = np.array([note.start - 0.03 for note in notes])
    index = np.clip(np.searchsorted(starts, seconds, side="right") - 1, 0, len(notes) - 1)
    curve = np.array(midi, dtype=float)[index]
    kernel = np.hanning(13)[1:-1]  # 80 ms: quick enough to be on the note, slow enough to be a voice
    edge = len(kernel) // 2
    curve = np.convolve(np.pad(curve, edge, mode="edge"), kernel / kernel.sum(), mode="valid")
    wobble = rng.uniform(0, 2 * np.pi)
    for order, note in enumerate(notes):
        into = seconds - note.start
        inside = (seconds < note.end + RELEASE) & (into > 0)
        fresh = order == 0 or note.start - notes[order - 1].end > 0.15
        if fresh:
            scoop = (into > -0.2) & (into < 0.25)
            curve[scoop] -= 0.5 * np.exp(-np.maximum(into[scoop], 0) / 0.05)
        if note.end - note.start > 0.42:
            depth = VIBRATO_SEMITONES * np.clip((into - 0.22) / 0.35, 0, 1) * inside
            curve += depth * np.sin(2 * np.pi * VIBRATO_HZ * into + wobble)
    drift = np.convolve(rng.standard_normal(len(seconds) + 60), np.hanning(62)[1:-1], mode="same")[: len(seconds)]
    return curve + 0.05 * drift / max(float(np.std(drift)), 1e-9)


def heard(line: SungLine) -> tuple[float, float]:
    """When the line really sounds: the first and last moment within 32 dB of its loudest, in song seconds."""
    step = line.rate // 200
    count = len(line.lead) // step
    level = np.sqrt(np.mean(line.lead[: count * step].reshape(count, step) ** 2, axis=1))
    loud = np.flatnonzero(level > np.max(level) * 0.025)
    if not len(loud):
        return line.start, line.start + len(line.lead) / line.rate
    return line.start + loud[0] * step / line.rate, line.start + (loud[-1] + 1) * step / line.rate
