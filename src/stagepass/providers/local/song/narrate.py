"""Speaks a lyric over its music, each line at its place in the song."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stagepass.providers.local.process import dying_with_parent, plain_environment
from stagepass.providers.local.song import mix, speech
from stagepass.providers.local.song.compose import Score
from stagepass.providers.local.song.sound import Stereo, add
from stagepass.providers.local.song.voices import ESPEAK, piper_voice

TIME_LIMIT = 60.0
GAP = 0.12  # seconds of silence between two lines
FASTEST = 1.5


@dataclass(frozen=True, slots=True)
class Said:
    """Spoken lines: mono sound at `rate` Hz each, where they begin and end in the song, and who speaks."""

    lines: tuple[NDArray[np.float32], ...]
    rate: int
    times: list[tuple[float, float]]
    speaker: str


def say(score: Score, language: str, folder: Path | None) -> Said | None:
    """Speak the lines, faster where they would run into the next one; None where this machine has no voice."""
    words = [line.line.words for line in score.lines]
    starts = [line.notes[0].start for line in score.lines]
    room = [after - start - GAP for start, after in zip(starts, [*starts[1:], score.plan.seconds - 1], strict=True)]
    model = piper_voice(folder, language)
    for pace in (1.0, FASTEST):
        got = _piper(words, model, pace) if model else _espeak(words, language, pace)
        if got is None:
            return None
        lines, rate = got
        lengths = [len(line) / rate for line in lines]
        if all(length <= free for length, free in zip(lengths, room, strict=True)):
            break
    cut = tuple(line[: int(free * rate)] for line, free in zip(lines, room, strict=True))
    times = [(start, start + len(line) / rate) for start, line in zip(starts, cut, strict=True)]
    return Said(cut, rate, times, model.stem if model else ESPEAK)


def bus(said: Said, length: int) -> Stereo:
    """The voice at 44.1 kHz, in the middle, each line as loud as the others."""
    out = np.zeros((2, length), dtype=np.float32)
    for line, (start, _) in zip(said.lines, said.times, strict=True):
        clear = mix.dressed(line, said.rate)
        add(out, clear, start, mix.VOICE_RMS / max(mix.active_rms(clear), 1e-6))
    return out


_Lines = tuple[list[NDArray[np.float32]], int]


def _espeak(words: list[str], language: str, pace: float) -> _Lines | None:
    spoken = speech.speak(words, language, rate=int(165 * pace), pitch=48, melody=60)
    return None if not spoken else ([_trimmed(line.pcm) for line in spoken], spoken[0].rate)


def _piper(words: list[str], model: Path, pace: float) -> _Lines | None:
    order = {"model": str(model.absolute()), "length": 1 / pace, "lines": words}
    command = dying_with_parent([sys.executable, "-m", "stagepass.providers.local.song.piper_child"])
    try:
        done = subprocess.run(
            command, input=json.dumps(order).encode(), capture_output=True, timeout=TIME_LIMIT, env=plain_environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0 or b"\n" not in done.stdout:
        return None
    head, _, body = done.stdout.partition(b"\n")
    header = json.loads(head)
    pcm = np.frombuffer(body, dtype="<i2").astype(np.float32) / 32768.0
    ends = np.cumsum(header["samples"])
    return [_trimmed(line) for line in np.split(pcm, ends[:-1])], int(header["rate"])


def _trimmed(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    loud = np.flatnonzero(np.abs(pcm) > 0.01)
    return pcm[max(0, loud[0] - 400) : loud[-1] + 800] if len(loud) else pcm
