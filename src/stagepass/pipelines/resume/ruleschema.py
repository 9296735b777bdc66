"""The schema that each file of `rules/*.json` must fit."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from stagepass.content.catalogue import Message
from stagepass.pipelines.resume.models import Difficulty, ResourceType

Language = Literal["ko", "en"]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Link = Annotated[str, StringConstraints(pattern=r"^https://[^\s]+$")]


def _with_slots(text: str) -> str:
    Message.parse(text)
    return text


Text = Annotated[str, StringConstraints(min_length=1), AfterValidator(_with_slots)]
"""A sentence for people; `{slot}` stands for what is the person's own."""


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Rules):
    """Where a list comes from."""

    title: str
    url: Link


class Head(_Rules):
    """Metadata of a rule file."""

    name: str
    version: int
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
    source: str
    sources: list[Source] = []


# ── skills and fields ────────────────────────────────────────────────────────────────────────────


class SkillEntry(_Rules):
    """One skill of the taxonomy, with all its spellings and the skills that it implies.

    name_ko: where Korean has a name of its own. unless: phrases in which a name means something else. shown_by: words
    that show the skill without naming it, so that it is not reported as missing.
    """

    id: Id
    name: str
    name_ko: str = ""
    field: Id
    implies: list[Id] = []
    aliases: list[str] = Field(min_length=1)
    guard: str = ""
    unless: list[str] = []
    shown_by: list[str] = []
    url: Link | None = None


class Skills(Head):
    """rules/skills.json"""

    guards: dict[str, str]
    skills: list[SkillEntry]


class FieldEntry(_Rules):
    """A field of work: how its titles are written, what its postings name (one of each), what to learn for it, and two
    questions that bring out what was done where the résumé says little of it."""

    name: dict[Language, str]
    titles: list[str]
    expects: list[list[Id]]
    topics: list[Id]
    guides: dict[Language, list[Text]]


class Fields(Head):
    """rules/fields.json"""

    fields: dict[Id, FieldEntry]


class Dates(Head):
    """rules/dates.json: by month, names; by part of a year, its first and last month; and words of periods."""

    months: list[list[str]] = Field(min_length=12, max_length=12)
    seasons: dict[str, tuple[int, int]]
    now: list[str]
    to: list[str]
    since: list[str]
    working: list[str]


class Headings(Head):
    """rules/headings.json: what begins a section, and what says what the text behind it is."""

    sections: dict[Literal["work", "project", "skills", "school", "about", "other", "title"], list[str]]
    labels: dict[Literal["company", "role", "period", "task", "private", "wish"], list[str]]


class Acts(Head):
    """rules/acts.json: words by which an act is known, by its kind, and by which a text is no act."""

    kinds: dict[Id, list[str]]
    verbs: list[str]
    present: list[str]
    not_verbs: list[str]
    nouns: list[str]
    titles: list[str]
    companies: list[str]
    places: list[str]


# ── questions ────────────────────────────────────────────────────────────────────────────────────


class When(_Rules):
    """What has to be there for a question to fit; what is empty does not matter.

    skills: one of them in what was done. field: and where no skill is named there, one of them anywhere in the
        résumé of a person of that field.
    words, kinds, fields: one of each. change, scale: two figures; a figure that tells a size.
    """

    skills: list[Id] = []
    field: Id | None = None
    words: list[str] = []
    kinds: list[str] = []
    fields: list[Id] = []
    change: bool = False
    scale: bool = False


class Wording(_Rules):
    """A question with all that belongs to it, in one language."""

    q: Text
    why: Text
    covers: list[Text] = Field(min_length=2)
    next: list[Text] = Field(min_length=2)


class QuestionEntry(_Rules):
    """A question about an achievement or a skill."""

    about: Literal["basic", "project", "team", "problem", "grow", "plain0", "plain1", "plain2", "plain3", "plain4"]
    when: When = When()
    ko: Wording
    en: Wording


class Questions(Head):
    """rules/questions.json and rules/questions_by_skill.json"""

    questions: list[QuestionEntry]


# ── learning paths ───────────────────────────────────────────────────────────────────────────────


class TopicTexts(_Rules):
    """A topic in one language."""

    title: str
    why: str
    study: str
    make: str
    out: list[str] = Field(min_length=2)


class Topic(_Rules):
    """Something to learn, with what it takes and where it is taught.

    find: per language, places to look at, each with what to look for: ``kmooc:통계학``. after: topics to learn before.
    """

    hours: int = Field(gt=0)
    level: Difficulty
    teaches: list[Id]
    resources: list[Id]
    words: list[str]
    find: dict[Language, list[str]]
    after: list[Id] = []
    ko: TopicTexts
    en: TopicTexts


class Sayings(_Rules):
    """How a topic is tied to a résumé, in one language."""

    lacks: Text
    goes_on: Text
    near: list[Text]
    own_none: Text
    own: list[Text]
    duration: Text
    week: Text
    weeks: Text


class Topics(Head):
    """rules/topics.json"""

    ko: Sayings
    en: Sayings
    topics: dict[Id, Topic]


class ResourceEntry(_Rules):
    """Something to learn from; what exists in Korean has its own title or address there."""

    type: ResourceType
    title: str
    title_ko: str = ""
    ko: str
    en: str
    url: Link | None = None
    url_ko: Link | None = None


class Place(_Rules):
    """Where many things are taught, by language; {what} is what to look for there."""

    type: ResourceType
    title: dict[Language, Text]
    about: dict[Language, str]
    url: Link


class Resources(Head):
    """rules/resources.json"""

    resources: dict[Id, ResourceEntry]
    places: dict[Id, Place]
