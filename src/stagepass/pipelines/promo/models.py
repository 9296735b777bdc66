"""What a person sends to `promo`; what the stages make of it is in `made`.

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
from stagepass.pipelines.promo.made import Clip, Lyric, LyricText, Song, SungLine
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


def _shown_if_any(value: str) -> str:
    return _shown(value) if value else value


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


ContactText = Annotated[str, Words(most=200, lines=True), AfterValidator(_shown_if_any)]
ShortText = Annotated[str, Words(most=100), AfterValidator(_shown_if_any)]
ActionText = Annotated[str, Words(most=60), AfterValidator(_shown_if_any)]


def _unset(value: object) -> bool:
    """Whether a later field has its default: an older request keeps the form, and so the fingerprint, that it had."""
    return value in ("", None, "auto", "shadow")


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
        exclude_if=_unset,
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
    platform: Literal["reels", "shorts", "feed", "square"] | None = Field(
        default=None,
        exclude_if=_unset,
        title="Platform",
        description="Where it is posted: reels and shorts are 1080×1920, feed 1080×1350, square 1080×1080, each with "
        "its words where no button covers them. Goes before the orientation.",
        examples=["reels"],
        json_schema_extra={
            "title_ko": "올릴 곳",
            "description_ko": "reels와 shorts는 1080×1920, feed는 1080×1350, square는 1080×1080이고, 글자가 버튼에 가리지 않게 놓아요. "
            "고르면 화면 방향보다 먼저예요.",
        },
    )
    caption_style: Literal["shadow", "box", "words"] = Field(
        default="shadow",
        exclude_if=_unset,
        title="Captions",
        description="shadow: white with a soft shadow; box: on a dark box; words: word by word as they are heard.",
        examples=["shadow"],
        json_schema_extra={
            "title_ko": "자막 모양",
            "description_ko": "shadow는 그림자 있는 흰 글씨, box는 어두운 상자 위 글씨, words는 들리는 대로 한 낱말씩 밝아져요.",
        },
    )
    contact: ContactText = Field(
        default="",
        exclude_if=_unset,
        title="Contact",
        description="Telephone, address, handle: one to three lines for the end card.",
        examples=["063-123-4567\n@meomum"],
        json_schema_extra={
            "title_ko": "연락처",
            "description_ko": "전화번호, 주소, 계정을 세 줄까지 적어 주세요. 마지막 화면에 보여요.",
            "format": "multiline",
        },
    )
    hours: ShortText = Field(
        default="",
        exclude_if=_unset,
        title="Hours",
        description="When it is open, for the end card.",
        examples=["매일 10:00–22:00"],
        json_schema_extra={"title_ko": "영업시간", "description_ko": "마지막 화면에 보여 줄 영업시간이에요."},
    )
    offer: ShortText = Field(
        default="",
        exclude_if=_unset,
        title="Offer",
        description="A discount or a gift, for the end card.",
        examples=["첫 방문 10% 할인"],
        json_schema_extra={"title_ko": "혜택", "description_ko": "마지막 화면에 보여 줄 할인이나 선물이에요."},
    )
    call_to_action: ActionText = Field(
        default="",
        exclude_if=_unset,
        title="Call to action",
        description="What people should do next, in a few words.",
        examples=["지금 예약하세요", "Book your table"],
        json_schema_extra={"title_ko": "행동 문구", "description_ko": "본 사람이 다음에 할 일을 짧게 적어 주세요."},
    )
    link: HttpUrl | None = Field(
        default=None,
        exclude_if=_unset,
        title="Link",
        description="An http(s) address, shown as a QR code on the end card.",
        examples=["https://example.com/book"],
        json_schema_extra={"title_ko": "링크", "description_ko": "마지막 화면에 QR 코드로 보여 줄 주소예요."},
    )
    logo: Photo | None = Field(
        default=None,
        exclude_if=_unset,
        title="Logo",
        description="JPEG, PNG or WebP of at most 15 MB, best with a transparent ground; for the end card.",
        examples=["https://example.com/logo.png"],
        json_schema_extra={
            "title_ko": "로고",
            "description_ko": "15MB 이하의 JPEG, PNG, WebP예요. 배경이 투명하면 더 좋고, 마지막 화면에 보여요.",
            "format": "photo",
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
