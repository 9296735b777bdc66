"""Spans of time as people say them."""

import pytest

from stagepass.content.translate import translated
from stagepass.spans import in_words


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (0.2, "0.2 s", "0.2초"),
        (10, "10 s", "10초"),
        (60, "1 min", "1분"),
        (90, "90 s", "90초"),
        (150, "2 min 30 s", "2분 30초"),
        (300, "5 min", "5분"),
        (3600, "1 h", "1시간"),
        (5400, "1 h 30 min", "1시간 30분"),
        (86_400, "1 day", "1일"),
        (100_000, "27 h 47 min", "27시간 47분"),
        (7 * 86_400, "7 days", "7일"),
        (9 * 86_400 + 7200, "9 days 2 h", "9일 2시간"),
    ],
)
def test_a_span_in_words(seconds: float, english: str, korean: str) -> None:
    assert in_words(seconds) == english
    assert translated(in_words(seconds), "ko") == korean
