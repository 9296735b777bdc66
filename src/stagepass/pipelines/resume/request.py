"""What a person sends to `resume`, and when it cannot be a résumé."""

from itertools import islice
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from stagepass.declare.values import File
from stagepass.inputs import Words
from stagepass.sentences import sentence

LEAST, MOST = 10, 20_000
"""Characters of a résumé, counted after stripping."""

LEAST_LETTERS = 6
"""Of them letters: ten full stops say nothing about a person."""


_LINE = Words(most=100)
_MOST_COMMAS = 1000
"""In a text with commas between its items; 30 items may stay."""


def _items(value: object) -> object:
    """A list, or one text with commas between its items, as forms send it."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return value
    given = (part for item in parts for part in (item.split(",", _MOST_COMMAS) if isinstance(item, str) else [item]))
    return [item for item in map(_LINE.read, islice(given, _MOST_COMMAS)) if item != ""]


Line = Annotated[str, _LINE]
Text = Annotated[str, Words(most=MOST, lines=True)]
Lines = Annotated[list[Line], BeforeValidator(_items), Field(max_length=30)]


class ResumeRequest(BaseModel):
    """A résumé: as text, as a file, or as the three fields of a form."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Interview questions from a résumé")

    resume_text: Text = Field(
        default="",
        title="Résumé",
        description=f"The résumé as text, {LEAST} to {MOST:,} characters, in Korean or English.",
        examples=["3년차 백엔드 개발자, Spring Boot/MSA/Python 기반 커머스 서비스 개발, AWS EC2 운영 경험"],
        json_schema_extra={
            "title_ko": "이력서",
            "description_ko": "이력서 본문이에요. 한국어나 영어로 10자에서 20,000자까지예요.",
            "format": "multiline",
        },
    )
    resume_file: File | None = Field(
        default=None,
        title="File",
        description="Or a file: PDF, DOCX, TXT or Markdown, at most 10 MB and 30 pages, with text that can be selected.",
        json_schema_extra={
            "title_ko": "파일",
            "description_ko": "파일로도 보낼 수 있어요. PDF, DOCX, TXT, Markdown이고 10MB, 30쪽까지예요.",
            "format": "file",
        },
    )
    career_summary: Text = Field(
        default="",
        title="Career",
        description="Instead of a résumé: what was done so far, in a few sentences.",
        examples=["이커머스 백엔드 3년, 주문 API 응답 시간을 800ms에서 200ms로 단축"],
        json_schema_extra={
            "title_ko": "경력 요약",
            "description_ko": "이력서 대신 지금까지 한 일을 몇 문장으로 적어요.",
            "format": "multiline",
        },
    )
    job_functions: Lines = Field(
        default_factory=list,
        title="Tasks",
        description="Instead of a résumé: what the work consists of, separated by commas.",
        examples=[["주문 서비스 개발", "장애 대응"]],
        json_schema_extra={"title_ko": "직무", "description_ko": "맡은 일을 쉼표로 나누어 적어요."},
    )
    technical_skills: Lines = Field(
        default_factory=list,
        title="Skills",
        description="Instead of a résumé: skills and tools, separated by commas.",
        examples=[["Java", "Spring Boot", "MySQL"]],
        json_schema_extra={"title_ko": "기술", "description_ko": "쓸 줄 아는 기술과 도구를 쉼표로 나누어 적어요."},
    )
    target_role: Line = Field(
        default="",
        title="Target role",
        description="The position that the person applies for.",
        examples=["백엔드 개발자", "Data engineer"],
        json_schema_extra={"title_ko": "지원 직무", "description_ko": "지원하려는 직무예요."},
    )
    focus_areas: Lines = Field(
        default_factory=list,
        title="Focus",
        description="What to look at most, separated by commas.",
        examples=[["Kubernetes", "성능 개선"]],
        json_schema_extra={"title_ko": "집중할 분야", "description_ko": "특히 준비하고 싶은 분야예요."},
    )
    hours_per_week: int = Field(
        default=5,
        ge=1,
        le=40,
        title="Hours a week",
        description="Time for learning, in hours per week.",
        examples=[5],
        json_schema_extra={"title_ko": "주당 학습 시간", "description_ko": "일주일에 공부할 수 있는 시간이에요."},
    )
    language: Literal["", "ko", "en"] = Field(
        default="",
        title="Language",
        description="Of the answer; empty: that of the résumé.",
        examples=["ko"],
        json_schema_extra={"title_ko": "언어", "description_ko": "답의 언어예요. 비우면 이력서의 언어로 답해요."},
    )
    session_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{0,64}$")] = Field(
        default="",
        title="Session",
        description="Names a visit, so that its data can be deleted together; the header X-Session-ID sets it.",
        json_schema_extra={
            "title_ko": "세션",
            "description_ko": "방문을 구분하는 이름이에요. 나중에 이 방문의 데이터를 한꺼번에 지울 때 써요.",
        },
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.resume_file is None:
            check_text(self.text)
        return self

    @property
    def text(self) -> str:
        """The résumé as one text, from whichever fields were filled; a file's is not in it."""
        parts = (self.career_summary, "\n".join(self.job_functions), ", ".join(self.technical_skills))
        return "\n".join(part for part in (self.resume_text, *parts) if part)


def check_text(text: str) -> None:
    """Raises ValueError, with what to do, for a text that cannot be a résumé."""
    if len(text) < LEAST or sum(char.isalpha() for char in text) < LEAST_LETTERS:
        raise ValueError(
            sentence(
                "a résumé must have at least {least} characters, most of them letters; "
                "paste it into resume_text, upload it as resume_file, or fill in career_summary",
                least=LEAST,
            )
        )
    if len(text) > MOST:
        raise ValueError(
            sentence(
                "the résumé has {count} characters; the limit is {most}. Shorten the oldest parts",
                count=f"{len(text):,}",
                most=f"{MOST:,}",
            )
        )
