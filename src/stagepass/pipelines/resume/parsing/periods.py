"""Finds periods: pairs of dates with a range sign or word between them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

from stagepass.pipelines.resume import rulebook
from stagepass.pipelines.resume.parsing.dates import Date, dates
from stagepass.pipelines.resume.parsing.folded import folded

LONGEST = 55
"""Years of one period at most."""

Month = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Period:
    """From one month to another, and where in the text it stands.

    Attributes:
        start, end: (year, month), the month 0 where only the year is said; `end` None until now.
        known: False where the résumé says an end that is not understood.
    """

    start: Month
    end: Month | None
    text: str
    at: int
    to: int
    known: bool = True


_MARK = r"[~→>-]"
_SHORT = re.compile(r"(?P<n>\d{1,2})(?P<unit>\s?(?:월|년))?(?![\d.,:/%]|\s?(?:개|건|명|원|시|배|일|년|차|분기))")
_OPENED = re.compile(
    rf"\s?(?:부터|에|입사|\(입사\))?\s{{0,2}}({_MARK}{{1,2}})[ \t]{{0,3}}(?=$|\n|[)\]|/,;:])", re.MULTILINE
)
_TILDE = re.compile(r"\s?(?:부터)?\s{0,2}~\s{0,2}(?=[^\W\d_(㈜])")
_STRANGE = re.compile(
    rf"\s?{_MARK}{{1,2}}\s?(?:[^\W\d_]{{1,14}}\.?\s){{1,2}}(?:19|20)\d\d(?!\d)|\s?{_MARK}{{1,2}}\s?\?{{1,3}}"
)
_LEFT = re.compile(r"\s?[)\]]?\s?(?:까지|퇴사|\(퇴사\))?")


def periods(text: str) -> list[Period]:
    """Every range of dates that makes sense, in the order of the text. Time is in step with the text's length."""
    plain = folded(text)
    found: list[Period] = []
    last_end = -1
    there = list(dates(plain))
    for number, start in enumerate(there):
        if start.at < last_end:
            continue
        after = there[number + 1] if number + 1 < len(there) else None
        period = _period(text, plain, start, after)
        if period is not None:
            found.append(period)
            last_end = period.to
    return found


def _period(text: str, plain: str, start: Date, after: Date | None) -> Period | None:
    if plain[start.at - 1 : start.at] == "-" and plain[start.at - 2 : start.at - 1].isdigit():  # of a telephone number
        return None
    if after is not None and after.at - start.to <= 24 and _between().fullmatch(plain, start.to, after.at):
        return _made(text, start, after, after.to)
    if start.year is None:
        return None
    if now := _now().match(plain, start.to):
        return _made(text, start, None, now.end()) if start.sure or start.has_month else None
    if short := _shortened(plain, start):
        return _made(text, start, short, short.to)
    if not start.sure:
        return None
    if strange := _STRANGE.match(plain, start.to):
        return _made(text, start, None, strange.end(), known=False)
    if opened := _OPENED.match(plain, start.to):
        mark_ends_line = plain[opened.end() : opened.end() + 1] in ("", "\n", ")", "]", "|") or opened[1] == "~"
        return _made(text, start, None, opened.end()) if mark_ends_line else None
    if start.has_month and (opened := _TILDE.match(plain, start.to)):
        return _made(text, start, None, opened.end())
    if (start.has_month and _since().search(plain, max(0, start.at - 8), start.at)) or _working().match(
        plain, start.to
    ):
        return _made(text, start, None, start.to)
    return None


def _shortened(plain: str, start: Date) -> Date | None:
    """The end of 2019.03 ~ 11, or of 2019 ~ 22."""
    mark = re.compile(rf"\s{{0,2}}{_MARK}{{1,2}}\s{{0,2}}").match(plain, start.to)
    short = _SHORT.match(plain, mark.end()) if mark else None
    if short is None or start.year is None:
        return None
    value = int(short["n"])
    if start.has_month and "년" not in (short["unit"] or "") and start.months[0] <= value <= 12:
        return Date(start.year, (value, value), short.start(), short.end())
    if not start.has_month and len(short["n"]) == 2 and value > start.year % 100:
        return Date(start.year // 100 * 100 + value, (0, 0), short.start(), short.end())
    return None


def _made(text: str, start: Date, end: Date | None, to: int, *, known: bool = True) -> Period | None:
    year = start.year or (end.year if end else None)
    if year is None or (end is not None and end.year is None):
        return None
    begins = (year, start.months[0])
    if start.year is None and end is not None and start.months[0] > end.months[1]:
        begins = (year - 1, start.months[0])
    ends = (end.year or 0, end.months[1]) if end else None
    if ends is not None and not (
        begins[0] <= ends[0] <= begins[0] + LONGEST and _number(begins) <= _number(ends, last=True)
    ):
        return None
    return Period(begins, ends, text[start.at : to].strip(), start.at, to, known)


def _number(month: Month, *, last: bool = False) -> int:
    return month[0] * 12 + (month[1] or (12 if last else 1))


@cache
def _between() -> re.Pattern[str]:
    words = "|".join(map(re.escape, sorted(rulebook.dates().to, key=len, reverse=True)))
    return re.compile(
        rf"\s?[)\]]?\s?(?:부터|에|입사|\(입사\))?[ \t]{{0,3}}(?:{_MARK}{{1,3}}|(?<![^\W\d_])(?:{words})(?![A-Za-z]))\s{{0,3}}[(\[]?"
        r"|\s?부터\s{1,3}"
        r"|\s{0,3}[/|,;]?\s{0,3}(?:퇴사일?|퇴직일?|종료일?|end(?:\sdate)?)\s?:?\s{0,2}",
        re.IGNORECASE,
    )


@cache
def _now() -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in sorted(rulebook.dates().now, key=len, reverse=True))
    to = "|".join(map(re.escape, sorted(rulebook.dates().to, key=len, reverse=True)))
    return re.compile(
        rf"\s?(?:부터|에|입사|\(입사\))?[ \t]{{0,3}}(?:{_MARK}{{1,3}}|(?<![^\W\d_])(?:{to})(?![A-Za-z]))?\s{{0,3}}[(\[]?\s?(?:{words})(?![a-z])(?:까지)?(?:\s?(?:재직|근무|진행)\s?중)?",
        re.IGNORECASE,
    )


@cache
def _since() -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W\d_])(?:{'|'.join(rulebook.dates().since[:-1])})\s$", re.IGNORECASE)


@cache
def _working() -> re.Pattern[str]:
    return re.compile(rf"\s?(?:부터|이후)\s?(?:[가-힣]{{1,8}}(?:에서)?\s)?(?:{'|'.join(rulebook.dates().working)})")


def union(worked: Iterable[Period], today: date) -> tuple[int, str]:
    """Months of these periods, each counted once, and the words of the first. What only a year is said of begins and
    ends in the middle of it."""
    now = today.year * 12 + today.month
    spans = sorted((*_span(period, now), period.text) for period in worked if period.known)
    total, reached = 0, 0
    for start, end, _ in spans:
        total += max(0, end + 1 - max(start, reached))
        reached = max(reached, end + 1)
    return total, spans[0][2] if spans else ""


def _span(period: Period, now: int) -> tuple[int, int]:
    start = period.start[0] * 12 + (period.start[1] or 7)
    if period.end is None:
        return start, now
    same_year = not period.start[1] and not period.end[1] and period.start[0] == period.end[0]
    end = period.end[0] * 12 + (period.end[1] or (12 if same_year or period.start == (period.end[0], 0) else 6))
    return start, min(now, max(start, end))
