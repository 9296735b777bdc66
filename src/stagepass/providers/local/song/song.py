"""Makes one song from beginning to end, in memory: the table of contents of this package."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stagepass.providers.local.song import instruments, lyric, narrate, sing, speech
from stagepass.providers.local.song.arrange import Buses, arrange
from stagepass.providers.local.song.compose import ComposedLine, Score, compose
from stagepass.providers.local.song.genre_words import ordered
from stagepass.providers.local.song.mix import mix, voice_bus
from stagepass.providers.local.song.sound import RATE, Stereo, add
from stagepass.providers.ports import LineTiming, SongRequest


@dataclass(frozen=True, slots=True)
class Recording:
    """A finished song.

    Attributes:
        sound: 44.1 kHz stereo, mastered.
        timing: the sung lines.
        voice: ``sung``, ``spoken by`` whom, or ``none`` where an instrument plays the melody.
        instead_of: words of a genre that is not played here, for which this one is the nearest.
        left_out: lines that no song of at most 58 s has room for.
    """

    sound: Stereo
    timing: tuple[LineTiming, ...]
    voice: str
    left_out: tuple[str, ...]
    score: Score
    instead_of: str

    @property
    def sung(self) -> bool:
        """Whether a voice sings."""
        return self.voice == "sung"

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.sound.shape[1] / RATE)


class NothingToSing(ValueError):
    """The lyric has no line with a word in it."""


def make(
    request: SongRequest, on_progress: Callable[[float], None] = lambda fraction: None, voices: Path | None = None
) -> Recording:
    """Make the song that this request asks for; the same request gives the same song.

    Args:
        request: what to sing and how.
        on_progress: called with the progress, 0…1, from time to time.
        voices: a folder with Piper voices.

    Raises:
        NothingToSing: the lyric has no line with a word in it.
    """
    lines = lyric.read(request.lyric)
    if not lines:
        raise NothingToSing("the lyric has no line that can be sung")
    seed, order = seed_of(request), ordered(request.genre)
    spoken = _voice(request, [line.words for line in lines])
    word_starts = (
        [[syllable.word_start for syllable in line.syllables] for line in spoken]
        if spoken
        else [lyric.syllable_starts(line.words) for line in lines]
    )
    score = compose(lines, word_starts, order.genre, seed)
    on_progress(0.1)
    buses = arrange(score, seed)
    on_progress(0.3)
    said = narrate.say(score, request.language, voices) if request.voice == "spoken" else None
    if spoken:
        (voice, times), heard = _sung(score, spoken, buses, seed), "sung"
    elif said:
        voice, times, heard = narrate.bus(said, buses["keys"].shape[1]), said.times, f"spoken by {said.speaker}"
    else:
        (voice, times), heard = _played(score, buses), "none"
    timing = _timing(score.lines, times)
    left_out = tuple(line.text for line in lines[len(score.lines) :])
    on_progress(0.6)
    sound = mix(buses, voice, score.genre, narrated=said is not None)
    on_progress(0.9)
    return Recording(sound, timing, heard, left_out, score, order.instead_of)


def _voice(request: SongRequest, words: list[str]) -> list[speech.SpokenLine] | None:
    """The lines as they are spoken before they are sung; None where nothing sings."""
    if request.voice in ("spoken", "none"):
        return None
    spoken = speech.speak(words, request.language)
    return spoken if spoken and all(line.syllables for line in spoken) else None


def seed_of(request: SongRequest) -> int:
    """The dice of this request: from its lyric, genre and title."""
    text = "\0".join((request.lyric, request.genre, request.title))
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:6], "big")


_Times = list[tuple[float, float]]


def _sung(score: Score, spoken: list[speech.SpokenLine], buses: Buses, seed: int) -> tuple[Stereo, _Times]:
    takes = [
        sing.sing(words, list(line.notes), list(line.harmony) if line.harmony else None, seed + index)
        for index, (words, line) in enumerate(zip(spoken, score.lines, strict=False))
    ]
    bus = voice_bus(takes, buses["keys"].shape[1], score.plan.bar_seconds / 4)
    return bus, [sing.heard(take) for take in takes]


def _played(score: Score, buses: Buses) -> tuple[Stereo, _Times]:
    """Without a voice an instrument plays what would have been sung."""
    bus = np.zeros_like(buses["keys"])
    for line in score.lines:
        for note in line.notes:
            add(bus, instruments.lead(int(note.midi), round(note.end - note.start, 3)), note.start, 0.24)
    return bus, [(line.notes[0].start, line.notes[-1].end) for line in score.lines]


def _timing(lines: tuple[ComposedLine, ...], times: _Times) -> tuple[LineTiming, ...]:
    starts = [start for start, _ in times[1:]] + [float("inf")]
    return tuple(
        LineTiming(line.line.text, round(float(start), 3), round(float(min(end, following)), 3))
        for line, (start, end), following in zip(lines, times, starts, strict=True)
    )
