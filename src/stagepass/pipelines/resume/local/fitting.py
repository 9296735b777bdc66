"""Finds the questions that fit the applicant's experience and skills, with a score."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from stagepass.pipelines.resume import rulebook, ruleschema
from stagepass.pipelines.resume.local.words import message
from stagepass.pipelines.resume.models import Deed, Profile, Skill
from stagepass.pipelines.resume.parsing.skills import taxonomy

_WORD, _SKILL, _FIGURES, _KIND, _FIELD = 9.0, 6.0, 2.0, 2.0, 1.0
"""What a question gains by each thing that it asks for and that is there: the more particular, the more."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A question that can be asked, of what, and how well it fits."""

    entry: ruleschema.QuestionEntry
    deed: Deed | None
    skill: Skill | None
    points: float
    guide: str = ""


def fits(profile: Profile, about: str, deed: Deed) -> Iterator[Fit]:
    """Every question of a kind that fits something the person did."""
    used = [skill for skill in profile.skills if skill.id in deed.skills]
    for entry in entries(about):
        when = entry.when
        if when.words and not _words(tuple(when.words)).search(deed.text):
            continue
        if (when.kinds and deed.kind not in when.kinds) or (when.fields and profile.field not in when.fields):
            continue
        of = used or _of_the_field(profile, when, deed)
        fitting = [skill for skill in of if skill.id in when.skills]
        if when.skills and not fitting:
            continue
        points = _WORD * bool(when.words) + _KIND * bool(when.kinds) + _FIELD * bool(when.fields)
        points += _FIGURES * (when.change or when.scale) + bool(when.skills) * (_SKILL if used else _SKILL / 2)
        yield Fit(entry, deed, fitting[0] if fitting else next(iter(used), None), points)


def _of_the_field(profile: Profile, when: ruleschema.When, deed: Deed) -> list[Skill]:
    """Skills of a field, for hands-on work that names no tool."""
    led = deed.kind == "lead" or (deed.kind == "teach" and when.field != "teaching")
    return [] if when.field != profile.field or led else profile.skills


def of_skill(profile: Profile, about: str, skill: Skill) -> Iterator[Fit]:
    """Every question of a kind about a skill; those made for it fit better.

    A tool can be asked about by its name alone; what people do is asked about by what they did.
    """
    for entry in entries(about):
        if entry.when.fields and profile.field not in entry.when.fields:
            continue
        if skill.id in entry.when.skills or (not entry.when.skills and taxonomy()[skill.id].is_tool):
            yield Fit(entry, None, skill, _SKILL * bool(entry.when.skills))


def slots(entry: ruleschema.QuestionEntry, language: str) -> set[str]:
    """What has to be known for a question."""
    wording = getattr(entry, language)
    texts = (wording.q, wording.why, *wording.covers, *wording.next)
    return {slot for text in texts for slot in message(text).parameters}


@cache
def entries(about: str) -> tuple[ruleschema.QuestionEntry, ...]:
    """Every question of a kind."""
    return tuple(entry for entry in rulebook.questions() if entry.about == about)


@cache
def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    """Korean words wherever they stand; Latin ones from their beginning, and short ones whole."""
    return re.compile("|".join(map(_edged, words)), re.IGNORECASE)


def _edged(word: str) -> str:
    if not word.isascii():
        return re.escape(word)
    return rf"(?<![A-Za-z]){re.escape(word)}" + (r"(?![A-Za-z])" if len(word) <= 3 else "")
