"""Puts together what a résumé shows: the whole of `resume.parse`."""

import re
from collections import Counter
from datetime import date
from functools import cache
from typing import Literal

from stagepass.pipelines.resume import rulebook
from stagepass.pipelines.resume.models import Employer, Profile, Skill
from stagepass.pipelines.resume.parsing.deeds import deeds
from stagepass.pipelines.resume.parsing.periods import Period, is_school, periods, years
from stagepass.pipelines.resume.parsing.sections import section_at
from stagepass.pipelines.resume.parsing.skills import Found, find, taxonomy
from stagepass.pipelines.resume.request import ResumeRequest

GENERAL = "general"
"""The field of a résumé whose field is not known."""

_COMPANY = re.compile(
    r"㈜|\(주\)|주식회사|\b(?:Inc|Ltd|LLC|GmbH|Corp|Co|plc)\b\.?|병원|의원|은행|학교|센터|그룹|전자|건설|상사|물산|랩스|호텔|재단|공사|공단"
    r"|Hospital|Bank|School|Group|Labs|Hotel|Company|Clinic|Studio|Logistics|Systems|Technologies|Foods|Motors",
)


def read_profile(text: str, request: ResumeRequest, today: date) -> Profile:
    """What the text shows; nothing that is not in it."""
    found = find(text)
    field, role = _field_and_role(text, found, request.target_role)
    worked = [period for period in periods(text) if _is_work(text, period)]
    return Profile(
        text=text,
        language=request.language or language_of(text),
        field=field,
        role=role,
        years=years(text, worked, today),
        skills=[Skill(id=each.skill.id, name=each.skill.name, evidence=each.text) for each in found],
        employers=[employer for period in worked if (employer := _employer(text, period))],
        deeds=deeds(text),
        missing=rulebook.lacking(field, (each.skill.id for each in found)),
    )


def language_of(text: str) -> Literal["ko", "en"]:
    """Korean where a tenth of the letters are; technical words are Latin in every résumé."""
    letters = [char for char in text if char.isalpha()]
    korean = sum("가" <= char <= "힣" for char in letters)
    return "ko" if korean * 10 >= len(letters) else "en"


def field_of(title: str) -> str | None:
    """The field that a title belongs to."""
    found = _roles(title)
    return found[0][1] if found else None


def _roles(text: str) -> list[tuple[int, str, str]]:
    """(place, field, title as it stands) of every title in a text; the longest at each place."""
    found = [
        (match.start(), -len(match[0]), field, match[0])
        for field, pattern in _titles()
        for match in pattern.finditer(text)
    ]
    return [(at, field, title) for at, _, field, title in sorted(found)]


@cache
def _titles() -> list[tuple[str, re.Pattern[str]]]:
    """A pattern for each title: Latin ones as words, Korean ones with or without their spaces."""
    return [(field, _titled(title)) for field, entry in rulebook.fields().items() for title in entry.titles]


def _titled(title: str) -> re.Pattern[str]:
    if title.isascii():
        spaced = re.escape(title).replace(r"\ ", r"[\s-]+")
        return re.compile(rf"(?<![A-Za-z]){spaced}(?![A-Za-z])", re.IGNORECASE)
    return re.compile(re.escape(title).replace(r"\ ", r"\s*"), re.IGNORECASE)


def _field_and_role(text: str, found: list[Found], target: str) -> tuple[str, str]:
    """By titles, the earlier the heavier, and by skills; where neither tells, by the wish."""
    roles = _roles(text)
    points: Counter[str] = Counter()
    for number, (_, field, _title) in enumerate(roles[:6]):
        points[field] += 6 - number
    for each in found:
        points[each.skill.field] += 1
    del points["common"]
    wished = field_of(target)
    if wished and points[wished]:
        points[wished] += 2
    if not points:
        return wished or GENERAL, ""
    field = max(points, key=lambda name: (points[name], name == wished, name))
    own = [title for _, of, title in roles if of == field] or [title for _, _, title in roles]
    whole = [title for title in own if own[0].lower() in title.lower()] if own else []
    return field, max(whole, key=len) if whole else ""  # 백엔드 개발자 rather than the 백엔드 of a sentence


def _is_work(text: str, period: Period) -> bool:
    """Whether a period is of an employment: not of a school, and not of a project within it."""
    line = _line(text, period)
    if is_school(line):
        return False
    section = section_at(text, period.at)
    return section not in ("project", "school") or bool(
        _COMPANY.search(line) or (section == "project" and _roles(line))
    )


def _line(text: str, period: Period) -> str:
    start = text.rfind("\n", 0, period.at) + 1
    end = text.find("\n", period.to)
    return text[start : end if end >= 0 else len(text)]


def _employer(text: str, period: Period) -> Employer | None:
    """The parts of the line beside its dates: the one that looks like a company, and a title."""
    line = _line(text, period).replace(period.text, "|")
    line = line.replace("(주)", "㈜")
    parts = [part.strip(" \t·,()[]-–—:*#•") for part in re.split(r"[|,/·]|\s[-–—]\s|\t|\s{2,}|\(|\)(?!\S)", line)]
    parts = [part for part in parts if 2 <= len(part) <= 60 and any(map(str.isalpha, part))]
    if not parts:
        return None
    company = next((part for part in parts if _COMPANY.search(part)), None)
    role = next((title for part in parts for _, _, title in _roles(part)), "")
    name = company or next((part for part in parts if not _roles(part)), parts[0])
    if role and name.endswith(role) and len(name) > len(role):
        name = name[: -len(role)].strip()
    name = name if name in _line(text, period) else name.replace("㈜", "(주)")  # as it stands in the résumé
    end = None if period.end is None else f"{period.end[0]}-{period.end[1]:02}"
    return Employer(name=name, role=role, start=f"{period.start[0]}-{period.start[1]:02}", end=end)


def skill_name(skill_id: str) -> str:
    """How a skill is written."""
    return taxonomy()[skill_id].name
