"""Dates as résumés have them: Korean, English and five more languages, with or without month and day.

All patterns are bounded, so that reading them takes time in step with the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from stagepass.pipelines.resume import rulebook

_YEAR = r"(?:19[5-9]\d|20\d\d)"
_MONTH = r"(?:1[0-2]|0?[1-9])"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"


@dataclass(frozen=True, slots=True)
class Date:
    """A date in a text.

    Attributes:
        year: None for a month that takes its year from the other end of its range.
        months: the first and the last month that it can mean; (0, 0) for a year by itself.
        sure: whether it is a date by its look alone; "19.03" is one only beside another.
    """

    year: int | None
    months: tuple[int, int]
    at: int
    to: int
    sure: bool = True

    @property
    def has_month(self) -> bool:
        return self.months != (0, 0)


@cache
def _pattern() -> re.Pattern[str]:
    rules = rulebook.dates()
    months = "|".join(sorted((name for names in rules.months for name in names), key=len, reverse=True))
    seasons = "|".join(sorted((s for s in rules.seasons if s.isascii() and len(s) > 2), key=len, reverse=True))
    parts = "|".join(s for s in rules.seasons if not s.isascii())
    short = r"(?:[QH][1-4])"
    ordinal = r"(?:st|nd|rd|th)?"
    return re.compile(
        "|".join(
            (
                # 2019.03.02. / 2019. 3월 / 2019-03 / 2019/03/02 / 2019년 3월 2일
                rf"(?<![\d.])(?P<y1>{_YEAR})\.\s?(?P<m1>{_MONTH})(?!\d)(?:\s?월|\.\s?{_DAY}(?![\d.]\d|\d))?\.?",
                rf"(?<!\d)(?P<y2>{_YEAR})-(?P<m2>{_MONTH})(?!\d)(?:-{_DAY}(?!\d))?",
                rf"(?<!\d)(?P<y3>{_YEAR})/(?P<m3>{_MONTH})(?!\d)(?:/{_DAY}(?!\d))?",
                rf"(?<!\d)(?P<y4>{_YEAR})\s?년?\s?(?P<m4>{_MONTH})\s?월(?:\s?{_DAY}\s?일)?",
                # 2020년 상반기, 2020 Q1
                rf"(?<!\d)(?P<y5>{_YEAR})\s?년?\s?(?P<s5>{parts})",
                rf"(?<!\d)(?P<y6>{_YEAR})[\s/-]?(?P<s6>{short})(?![A-Za-z\d])",
                rf"(?<![A-Za-z])(?P<s7>{short})[\s/'-]{{0,2}}(?P<y7>{_YEAR})(?!\d)",
                # '19.03, 19년 3월
                rf"'(?P<k1>\d\d)\s?[./년-]\s?(?P<m8>{_MONTH})(?!\d)(?:\s?월|[./-]{_DAY}(?!\d))?\.?",
                rf"(?<![\d'.])(?P<k2>\d\d)\s?년\s?(?P<m9>{_MONTH})\s?월(?:\s?{_DAY}\s?일)?",
                # Mar 2019 / 2 March, 2019 / March 2, 2019 / 2019 March / Mar '19
                rf"(?<![^\W_])(?:{_DAY}{ordinal}\.?\s{{1,2}}(?:de\s)?)?(?<![^\W\d_])(?P<n1>{months})(?![^\W\d_])\.?,?\s{{0,2}}(?:{_DAY}{ordinal},?\s{{1,2}}(?={_YEAR}))?"
                rf"(?:de\s|del\s|of\s)?(?:(?P<y10>{_YEAR})|'(?P<k3>\d\d))(?!\d)",
                rf"(?<!\d)(?P<y11>{_YEAR})\s(?P<n2>{months})(?![^\W\d_])",
                rf"(?<![^\W\d_])(?P<s8>{seasons})(?:\sof)?\s(?P<y12>{_YEAR})(?!\d)",
                # 01.2019 / 15.01.2019 / 01/15/2019
                rf"(?<![\d./-])(?:(?P<a13>\d{{1,2}})[./-]\s?)?(?P<b13>\d{{1,2}})[./-]\s?(?P<y13>{_YEAR})(?!\d)",
                # 201903, 20190302
                rf"(?<![\d.,-])(?P<y14>{_YEAR})(?P<m14>0[1-9]|1[0-2])(?:{_DAY})?(?![\d.,-]\d|\d|\s?[가-힣%])",
                # 2019
                rf"(?<![\d.,/])'?(?P<y15>{_YEAR})(?:\s?년도?)?(?!\d|[.,/]\d|\s?(?:차|년\s?차|건(?![가-힣])|명|원(?![가-힣])|개(?![가-힣])|회(?![가-힣])|%|만(?:\s?[원명건개]|(?![가-힣]))))",
                # 19.03, 19/03: only beside another date
                rf"(?<![\d.,:/$€£₩'-])(?P<k16>\d\d)\.\s?(?P<m16>0[1-9]|1[0-2])(?!\d|\s?[%배점시])(?:\.{_DAY}(?!\d))?\.?",
                r"(?<![\d.,:/$€£₩'-])(?P<a19>\d\d)/(?P<b19>\d\d)(?![\d/]|\s?[%배점시])",
                r"(?<![\d.,:/$€£₩-])'?(?P<k17>\d\d)\s?년(?!\s?(?:차|간|동안|째|\d))",
                # Jan (of the year at the other end)
                rf"(?<![^\W\d_])(?P<n18>{months})(?![^\W\d_])\.?",
            )
        ),
        re.IGNORECASE,
    )


def dates(text: str) -> Iterator[Date]:
    """Every date of a folded text, in its order."""
    for match in _pattern().finditer(text):
        found = _date(match)
        if found is not None:
            yield found


def _date(match: re.Match[str]) -> Date | None:
    parts = {name: value for name, value in match.groupdict().items() if value is not None}
    which = next(iter(parts))
    at, to = match.span()
    year = next((int(v) for k, v in parts.items() if k[0] == "y"), None)
    if "b19" in parts:
        return _year_and_month(int(parts["a19"]), int(parts["b19"]), at, to)
    if two := next((v for k, v in parts.items() if k[0] == "k"), None):
        year = _century(int(two))
        if year is None:
            return None
    month = next((int(v) for k, v in parts.items() if k[0] == "m"), None)
    if month is not None:
        return Date(year, (month, month), at, to, sure=which not in ("k16", "y14"))
    if name := next((v for k, v in parts.items() if k[0] == "n"), None):
        month = _months()[name.lower()]
        return Date(year, (month, month), at, to, sure=year is not None)
    if season := next((v for k, v in parts.items() if k[0] == "s"), None):
        return Date(year, rulebook.dates().seasons[season.lower()], at, to)
    if "b13" in parts:
        return _by_numbers(parts, year, at, to)
    return Date(year, (0, 0), at, to, sure=which != "k17")


def _by_numbers(parts: dict[str, str], year: int | None, at: int, to: int) -> Date | None:
    """Day and month in either order; the day is the one that can be no month."""
    first, second = int(parts.get("a13", 0)), int(parts["b13"])
    month = second if second <= 12 else first
    day = first if second <= 12 else second
    if not (1 <= month <= 12 and day <= 31):
        return None
    return Date(year, (month, month), at, to)


@cache
def _months() -> dict[str, int]:
    return {name: number for number, names in enumerate(rulebook.dates().months, 1) for name in names}


def _year_and_month(first: int, second: int, at: int, to: int) -> Date | None:
    """03/19 is March 2019, and 19/03 too."""
    month, two = (first, second) if first <= 12 else (second, first)
    year = _century(two)
    return Date(year, (month, month), at, to, sure=False) if year and 1 <= month <= 12 else None


def _century(two: int) -> int | None:
    """The year of two digits; none for those that are neither near nor a lifetime ago."""
    return 2000 + two if two <= 35 else 1900 + two if two >= 60 else None
