"""The rules of `resume` as data (`rules/*.json`), each file read and checked once."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import TypeVar

from stagepass.pipelines.resume.ruleschema import (
    Acts,
    Dates,
    FieldEntry,
    Fields,
    Head,
    Headings,
    Place,
    QuestionEntry,
    Questions,
    ResourceEntry,
    Resources,
    Skills,
    Topics,
)

R = TypeVar("R", bound=Head)


def _load(schema: type[R], name: str) -> R:
    """One file of rules, checked."""
    return schema.model_validate_json((files(__package__) / "rules" / f"{name}.json").read_text("utf-8"))


@cache
def skills() -> Skills:
    """The taxonomy."""
    return _load(Skills, "skills")


@cache
def dates() -> Dates:
    """How dates are written."""
    return _load(Dates, "dates")


@cache
def headings() -> Headings:
    """Headings and labels."""
    return _load(Headings, "headings")


@cache
def acts() -> Acts:
    """Words of acts, titles and companies."""
    return _load(Acts, "acts")


@cache
def fields() -> dict[str, FieldEntry]:
    """The fields of work, by id."""
    return _load(Fields, "fields").fields


def with_implied(have: Iterable[str]) -> set[str]:
    """These skills and the skills they imply: SQL for PostgreSQL."""
    implied = {entry.id: entry.implies for entry in skills().skills}
    return {name for skill in have for name in (skill, *implied[skill])}


def lacking(field: str, have: Iterable[str], text: str = "") -> list[str]:
    """Skills that a field requires and that neither these skills nor this résumé cover; of several alternatives, the first.

    A résumé shows a skill also by words that belong to it, in either language.
    """
    known = with_implied(have)
    lower = text.lower()
    return [one_of[0] for one_of in fields()[field].expects if not known & set(one_of) and not _shown(one_of, lower)]


def _shown(one_of: Iterable[str], text: str) -> bool:
    return any(word in text for skill in one_of for word in _signs().get(skill, ()))


@cache
def _signs() -> dict[str, tuple[str, ...]]:
    """By skill, lower-case words that show it: its own names, and those beside it."""
    return {
        entry.id: tuple(
            word.lower() for word in (*entry.shown_by, *(a for a in entry.aliases if len(a) > 3 or not a.isascii()))
        )
        for entry in skills().skills
    }


@cache
def questions() -> tuple[QuestionEntry, ...]:
    """Every question that can be asked."""
    return (*_load(Questions, "questions").questions, *_load(Questions, "questions_by_skill").questions)


@cache
def topics() -> Topics:
    """What can be learned."""
    return _load(Topics, "topics")


@cache
def resources() -> dict[str, ResourceEntry]:
    """The catalogue, by id."""
    return _load(Resources, "resources").resources


@cache
def places() -> dict[str, Place]:
    """Where to look for courses, by id."""
    return _load(Resources, "resources").places


@cache
def links() -> frozenset[str]:
    """Every address of the catalogue."""
    known = {link for entry in resources().values() for link in (entry.url, entry.url_ko) if link}
    known |= {place.url for place in places().values()}
    return frozenset(known | {entry.url for entry in skills().skills if entry.url})
