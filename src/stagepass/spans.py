"""Spans of time in words: ``10 s``, ``5 min``, ``2 h 30 min``, ``7 days``; in Korean 10초, 5분, 2시간 30분, 7일."""

from stagepass.sentences import Sentence, sentence

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def in_words(seconds: float) -> Sentence:
    """A span as people say it: in its largest unit, with the next one where that says more."""
    if seconds < 10 and seconds != int(seconds):
        return sentence("{n} s", n=f"{seconds:.2g}")
    whole = round(seconds)
    if whole < 2 * _MINUTE and whole != _MINUTE:
        return sentence("{n} s", n=whole)
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        return sentence("{n} min {m} s", n=minutes, m=rest) if rest else sentence("{n} min", n=minutes)
    if whole < 2 * _DAY and whole != _DAY:
        hours, rest = divmod(round(whole / _MINUTE), 60)
        return sentence("{n} h {m} min", n=hours, m=rest) if rest else sentence("{n} h", n=hours)
    days, rest = divmod(round(whole / _HOUR), 24)
    if rest:
        return sentence("{n} days {m} h", n=days, m=rest)
    return sentence("{n} day", n=days) if days == 1 else sentence("{n} days", n=days)
