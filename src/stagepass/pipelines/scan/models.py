"""The types of `scan`: what a person sends, and what each stage hands to the next."""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from stagepass.declare.values import File
from stagepass.errors import InvalidInput
from stagepass.inputs import Words
from stagepass.pipelines.scan.vocabulary import vocabulary
from stagepass.providers.fetching.addresses import LONGEST_URL, is_public, parse_url
from stagepass.sentences import sentence

QUESTION = "이 폐기물을 어떻게 분리배출해야 하나요?"
"""The default question."""

PORTS = (80, 443)

Language = Literal["ko", "en"]


class ScanRequest(BaseModel):
    """A photo of something to be thrown away, and a question about it."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="What is this, and how do I throw it away?")

    image: File | None = Field(
        default=None,
        title="Photo",
        description="The photo: JPEG, PNG or WebP of at most 15 MB. Or give image_url.",
        json_schema_extra={"title_ko": "사진", "description_ko": "15MB 이하의 JPEG, PNG, WebP예요.", "format": "photo"},
    )
    image_url: Annotated[str, StringConstraints(max_length=LONGEST_URL)] | None = Field(
        default=None,
        title="Photo's address",
        description="A public http(s) address, which a worker fetches.",
        examples=["https://example.com/bottle.jpg"],
        json_schema_extra={"title_ko": "사진 주소", "description_ko": "누구나 볼 수 있는 http(s) 주소예요."},
    )
    user_input: Annotated[str, Words(most=500, lines=True)] = Field(
        default=QUESTION,
        title="Question",
        description="What you want to know, in Korean or English, and what you know about it ('I rinsed it').",
        examples=[QUESTION, "How do I throw this away? The label is still on."],
        json_schema_extra={"title_ko": "질문", "description_ko": "궁금한 점이나 물건의 상태를 적어 주세요."},
    )
    model: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        default=None,
        title="Model",
        description="One of the allowed models; the first of them by default.",
        json_schema_extra={"title_ko": "모델", "description_ko": "사용할 모델을 골라 주세요."},
    )
    region: Annotated[str, Words(most=40)] | None = Field(
        default=None,
        title="Municipality",
        description="Adds its own rules where they are known: seoul, jeju. National rules hold everywhere.",
        examples=["seoul"],
        json_schema_extra={
            "title_ko": "지역",
            "description_ko": "서울이나 제주를 고르면 그 지역의 배출 규칙도 알려드려요.",
        },
    )
    language: Language | None = Field(
        default=None,
        title="Language",
        description="Of the answer; by default that of the question.",
        json_schema_extra={"title_ko": "언어", "description_ko": "답의 언어예요. 비워 두면 질문의 언어로 답해요."},
    )

    @field_validator("image_url")
    @classmethod
    def _may_be_fetched(cls, url: str | None) -> str | None:
        """Checks that need no name look-up are made at submission; the worker checks the rest, hop by hop."""
        if url is None:
            return None
        try:
            target = parse_url(url, PORTS)
        except InvalidInput as problem:
            raise ValueError(problem.message) from None
        if target.literal and not is_public(target.host):
            raise ValueError(
                sentence(
                    "this address cannot be fetched: {why}", why=sentence("it is in a private or reserved network")
                )
            )
        return url

    @field_validator("user_input")
    @classmethod
    def _asked(cls, text: str) -> str:
        return text or QUESTION

    @model_validator(mode="after")
    def _one_photo(self) -> Self:
        if (self.image is None) == (self.image_url is None):
            raise ValueError(sentence("send one photo: a file in a form, image_url or image_key"))
        return self

    @property
    def speaks(self) -> Language:
        """The language of the answer."""
        return self.language or ("ko" if re.search("[가-힣ㄱ-ㅎ]", self.user_input) else "en")


# ── what is on the photo ─────────────────────────────────────────────────────────────────────────


class Category(BaseModel):
    """A place in the vocabulary."""

    major_category: str
    middle_category: str
    minor_category: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if wrong := vocabulary().problem(self.major_category, self.middle_category, self.minor_category):
            raise ValueError(wrong)
        return self


class Seen(BaseModel):
    """One object on the photo."""

    classification: Category
    situation_tags: list[str] = Field(default_factory=list, description="codes of the vocabulary's tags")
    confidence: float = Field(description="0 to 1: how likely the category is right")

    @field_validator("situation_tags")
    @classmethod
    def _known_tags(cls, tags: list[str]) -> list[str]:
        unknown = [tag[:40] for tag in tags if tag not in vocabulary().tags]
        if unknown:
            raise ValueError(f"situation_tags {unknown} are not in the vocabulary")
        return list(dict.fromkeys(tags))

    @field_validator("confidence")
    @classmethod
    def _a_share(cls, value: float) -> float:
        if not 0 <= value <= 1:
            raise ValueError("confidence must be a number from 0 to 1")
        return round(value, 4)


class Sight(BaseModel):
    """What an image model is asked for."""

    objects: list[Seen] = Field(description="each object, the one that is asked about first; at most 5")
    alternatives: list[Seen] = Field(
        default_factory=list, description="what the first object could be instead, the most likely first; at most 3"
    )

    @field_validator("objects")
    @classmethod
    def _some(cls, objects: list[Seen]) -> list[Seen]:
        if not 1 <= len(objects) <= 5:
            raise ValueError("objects must have 1 to 5 entries")
        return objects


class Meta(BaseModel):
    """Where a classification comes from."""

    user_input: str
    provider: str
    model: str
    prompt_version: str
    unsure: bool = Field(description="the confidence is below the limit, so the answer asks back")


class Classified(Seen):
    """The classification of the photo; with several objects, that of the first, and all of them in `objects`."""

    objects: list[Seen]
    alternatives: list[Seen] = Field(default_factory=list)
    meta: Meta


# ── the rule ─────────────────────────────────────────────────────────────────────────────────────


class Source(BaseModel):
    """Where a rule comes from."""

    title: str
    publisher: str
    url: str
    version: str = Field(description="of the rule as Stagepass has it")
    date: str = Field(description="when it was written down, ISO 8601")
    article: str | None = Field(default=None, description="article or annex of the source")
    checked: str | None = Field(default=None, description="when our text was compared with it; null: not yet")


class Elsewhere(BaseModel):
    """What does not belong here, and where it goes instead."""

    what: str
    where: str
    group: str


class Rule(BaseModel):
    """How to throw one thing away."""

    id: str
    region: str = Field(description="KR, or KR and a municipality")
    category: Category
    name: str
    group: str
    items: list[str] = Field(description="names of what belongs here")
    goes: str = Field(default="", description="where it goes, as the end of a sentence that begins with its name")
    steps: list[str] = Field(description="for everything of the group")
    details: list[str] = Field(description="for this very item, and of the municipality")
    elsewhere: list[Elsewhere]
    warning: str | None = None
    sources: list[Source]


class Danger(BaseModel):
    """What can hurt someone here, and the advice that stands above all steps."""

    kinds: list[str] = Field(description="of hazard: lithium, gas_can, needle, …")
    states: list[str] = Field(default_factory=list, description="that count here: swollen, leaking, full, …")
    acute: bool = Field(description="the steps replace those of the rule")
    warning: str
    more: list[str] = Field(default_factory=list, description="warnings of the other hazards")
    steps: list[str] = Field(default_factory=list)


class Found(BaseModel):
    """The rule of the first object, those of the others, and those of what it could be instead."""

    rule: Rule | None
    others: list[Rule] = Field(default_factory=list)
    options: list[Rule] = Field(default_factory=list)
    danger: Danger | None = Field(default=None, description="of all that was seen and said")


# ── the answer and the reward ────────────────────────────────────────────────────────────────────


class Thing(BaseModel):
    """One thing to choose."""

    item: str | None = Field(description="of the vocabulary; null: the group")
    group: str
    name: str
    say: str = Field(description="what to send as `user_input`, with the same photo, to choose it")


class Choice(BaseModel):
    """A material, and the things of it."""

    group: str
    name: str
    things: list[Thing]


class AnswerText(BaseModel):
    """What a text model is asked for."""

    disposal_steps: list[str] = Field(description="what to do, in order, one sentence each")
    insufficiencies: list[str] = Field(description="what is still wrong with the object; empty if nothing is")
    user_answer: str = Field(description="the answer to the question in at most 3 sentences")

    @field_validator("user_answer")
    @classmethod
    def _short(cls, text: str) -> str:
        sentences = [part for part in re.split(r"(?<=[.!?。？！])\s+", text.strip()) if part]
        if not sentences or len(sentences) > 3:
            raise ValueError(f"user_answer must have 1 to 3 sentences, not {len(sentences)}")
        return text.strip()


class Answer(AnswerText):
    """The answer, and who gave it."""

    provider: str
    model: str
    prompt_version: str
    warning: str | None = Field(default=None, description="what can hurt someone; to be shown above all else")
    asks_back: bool = Field(default=False, description="it asks which of several things the object is")
    nearest: list[Thing] = Field(default_factory=list, description="the nearest, where it is not known for sure")
    choices: list[Choice] = Field(default_factory=list, description="then: a list to tap, material and thing")


class Reward(BaseModel):
    """A character for recycling well."""

    name: str
    dialog: str
    match_reason: str
    type: str
    received: bool = Field(description="true only when it is new for this user")


class Rewarded(BaseModel):
    """The end of a scan: a reward, or why there is none."""

    reward: Reward | None
    reason: str | None = Field(default=None, description="a code, where there is no reward")
