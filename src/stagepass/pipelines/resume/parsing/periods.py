"""Finds how long a person has worked: what the résumé says itself, else its employers' periods."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from stagepass.pipelines.resume.models import Years

MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"),
        1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DATE = (
    rf"(?:(?P<y{{0}}>(?:19|20)\d\d)\s*(?:[./-]\s*|년\s*)(?P<m{{0}}>1[0-2]|0?[1-9])(?!\d)(?:\s*월)?(?:[./-]\d{{{{1,2}}}})?\.?"
    rf"|(?P<n{{0}}>{_MONTH})\.?,?\s+(?P<yn{{0}}>(?:19|20)\d\d)"
    rf"|(?P<ym{{0}}>1[0-2]|0?[1-9])/(?P<yy{{0}}>(?:19|20)\d\d)"
    rf"|(?P<yo{{0}}>(?:19|20)\d\d)(?!\s*년\s*\d)(?:년)?(?![\d.]\d))"
)
_NOW = r"(?P<now>현재|재직\s?중|재직중|present|current|now|today|ongoing|진행\s?중)"
_RANGE = re.compile(
    rf"{_DATE.format('a')}\s*(?:~|–|—|-|∼|〜|to|until|부터)\s*(?:{_DATE.format('b')}|{_NOW}|(?P<open>$|(?=[\s|,)])))",
    re.IGNORECASE | re.MULTILINE,
)
_SCHOOL = re.compile(
    r"대학교|대학원|학사|석사|박사|고등학교|졸업|전공|학점|부트캠프|\b(?:university|college|bachelor(?:'s)?|master's|B\.?Sc|B\.S\.|B\.A\.|M\.?Sc"
    r"|M\.S\.|MBA|Ph\.?D|degree|gpa|bootcamp|diploma|high school)(?![A-Za-z])",
    re.IGNORECASE,
)
_WORK_IN_SCHOOL = re.compile(
    r"병원|교사|강사|조교|연구원|교직원|teacher|lecturer|hospital|professor|researcher|nurse", re.IGNORECASE
)
_WORDS = {
    w: n
    for n, w in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], 1
    )
}
_NUMBER = rf"(?P<n>\d{{1,2}}(?:\.\d)?|{'|'.join(_WORDS)})"
_ROLE = (
    r"(?:engineer|developer|programmer|architect|scientist|analyst|designer|manager|marketer|nurse|teacher|accountant"
    r"|consultant|administrator|specialist|technician|pharmacist|therapist|paralegal|recruiter|chef|cook|barista|driver)"
)
_SAID = [
    re.compile(r"(?<!\d)(?P<n>\d{1,2})\s*년\s*차"),
    re.compile(r"(?:총\s*)?경력\s*[:：]?\s*(?:총\s*)?(?P<n>\d{1,2})\s*년(?:\s*(?P<m>\d{1,2})\s*개월)?"),
    re.compile(
        r"(?<![\d/])(?P<n>\d{1,2})\s*년(?:\s*(?P<m>\d{1,2})\s*개월)?\s*(?:이상의?|간의?|동안의?|여간?의?|의)?\s*(?:실무\s*|현장\s*|임상\s*|근무\s*|교직\s*|영업\s*|개발\s*)?(?:경력|경험|근무|일했|일해|일하)"
    ),
    re.compile(r"(?<![\d/])(?P<n>\d{1,2})\s*년\s*(?:간|동안|째)\s[^.\n]{0,40}?(?:개발|운영|근무|담당|관리|일|설계|분석|지도|연구|맡)(?:하고|해|했|하며|을|를|아|았|합)[가-힣]*"),
    re.compile(rf"\b{_NUMBER}\s*\+?\s*(?:years?|yrs?)['’]?(?:\s+of)?(?:\s+[\w/-]+){{0,4}}?\s+experience", re.IGNORECASE),
    re.compile(rf"\b(?:with|over|for|of|has|have|experience[:,]?)\s+(?:over\s+|more than\s+|about\s+|nearly\s+)?{_NUMBER}\s*\+?\s*(?:years?|yrs?)\b(?!\s+old)", re.IGNORECASE),
    re.compile(r"(?:교사|강사|간호사|개발자|엔지니어|디자이너|마케터|기획자|영업|회계|요리사)\s*(?P<n>\d{1,2})\s*년(?!\s*차)(?=[\s.,]|$)"),
    re.compile(rf"\b{_NUMBER}\s*\+?\s*(?:years?|yrs?)\s+(?:in|as)\b(?!\s+a\s+row)", re.IGNORECASE),
    re.compile(rf"\b{_ROLE}\s*[,:;(|·–—-]?\s*{_NUMBER}\s*\+?\s*(?:years?|yrs?)\b(?!\s+(?:old|ago))", re.IGNORECASE),
    re.compile(rf"\b{_NUMBER}\s*\+?\s*(?:years?|yrs?)['’]?,?\s+(?!old|ago)(?:[\w/-]+\s+){{0,3}}?{_ROLE}\b", re.IGNORECASE),
    re.compile(r"(?P<zero>신입(?!\s*사원\s*교육|\s*교육|사원)|경력\s*무관 신입|\bentry[- ]level\b|\bnew graduate\b|\bfresh graduate\b)", re.IGNORECASE),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """From one month to another (None: until now), and where in the text it stands."""

    start: tuple[int, int]
    end: tuple[int, int] | None
    text: str
    at: int
    to: int


def periods(text: str) -> list[Period]:
    """Every range of dates that makes sense, in the order of the text."""
    found = []
    for match in _RANGE.finditer(text):
        start, end = _month(match, "a", 1), None
        if not (match["now"] or match["open"] is not None):
            end = _month(match, "b", 12)
        if end is None or end >= start:
            found.append(Period(start, end, match[0].strip(), match.start(), match.end()))
    return found


def is_school(line: str) -> bool:
    """Whether a line with a period is about being taught, not about work."""
    return bool(_SCHOOL.search(line)) and not _WORK_IN_SCHOOL.search(line)


def years(text: str, worked: Iterable[Period], today: date) -> Years:
    """What the résumé says itself, else the months of its periods, each counted once."""
    said = [(match.start(), match) for pattern in _SAID[:-1] for match in pattern.finditer(text)]
    if said:
        match = min(said, key=lambda entry: entry[0])[1]
        months = int(match.groupdict().get("m") or 0)
        number = _WORDS.get(match["n"].lower()) or float(match["n"])
        return Years(value=round(float(number) + months / 12, 1), evidence=match[0].strip())
    months_of, evidence = _union(worked, today)
    if months_of:
        return Years(value=round(months_of / 12, 1), evidence=evidence)
    if zero := _SAID[-1].search(text):
        return Years(value=0.0, evidence=zero[0])
    return Years(value=None)


def _union(worked: Iterable[Period], today: date) -> tuple[int, str]:
    now = today.year * 12 + today.month
    spans = sorted(
        (p.start[0] * 12 + p.start[1], min(now, p.end[0] * 12 + p.end[1]) if p.end else now, p.text) for p in worked
    )
    total, reached = 0, 0
    for start, end, _ in spans:
        total += max(0, end + 1 - max(start, reached))
        reached = max(reached, end + 1)
    return total, spans[0][2] if spans else ""


def _month(match: re.Match[str], which: str, else_month: int) -> tuple[int, int]:
    get = match.group
    if get(f"y{which}"):
        return int(get(f"y{which}")), int(get(f"m{which}"))
    if get(f"n{which}"):
        return int(get(f"yn{which}")), MONTHS[get(f"n{which}").lower()]
    if get(f"ym{which}"):
        return int(get(f"yy{which}")), int(get(f"ym{which}"))
    return int(get(f"yo{which}")), else_month
