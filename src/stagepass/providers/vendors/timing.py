"""Folds a vendor's timed words into the lines of the lyric."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stagepass.providers.ports import LineTiming
from stagepass.providers.vendors import wire

MOST_WORDS = 5_000
"""Timed words that are looked at; a song has some hundreds."""

MOST_LINES = 1_000

_TAG = re.compile(r"\[[^\[\]\n]*+\]")


@dataclass(slots=True)
class _Line:
    text: str = ""
    times: list[tuple[float, float]] = field(default_factory=list)


def fold(words: Sequence[Mapping[str, Any]]) -> list[LineTiming]:
    """The sung lines with their times in seconds.

    Words carry the lyric's line breaks and section tags inside (``"[Verse]\\nWaggin'"``). A line is sung from
    its first word to its last; one of which no word was found is sung between its neighbours.

    Args:
        words: as ``alignedWords`` of sunoapi.org: `word`, `startS`, `endS`, `success`.
    """
    lines = [_Line()]
    for word in words[:MOST_WORDS]:
        first, *following = wire.word(word.get("word")).split("\n")
        pieces = [(lines[-1], first)]
        for text in following:
            lines.append(_Line())
            pieces.append((lines[-1], text))
        time = _time(word)
        for line, text in pieces:
            line.text += text if text[:1].isspace() or not line.text or line.text[-1:].isspace() else f" {text}"
            if time and _TAG.sub("", text).strip():
                line.times.append(time)
    sung = [line for line in lines if _TAG.sub("", line.text).strip()][:MOST_LINES]
    return _ordered(sung) if any(line.times for line in sung) else []


def _time(word: Mapping[str, Any]) -> tuple[float, float] | None:
    start, end = word.get("startS"), word.get("endS")
    known = word.get("success", True) and isinstance(start, (int, float)) and isinstance(end, (int, float))
    return (float(start), float(end)) if known else None  # type: ignore[arg-type]


def _ordered(lines: Sequence[_Line]) -> list[LineTiming]:
    """Lines with times that never run backwards."""
    timed: list[LineTiming] = []
    at = 0.0
    for number, line in enumerate(lines):
        text = " ".join(_TAG.sub("", line.text).split())
        following = next((later.times[0][0] for later in lines[number + 1 :] if later.times), at)
        start = max(at, line.times[0][0] if line.times else at)
        end = max(start, line.times[-1][1] if line.times else following)
        timed.append(LineTiming(text, round(start, 3), round(end, 3)))
        at = end
    return timed
