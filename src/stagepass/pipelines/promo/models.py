"""The types of `promo`: what a person sends, and what each stage hands to the next.

The descriptions make the form of the web page and the API's reference; `description_ko` and `title_ko`
are their Korean.
"""

import re
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, StringConstraints

from stagepass.content.languages import SUGGESTED, language_tag
from stagepass.declare.values import File
from stagepass.inputs import Words
from stagepass.sentences import sentence
from stagepass.text import visible

__all__ = ["Clip", "Lyric", "LyricText", "PromoRequest", "Song", "SungLine", "language_tag"]


def _seen(value: str) -> str:
    if not visible(value):
        raise ValueError(sentence("must contain at least one visible character"))
    return value


def _shown(value: str) -> str:
    if letters := undrawn(value):
        raise ValueError(sentence("the clip has no font for {letters}; write it in other letters", letters=letters))
    if not _plain(value) and not _writable(value):
        raise ValueError(sentence("needs more than emoji, which the clip leaves out"))
    return value


def undrawn(text: str) -> str:
    """The letters of `text` that no font of the clip has, the first ten of them; empty if it can be drawn."""
    if _plain(text):
        return ""
    from stagepass.providers.local.clip.text import lacking  # Pillow, for those who need it

    return " ".join(lacking(text)[:10])


def _writable(text: str) -> str:
    from stagepass.providers.local.clip.text import writable

    return writable(text)


def _plain(text: str) -> bool:
    """Whether every font has its characters, as of nearly every text: then no font is opened."""
    return all(letter < "\x7f" or "가" <= letter <= "힣" for letter in text)


Line = Annotated[str, Words(most=100, least=1), AfterValidator(_seen), AfterValidator(_shown)]
"""One line of 1–100 characters, counted after invisible characters and outer spaces are dropped, and shown in the clip."""


def _task_id(value: str) -> str:
    """A UUID in its one form, whatever its letters; any other text as it is."""
    if value != value.strip() or not value.isprintable():
        raise ValueError(sentence("must not contain control characters or start or end with a space"))
    if "/" in value or value in (".", ".."):
        raise ValueError(sentence("must not contain a slash, since it is a part of addresses"))
    return str(UUID(value)) if _UUID.fullmatch(value) else value


_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

TaskId = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_task_id)]
"""A client's own id of 1–100 printable characters."""

Photo = HttpUrl | File
"""An http(s) address that is fetched by a worker, or a file that was uploaded before."""


class PromoRequest(BaseModel):
    """A business, in its own words, and its photos."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Song and clip for a business")

    task_id: TaskId | None = Field(
        default=None,
        title="Task id",
        description="Your own id for this request, 1–100 characters. The same id with the same input returns the same job.",
        examples=["3f0c8a52-6a0e-4a67-9f4e-0f6f4a5f1c11", "order-1764500000"],
        json_schema_extra={
            "title_ko": "작업 번호",
            "description_ko": "직접 정한 UUID예요. 같은 UUID와 내용으로 다시 보내면 기존 작업을 알려드려요.",
        },
    )
    customer_name: Line = Field(
        title="Name",
        description="The name of the business as it is said aloud; it is sung in the chorus.",
        examples=["머뭄 게스트하우스", "Harbor Light Bakery"],
        json_schema_extra={
            "title_ko": "상호",
            "description_ko": "부르는 그대로의 가게 이름이에요. 후렴에서 노래로 불러요.",
        },
    )
    region: Line = Field(
        title="Place",
        description="The town or quarter that it is in.",
        examples=["군산", "Jeju", "서울 연남동"],
        json_schema_extra={"title_ko": "지역", "description_ko": "가게가 있는 도시나 동네예요."},
    )
    detail_region_info: Annotated[str, Words(most=2000, lines=True)] = Field(
        default="",
        title="What makes it special",
        description="What guests should picture: the view, the food, what is near. A list or a few sentences.",
        examples=[
            "바다까지 걸어서 3분, 노을이 보이는 옥상, 직접 구운 빵과 커피",
            "two minutes from the beach, sunset from the roof, home-baked bread",
        ],
        json_schema_extra={
            "title_ko": "이곳의 특별한 점",
            "description_ko": "풍경, 음식, 가까운 명소처럼 손님에게 알리고 싶은 점을 적어 주세요. 짧은 낱말로 나열해도 돼요. "
            "나열해도 좋고 문장도 좋아요.",
            "format": "multiline",
        },
    )
    language: Annotated[str, Words(most=50, least=1), AfterValidator(_seen)] = Field(
        default="Korean",
        title="Language",
        description="The language of the song. The local writer knows Korean and English, and says so for others.",
        examples=["Korean", "English"],
        json_schema_extra={
            "title_ko": "언어",
            "description_ko": "노래의 언어예요. 기본 작사기는 한국어와 영어로 쓰고, 다른 언어면 결과에 알려드려요.",
            "suggestions": list(SUGGESTED),
        },
    )
    genre: Annotated[str, Words(most=200, least=1), AfterValidator(_seen)] = Field(
        default="pop, ambient",
        title="Genre",
        description="The style of the music, the most important word first.",
        examples=["pop, ambient", "jazz", "acoustic ballad"],
        json_schema_extra={
            "title_ko": "장르",
            "description_ko": "음악의 분위기예요. 가장 중요한 낱말을 앞에 적어 주세요.",
            "suggestions": [
                "pop, ambient",
                "acoustic",
                "ballad",
                "jazz",
                "dance",
                "trot",
                "hip hop",
                "rock",
                "lo-fi",
                "waltz",
                "children",
            ],
        },
    )
    voice: Literal["auto", "sung", "spoken", "none"] = Field(
        default="auto",
        title="Voice",
        description="auto: the best that the song maker has; sung; spoken over the music; none: an instrumental, "
        "with the lines as captions. On this machine auto speaks where a Piper voice is installed, else it is none.",
        examples=["auto"],
        json_schema_extra={
            "title_ko": "목소리",
            "description_ko": "auto는 가능한 가장 좋은 목소리, sung은 노래, spoken은 음악 위에 낭독, none은 연주와 자막만이에요. "
            "이 컴퓨터에서는 Piper 음성이 설치돼 있으면 낭독하고, 없으면 연주만 해요.",
        },
    )
    orientation: Literal["vertical", "horizontal"] = Field(
        default="vertical",
        title="Orientation",
        description="vertical is 1080×1920, for phones; horizontal is 1920×1080.",
        examples=["vertical"],
        json_schema_extra={
            "title_ko": "화면 방향",
            "description_ko": "vertical은 휴대전화용 세로(1080×1920), horizontal은 가로(1920×1080)예요.",
        },
    )
    images: list[Photo] = Field(
        default_factory=list,
        max_length=10,
        title="Photos",
        description="Up to 10 photos in the order to be shown: JPEG, PNG or WebP of at most 15 MB. "
        "Without any, the clip gets a designed background.",
        examples=[["https://example.com/front.jpg", "https://example.com/roof.jpg"]],
        json_schema_extra={
            "title_ko": "사진",
            "description_ko": "보여 줄 순서대로 10장까지, 한 장에 15MB 이하의 JPEG, PNG, WebP예요. "
            "없으면 디자인된 배경으로 만들어요.",
            "format": "photos",
        },
    )
    auto_continue: bool = Field(
        default=True,
        title="Continue automatically",
        description="Off: the job stops after each stage until you continue it.",
        examples=[True],
        json_schema_extra={
            "title_ko": "자동으로 이어서 진행",
            "description_ko": "끄면 단계가 끝날 때마다 멈춰요. ‘이어서 진행’을 누르면 다음 단계를 시작해요.",
        },
    )


class LyricText(BaseModel):
    """The answer of a text model. Without constraints, which not every vendor's schema supports."""

    title: str = Field(description="the song's title", examples=["머뭄, 그리고 노을빛"])
    text: str = Field(
        description="8 to 12 sung lines below section tags such as [Verse], [Chorus], [Verse 2]",
        examples=["[Verse]\n첫 번째 줄\n두 번째 줄\n\n[Chorus]\n세 번째 줄"],
        json_schema_extra={"minLength": 50, "maxLength": 1500},  # for a server that knows these words
    )
    language: str = Field(description="BCP 47 tag of the language it is written in", examples=["ko", "en"])


class Lyric(LyricText):
    """The finished lyric, and who wrote it from what."""

    provider: str = Field(description="who wrote it", examples=["local", "openai"])
    model: str = Field(description="with which model")
    prompt: str = Field(description="the prompt as it was sent")
    prompt_version: str = Field(description="the prompt file and its version", examples=["lyric.ko 1"])
    photos: list[File] | None = Field(
        default=None, description="the photos for the clip, in order; those given by address as they were fetched"
    )
    note: str | None = Field(
        default=None, description="what its reader should know, such as another language than was asked for"
    )
    trade: str = Field(default="unknown", description="the trade that was recognised", examples=["dentist", "unknown"])
    trade_confidence: float = Field(default=0.0, ge=0, le=1, description="how sure the trade is; from 0.5 it is used")
    tone: str = Field(
        default="plain", description="warm, trusting, energetic, calm, discreet, or plain where the trade is not sure"
    )
    facts_used: list[str] = Field(default_factory=list, description="your details that are in the lyric")
    facts_unused: list[str] = Field(default_factory=list, description="your details that are not")
    notice: str | None = Field(
        default=None, description="what to check before posting, for trades whose advertising is regulated"
    )


class SungLine(BaseModel):
    """One line of the lyric and when it is sung, in seconds from the song's start."""

    text: str
    start: float = Field(ge=0)
    end: float = Field(ge=0)


class Song(BaseModel):
    """The finished song of a lyric."""

    file: File = Field(description="the recording")
    also: list[File] = Field(
        default_factory=list, description="other recordings that the maker gave with the same order"
    )
    duration: float = Field(gt=0, description="seconds")
    clip_id: str = Field(description="the maker's id of this recording")
    provider: str
    model: str
    remote_id: str = Field(description="the maker's id of the task, such as suno_task_id")
    timing: list[SungLine] = Field(default_factory=list, description="when each line is sung")
    timing_source: Literal["provider", "spread"] = Field(
        description="given by the maker, or spread over the lines by their length"
    )
    genre: str = Field(default="", description="how it is played, in the maker's word", examples=["trot"])
    bpm: float = Field(default=0, ge=0, description="quarter notes per minute; 0 if the maker does not say")
    voice: str = Field(default="", description="how the words are heard, and by whom", examples=["sung", "none"])
    note: str | None = Field(default=None, description="what its listener should know, such as a genre that was near")


class Clip(BaseModel):
    """The finished video of a song."""

    file: File = Field(description="MP4 with H.264 and AAC")
    width: int = Field(gt=0, description="pixels")
    height: int = Field(gt=0, description="pixels")
    duration: float = Field(gt=0, description="seconds")
    provider: str
    model: str
    remote_id: str = Field(description="the maker's id of the render, such as creatomate_render_id")
    background: Literal["photos", "designed"] = Field(description="designed where no photo was given")
