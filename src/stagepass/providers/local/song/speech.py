"""Makes the voice child speak the lines, and cuts the audio into syllables."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stagepass.providers.local.process import dying_with_parent, plain_environment

PITCH = 42  # of 0-99: low, so that many harmonics show the shape of the mouth
RATE = 150  # words per minute: clear, and still short of consonants that drag
TIME_LIMIT = 20.0
VOWELS = frozenset("aeiouAEIOUV@03Y&")
HANGUL = re.compile(r"[\uac00-\ud7a3]")
_VOICES = {"ko": "ko", "en": "en-us", "korean": "ko", "english": "en-us"}


@dataclass(frozen=True, slots=True)
class Syllable:
    """One syllable within a spoken line; positions are samples: onset ≤ vowel < coda ≤ end."""

    onset: int
    vowel: int
    coda: int
    end: int
    word_start: bool


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """One line as espeak-ng says it on one flat pitch, −1…1, and its syllables in order."""

    pcm: NDArray[np.float32]
    rate: int
    syllables: tuple[Syllable, ...]


def speak(
    lines: list[str], language: str, *, rate: int = RATE, pitch: int = PITCH, melody: int = 0
) -> list[SpokenLine] | None:
    """Have all lines spoken.

    Args:
        lines: the words only, without marks that are not spoken.
        language: BCP 47 tag or English name; a line in Hangul is spoken in Korean whatever it says.
        rate: words per minute.
        pitch: 0–99.
        melody: how much the pitch moves, 0–99; 0 is one flat pitch, which can be sung.

    Returns:
        One `SpokenLine` per line, or None where this machine has no espeak-ng or it failed.
    """
    order = {
        "rate": rate,
        "pitch": pitch,
        "range": melody,
        "lines": [{"text": line, "voice": voice_for(line, language)} for line in lines],
    }
    command = dying_with_parent([sys.executable, "-m", "stagepass.providers.local.song.voice_child"])
    try:
        done = subprocess.run(
            command,
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=TIME_LIMIT,
            env=plain_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0 or b"\n" not in done.stdout:
        return None
    head, _, body = done.stdout.partition(b"\n")
    header = json.loads(head)
    pcm = np.frombuffer(body, dtype="<i2").astype(np.float32) / 32768.0
    spoken, at = [], 0
    for line in header["lines"]:
        samples = int(line["samples"])
        phones = [(str(name), int(first)) for name, first in line["phones"]]
        spoken.append(SpokenLine(pcm[at : at + samples], int(header["rate"]), cut_syllables(phones, samples)))
        at += samples
    return spoken


def voice_for(line: str, language: str) -> str:
    """The espeak-ng voice that speaks this line."""
    if HANGUL.search(line):
        return "ko"
    tag = language.strip().lower()
    tag = _VOICES.get(tag) or _VOICES.get(tag.split("-")[0]) or tag
    return tag if tag != "ko" else "en-us"  # Latin letters only, in a Korean lyric: English words


def cut_syllables(phones: list[tuple[str, int]], samples: int) -> tuple[Syllable, ...]:
    """Group phonemes around their vowels.

    One consonant between two vowels opens the second syllable; of several, the first closes the first syllable,
    as Korean and most English does it. Pauses that espeak-ng puts in belong to no syllable.
    """
    spans = _spans(phones, samples)
    vowels = [index for index, span in enumerate(spans) if span[3]]
    syllables = []
    for order, index in enumerate(vowels):
        before = vowels[order - 1] if order else -1
        after = vowels[order + 1] if order + 1 < len(vowels) else len(spans)
        first = _opening(spans, before, index)
        last = _opening(spans, index, after) if after < len(spans) else len(spans)
        word_start = order == 0 or any(spans[i][4] for i in range(first, index + 1))
        end = spans[last - 1][2]
        syllables.append(Syllable(spans[first][1], spans[index][1], spans[index][2], end, word_start))
    return tuple(syllables)


_Span = tuple[str, int, int, bool, bool]  # name, first, end, is a vowel, starts a word


def _spans(phones: list[tuple[str, int]], samples: int) -> list[_Span]:
    spans: list[_Span] = []
    word = False
    ends = [first for _, first in phones[1:]] + [samples]
    for (name, first), end in zip(phones, ends, strict=True):
        bare = name.lstrip("',%=|")
        if name.startswith("|"):
            word = True
        if not bare or bare.startswith(("_", "(")):
            continue
        # the word mark comes with its first phoneme, so a span's end is the next real phoneme's start or a pause
        spans.append((bare, first, end, bare[0] in VOWELS, word))
        word = False
    return spans


def _opening(spans: list[_Span], left: int, right: int) -> int:
    """Start of the syllable of vowel `right`, after vowel `left` (−1: none)."""
    between = right - left - 1
    if left < 0:
        return 0
    for index in range(left + 1, right + 1):
        if spans[index][4]:
            return index  # a new word takes all of its own consonants
    glide = between >= 2 and spans[right - 1][0][0] in "wj"
    if between <= 1 or (glide and between == 2):
        return left + 1
    return left + 2
