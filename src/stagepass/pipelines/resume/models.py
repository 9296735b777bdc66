"""The types of `resume`: what was read, what is asked of a model, what each stage hands on, and the result."""

from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, JsonValue, create_model

Category = Literal["기술역량", "문제해결", "협업경험", "프로젝트경험", "성장가능성"]
Difficulty = Literal["초급", "중급", "고급"]
Priority = Literal["높음", "중간", "낮음"]
ResourceType = Literal["온라인강의", "도서", "프로젝트", "커뮤니티"]

MIX: dict[Difficulty, int] = {"초급": 1, "중급": 2, "고급": 2}
"""How many questions of each difficulty."""

_QUESTIONS = sum(MIX.values())

_QUOTES = 50
"""Maximum number of résumé passages offered for quotation."""

PATHS = (3, 5)
"""The least and the most learning paths."""


# ── what was read ────────────────────────────────────────────────────────────────────────────────


class Skill(BaseModel):
    """A skill of the taxonomy, and the words of the résumé that show it."""

    id: str
    name: str
    evidence: str = Field(description="as it stands in the résumé", examples=["스프링부트"])


class Employer(BaseModel):
    """One line of a career: where, as what, from when until when."""

    name: str
    role: str = ""
    start: str = Field(description="YYYY-MM; YYYY where no month is said", examples=["2021-03"])
    end: str | None = Field(description="YYYY-MM or YYYY; null: until now; empty: not understood")


class Deed(BaseModel):
    """Something that the person did, in the résumé's own words."""

    text: str = Field(description="a piece of the résumé, word for word")
    kind: str = Field(description="build, improve, migrate, operate, lead, analyze, sell, care, teach or other")
    numbers: list[str] = Field(default_factory=list, description="figures in it, word for word", examples=[["800ms"]])
    skills: list[str] = Field(default_factory=list, description="ids of the skills in it")


class Years(BaseModel):
    """Years of experience, and the words that say so."""

    value: float | None = Field(description="years; null where the résumé does not say")
    evidence: str = ""


class Profile(BaseModel):
    """The result of `resume.parse`. Every text in it occurs in the résumé."""

    text: str = Field(description="the résumé, cleaned")
    language: Literal["ko", "en"] = Field(description="of the answer")
    field: str = Field(description="field of work, such as backend or nursing; general where none was recognised")
    role: str = Field(default="", description="the title as it stands in the résumé")
    years: Years
    skills: list[Skill]
    employers: list[Employer]
    deeds: list[Deed]
    missing: list[str] = Field(description="ids of skills that the field usually asks for and that were not found")


# ── what is asked of a model: free of constraints, which not every vendor's schema knows ─────────


def _items(least: int, most: int) -> dict[str, JsonValue]:
    """How many there should be, for a server that knows these words; what came is checked by `grounding`."""
    return {"minItems": least, "maxItems": most}


Title = Annotated[str, Field(json_schema_extra={"maxLength": 100})]
Point = Annotated[str, Field(json_schema_extra={"maxLength": 160})]
Sentences = Annotated[str, Field(json_schema_extra={"maxLength": 400})]
"""Texts of a model, with a length for a server that knows that word: a small one writes on and on."""


class Question(BaseModel):
    """One interview question."""

    question_text: Sentences
    category: Category
    difficulty: Difficulty
    reasoning: Sentences = Field(description="why this résumé calls for it")
    based_on: list[Point] = Field(
        description="the words of the résumé that it goes back to, copied letter by letter",
        json_schema_extra=_items(1, 3),
    )
    good_answer_covers: list[Point] = Field(json_schema_extra=_items(1, 5))
    follow_ups: list[Point] = Field(json_schema_extra=_items(1, 3))


class QuestionSet(BaseModel):
    """Five questions: 1 초급, 2 중급, 2 고급."""

    questions: list[Question] = Field(json_schema_extra=_items(_QUESTIONS, _QUESTIONS))


def question_set(profile: Profile) -> type[QuestionSet]:
    """A `QuestionSet` about this résumé.

    A server with a grammar is told which difficulty and category each question has, and what it may quote: small
    models neither count nor copy well, and ask the same five times. To all others it is the same as `QuestionSet`;
    what came is checked by `grounding`.
    """
    found = dict.fromkeys([*(deed.text for deed in profile.deeds), *(skill.evidence for skill in profile.skills)])
    quotes = list(found)[:_QUOTES]
    levels = [level for level, times in MIX.items() for _ in range(times)]

    def about(number: int) -> JsonValue:
        question = Question.model_json_schema()
        parts = question["properties"]
        quoted = parts.pop("based_on")
        if quotes:
            quoted["items"] = {"enum": quotes[number :: len(levels)] or quotes, "type": "string"}
        fixed = {"difficulty": levels[number], "category": get_args(Category)[number]}
        parts.update({name: {"const": value, "type": "string"} for name, value in fixed.items()})
        question["properties"] = {"based_on": quoted, **parts}  # first what it goes back to, then the question
        return question

    each: list[JsonValue] = [about(number) for number in range(len(levels))]
    told = Field(json_schema_extra={**_items(_QUESTIONS, _QUESTIONS), "prefixItems": each})
    return create_model(QuestionSet.__name__, __base__=QuestionSet, questions=(list[Question], told))


class Resource(BaseModel):
    """Something to learn from."""

    type: ResourceType
    title: Title
    url: str | None = None
    description: Sentences


class ActionItem(BaseModel):
    """One step of a learning path."""

    step: int
    action: Point
    duration: Title
    resources: list[Title] = Field(description="titles of recommended resources", json_schema_extra=_items(0, 3))


class LearningPath(BaseModel):
    """One thing to learn next, and how."""

    title: Title
    description: Sentences
    priority: Priority
    estimated_duration: Title
    difficulty: Difficulty
    action_items: list[ActionItem] = Field(json_schema_extra=_items(1, 6))
    recommended_resources: list[Resource] = Field(json_schema_extra=_items(1, 5))
    expected_outcomes: list[Point] = Field(json_schema_extra=_items(1, 4))


class PathSet(BaseModel):
    """Three to five learning paths."""

    learning_paths: list[LearningPath] = Field(json_schema_extra=_items(*PATHS))


# ── what the stages hand on ──────────────────────────────────────────────────────────────────────


class Made(BaseModel):
    """Who made an answer, from what, and at what cost."""

    provider: str = Field(examples=["local", "openai"])
    model: str
    prompt_version: str = Field(description="the prompt file and its version", examples=["questions.ko 1"])
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    milliseconds: int = Field(default=0, description="how long the provider took")
    repaired: bool = Field(default=False, description="whether the first answer had to be repaired")


class Questions(QuestionSet):
    """Checked questions."""

    made: Made


class Paths(PathSet):
    """Checked learning paths."""

    made: Made


class Analysis(BaseModel):
    """What the résumé shows, each with its own words, and what it does not show."""

    field: str
    role: str
    years: Years
    skills: list[Skill]
    employers: list[Employer]
    strengths: list[Deed]
    gaps: list[str] = Field(description="what the field usually asks for and the résumé does not show in any words")
    unsaid: list[str] = Field(
        default_factory=list, description="what to add to a résumé that says little, as sentences"
    )


class ResumeReport(BaseModel):
    """The result."""

    session_id: str
    resume_profile_id: str
    created_at: datetime
    language: Literal["ko", "en"]
    analysis: Analysis
    interview_questions: list[Question]
    learning_paths: list[LearningPath]
    made: dict[Literal["questions", "learning_path"], Made]
    tokens: int = Field(description="of both calls, in and out")
    usd: float = Field(description="US dollars of both calls")
