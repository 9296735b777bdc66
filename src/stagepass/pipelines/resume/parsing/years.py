"""How long a person has worked: what the résumé says of it, else the sum of its employers' periods."""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache

from stagepass.pipelines.resume import rulebook
from stagepass.pipelines.resume.models import Years
from stagepass.pipelines.resume.parsing.lines import Line
from stagepass.pipelines.resume.parsing.periods import union

MOST = 60
_WORDS = {
    word: number
    for number, word in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
         "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"], 1
    )
}  # fmt: skip
_N = rf"(?P<n>\d{{1,2}}(?:\.\d)?|{'|'.join(sorted(_WORDS, key=len, reverse=True))})\s?\+?\s?(?:years?|yrs?)['’]?"
_TOTAL = (
    re.compile(r"(?<!\d)(?P<n>\d{1,2})\s?년(?:\s?(?P<m>\d{1,2})\s?개월)?\s?차(?!\s?(?:에|때))"),
    re.compile(r"(?:총\s?)?경력\s?[:：(]?\s?(?:총\s?|약\s?)?(?P<n>\d{1,2})\s?년(?:\s?(?P<m>\d{1,2})\s?개월)?"),
    re.compile(r"(?<![\d/])(?P<n>\d{1,2})\s?년(?:\s?(?P<m>\d{1,2})\s?개월)?\s?(?:이상의?|간의?|동안의?|여간?의?|의)?\s?(?:[가-힣]{2,6}\s?){0,2}?(?:경력|경험)(?![가-힣]{0,4}\s?없)"),
    re.compile(r"(?<![\d/])(?P<n>\d{1,2})\s?년(?:간|동안|째)?\s?(?:근무|일했|일해|일하|재직)"),
    re.compile(rf"\b{_N}(?:\sof)?(?:\s[\w/&-]{{1,20}}){{0,5}}?\sexperience\b", re.IGNORECASE),
    re.compile(rf"\bexperience\s?[:,(]?\s?(?:of\s|over\s)?{_N}", re.IGNORECASE),
    re.compile(rf"\b(?:work(?:ed|ing)|served|been|experience|practi[cs](?:ed|ing)|taught|teaching|cooked|cooking|driv(?:en|ing)|career)\b[^.\n]{{0,60}}?\bfor\s(?:over\s|more\sthan\s|about\s|the\s(?:last|past)\s)?{_N}(?!\s(?:old|ago))", re.IGNORECASE),
)  # fmt: skip
_LATER = (
    re.compile(r"(?<![\d/])(?P<n>\d{1,2})\s?년\s?(?:간|동안|째)\s[^.\n]{0,40}?(?:개발|운영|근무|담당|관리|일|설계|분석|지도|연구|맡)(?:하고|해|했|하며|을|를|아|았|합)[가-힣]{0,8}"),
)  # fmt: skip
_ZERO = re.compile(
    r"(?:^|\s)(?P<z>신입(?=$|[\s,.]|입니다|으로|로서)(?!\s?(?:사원|직원|교육|간호사\s?\d|개발자\s?\d|[가-힣]{2,5}\s?\d))|\bentry[- ]level\b|\b(?:new|fresh|recent) graduate\b)",
    re.IGNORECASE,
)


def years(lines: list[Line], today: date) -> Years:
    """What the résumé says of the whole career, else the months of its periods, each counted once.

    A span within an achievement (“zero adjustments in 3 years”) says nothing about the career.
    """
    told = [
        line for line in lines if not line.bulleted and line.section not in ("project", "school", "skills", "other")
    ]
    if said := next(_said(told, (*_TOTAL, *_beside_title())), None):
        return said
    months, evidence = union((p for line in lines if line.of_work for p in line.periods), today)
    if months:
        return Years(value=round(months / 12, 1), evidence=evidence)
    if said := next(_said(lines, (*_TOTAL[1:], *_LATER)), None):
        return said
    for line in told[:8]:
        if zero := _ZERO.search(line.text):
            return Years(value=0.0, evidence=zero["z"])
    return Years(value=None)


def _said(lines: list[Line], patterns: tuple[re.Pattern[str], ...]) -> Iterator[Years]:
    """Every span that a line says of a career, in the order of the text."""
    for line in lines:
        text = line.text[:2000]
        found = [match for pattern in patterns if (match := pattern.search(text))]
        for match in sorted(found, key=re.Match.start):
            months = int(match.groupdict().get("m") or 0)
            number = _WORDS.get(match["n"].lower()) or float(match["n"])
            if number <= MOST:
                yield Years(value=round(float(number) + months / 12, 1), evidence=match[0].strip())


@cache
def _beside_title() -> tuple[re.Pattern[str], ...]:
    """A number of years beside a position: “nurse, 6 years”, “4+ yrs senior data engineer”, 간호사 6년."""
    titles = rulebook.acts().titles
    latin = "|".join(re.escape(title) for title in titles if title.isascii())
    korean = "|".join(re.escape(title) for title in titles if not title.isascii())
    about = r"(?:over\s|more\sthan\s|about\s|nearly\s)?"
    no = r"(?!\s(?:old|ago|in\sa\srow)|\w)"
    return (
        re.compile(
            rf"\b(?:{latin})\s?(?:\([^()]{{0,30}}\)\s?)?[,:;(|·–—-]{{0,2}}\s?(?:with\s|for\s|of\s)?{about}{_N}{no}",
            re.I,
        ),
        re.compile(rf"\b{_N}{no},?\s(?:in\s|as\s(?:an?\s)?)?(?:[\w/-]{{1,20}}\s){{0,3}}?(?:{latin})\b", re.I),
        re.compile(rf"\b{_N}{no}\s(?:in|as)\b(?!\sa\srow)", re.I),
        re.compile(rf"(?:{korean})\s?(?P<n>\d{{1,2}})\s?년(?!\s?차|\d)(?=[\s.,)]|$)"),
    )
