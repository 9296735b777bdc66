"""What `promo` takes: the table of its specification."""

import pytest
from pydantic import ValidationError

from stagepass.content.translate import translated
from stagepass.errors import InvalidInput
from stagepass.inputs import validated
from stagepass.pipelines.promo.models import PromoRequest, language_tag

LEAST = {"customer_name": "머뭄", "region": "군산"}
FILE = {"uri": "files/1", "sha256": "0" * 64, "size": 3, "type": "image/png", "name": "a.png"}


def test_the_least_input_gets_the_defaults() -> None:
    request = PromoRequest.model_validate(LEAST)
    assert request.model_dump(mode="json") == {
        "task_id": None,
        "customer_name": "머뭄",
        "region": "군산",
        "detail_region_info": "",
        "language": "Korean",
        "genre": "pop, ambient",
        "orientation": "vertical",
        "images": [],
        "auto_continue": True,
    }
    assert language_tag(request.language) == "ko"


@pytest.mark.parametrize(
    "more",
    [
        {"customer_name": "x" * 100},
        {"customer_name": f"  {'x' * 100}\u200b "},
        {"detail_region_info": "x" * 2000},
        {"detail_region_info": ""},
        {"genre": "x" * 200},
        {"language": "Esperanto"},
        {"orientation": "horizontal"},
        {"images": [FILE] * 10},
        {"images": ["https://example.com/a.jpg", FILE]},
        {"task_id": "3f0c8a52-6a0e-4a67-9f4e-0f6f4a5f1c11"},
        {"auto_continue": False},
    ],
)
def test_the_ranges_are_taken_and_survive_storing(more: dict[str, object]) -> None:
    request = PromoRequest.model_validate(LEAST | more)
    assert PromoRequest.model_validate_json(request.model_dump_json()) == request


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("customer_name", ""),
        ("customer_name", "   "),
        ("customer_name", "\u200b\u200d\x00"),
        ("customer_name", "x" * 101),
        ("region", "\n"),
        ("region", "x" * 101),
        ("detail_region_info", "x" * 2001),
        ("language", " "),
        ("genre", ""),
        ("genre", "x" * 201),
        ("orientation", "square"),
        ("images", [FILE] * 11),
        ("images", ["ftp://example.com/a.jpg"]),
        ("images", ["file:///etc/passwd"]),
        ("images", ["not a url"]),
        ("task_id", " 42"),
        ("task_id", "x" * 101),
        ("langauge", "Korean"),
    ],
)
def test_what_is_out_of_range_is_refused_at_its_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        PromoRequest.model_validate(LEAST | {field: value})
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


def test_text_is_kept_clean() -> None:
    request = PromoRequest.model_validate(
        {"customer_name": " \u1103\u1161\u11af\n카페 ", "region": "군산\u202e", "detail_region_info": "a\r\nb\x00 \n"}
    )
    assert (request.customer_name, request.region, request.detail_region_info) == ("달 카페", "군산", "a\nb")


def test_the_schema_makes_a_form_in_both_languages() -> None:
    schema = PromoRequest.model_json_schema()
    assert schema["required"] == ["customer_name", "region"]
    for name, field in schema["properties"].items():
        for part in ("title", "description", "examples", "title_ko", "description_ko"):
            assert field.get(part), f"{name} has no {part}"
        assert isinstance(field["examples"], list)


def test_the_examples_are_valid() -> None:
    for name, field in PromoRequest.model_json_schema()["properties"].items():
        for example in field["examples"]:
            PromoRequest.model_validate(LEAST | {name: example})


@pytest.mark.parametrize("field", ["customer_name", "region"])
def test_letters_that_no_font_has_are_named(field: str) -> None:
    """Han of Unicode's last extensions; the emoji beside them is only left out."""
    with pytest.raises(InvalidInput, match="𰀀 𱍊") as caught:
        validated(PromoRequest, LEAST | {field: "카페 𰀀𱍊 😀"})
    assert caught.value.field == field
    assert "영상 글꼴에 없는 글자가 있어요: 𰀀 𱍊" in translated(caught.value.message, "ko")
    assert validated(PromoRequest, LEAST | {field: "Quán Biển 咖啡馆 😀"})


def test_a_name_of_emoji_alone_would_leave_the_card_empty() -> None:
    with pytest.raises(InvalidInput, match="emoji") as caught:
        validated(PromoRequest, LEAST | {"customer_name": "😀☕"})
    assert translated(caught.value.message, "ko") == "customer_name: 이모지는 영상에 나오지 않으니 글자도 적어 주세요"


def test_what_a_clip_is_posted_for_is_optional_and_checked() -> None:
    plain = {"customer_name": "머뭄", "region": "군산"}
    assert PromoRequest(**plain).platform is None
    full = PromoRequest(
        **plain, contact="063-123-4567\n@meomum", hours="매일 10–22시", offer="첫 방문 10% 할인", platform="feed",
        call_to_action="지금 예약하세요", link="https://example.com/book", logo="https://example.com/logo.png",
        caption_style="words", voice="none",
    )  # fmt: skip
    assert full.contact == "063-123-4567\n@meomum"
    for wrong in (
        {"platform": "tv"},
        {"link": "javascript:alert(1)"},
        {"call_to_action": "가" * 61},
        {"offer": "\U00012000"},
    ):
        with pytest.raises(ValidationError):
            PromoRequest(**plain, **wrong)
