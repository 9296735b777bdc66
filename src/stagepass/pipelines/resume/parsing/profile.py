"""Puts together what a résumé shows: the whole of `resume.parse`."""

import re
from collections import Counter
from datetime import date
from functools import cache
from typing import Literal

from stagepass.pipelines.resume import rulebook
from stagepass.pipelines.resume.models import Employer, Profile, Skill
from stagepass.pipelines.resume.parsing.acts import title_in
from stagepass.pipelines.resume.parsing.deeds import deeds
from stagepass.pipelines.resume.parsing.employers import employers
from stagepass.pipelines.resume.parsing.lines import lines_of
from stagepass.pipelines.resume.parsing.skills import Found, find, taxonomy
from stagepass.pipelines.resume.parsing.years import years
from stagepass.pipelines.resume.request import ResumeRequest

FEW = 3
"""Skills of a field that are needed beside a position that is of no known field."""

_MARKUP = re.compile(r"\*\*|`")
"""Markdown that is not to be quoted."""

GENERAL = "general"
"""The field of a résumé whose field is not known."""


def read_profile(text: str, request: ResumeRequest, today: date) -> Profile:
    """What the text shows; nothing that is not in it."""
    text = _MARKUP.sub("", text)
    lines = lines_of(text)
    worked = employers(lines)
    found = find(_without_names(text, worked))
    field, role = _field_and_role(text, found, request.target_role)
    return Profile(
        text=text,
        language=request.language or language_of(text),
        field=field,
        role=role,
        years=years(lines, today),
        skills=[Skill(id=each.skill.id, name=each.skill.name, evidence=text[each.start : each.end]) for each in found],
        employers=worked,
        deeds=deeds(lines),
        missing=rulebook.lacking(field, (each.skill.id for each in found), text),
    )


def _without_names(text: str, worked: list[Employer]) -> str:
    """The text with its employers' names blanked out, letter for letter: Java House is a café."""
    for employer in worked:
        if len(employer.name) > 2:
            text = text.replace(employer.name, "\0" * len(employer.name))
    return text


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
    if not points or (not roles and title_in(text[:400]) and max(points.values()) < FEW):
        return wished or GENERAL, ""
    field = max(points, key=lambda name: (points[name], name == wished, name))
    own = [title for _, of, title in roles if of == field] or [title for _, _, title in roles]
    whole = [title for title in own if own[0].lower() in title.lower()] if own else []
    return field, max(whole, key=len) if whole else ""  # 백엔드 개발자 rather than the 백엔드 of a sentence


def skill_name(skill_id: str, language: str = "en") -> str:
    """How a skill is written in a language."""
    skill = taxonomy()[skill_id]
    return (language == "ko" and skill.name_ko) or skill.name
