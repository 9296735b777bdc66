"""No dead end: what is not known is answered by the nearest things, and by a list that can be tapped."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image, ImageFilter

from stagepass.pipelines.scan import choosing
from stagepass.pipelines.scan.local.words import named, said_to_be, unknown_word
from stagepass.pipelines.scan.models import QUESTION
from stagepass.pipelines.scan.vocabulary import vocabulary
from tests.support.scan import BOTTLE, ScanLab, plain, scan_lab


@pytest.fixture
def lab() -> Iterator[ScanLab]:
    with scan_lab() as made:
        yield made


def test_what_is_not_seen_offers_the_nearest_and_a_list(lab: ScanLab) -> None:
    answer = lab.scan(plain())["answer"]
    assert "알아보지 못했어요" in answer["user_answer"]
    assert len(answer["nearest"]) == 3
    assert [choice["group"] for choice in answer["choices"]] == list(vocabulary().groups)
    assert all(1 <= len(choice["things"]) <= choosing.PER_GROUP for choice in answer["choices"])
    assert answer["disposal_steps"][0].startswith("가까운 것: ")


def test_who_wrote_a_name_is_not_told_to_write_the_name(lab: ScanLab) -> None:
    answer = lab.scan(plain(), user_input="텀블라는 어떻게 버려요?")["answer"]
    assert answer["user_answer"].startswith("‘텀블라’ 항목은 아직 없어요.")
    assert answer["nearest"][0]["item"] == "스테인리스 텀블러"
    assert "이름" not in answer["user_answer"]


def test_what_is_tapped_is_taken(lab: ScanLab) -> None:
    thing = next(thing for choice in choosing.everything("ko") for thing in choice.things if thing.item == "샴푸통")
    out = lab.scan(BOTTLE, user_input=thing.say)
    assert out["vision"]["classification"]["minor_category"] == "샴푸통"
    assert out["answer"]["asks_back"] is False
    assert out["answer"]["choices"] == []


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_thing_of_the_list_is_understood_when_it_is_sent_back(language: str) -> None:
    wrong = []
    for choice in choosing.everything(language):
        for thing in choice.things:
            assert said_to_be(thing.say), thing.say
            if named(thing.say) != [thing.item]:
                wrong.append((thing.say, thing.item, named(thing.say)))
    assert wrong == []


def test_an_unsure_answer_has_the_list_as_well(lab: ScanLab) -> None:
    answer = lab.scan(user_input="이 건전지는 어디에 버려요?")["answer"]
    assert answer["asks_back"] is True
    assert [thing["name"] for thing in answer["nearest"]][:2] == ["와인병", "건전지"]
    assert answer["choices"]


def taken(photo: Image.Image) -> bytes:
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=90)
    return out.getvalue()


def test_a_dark_and_a_blurred_photo_are_told(lab: ScanLab) -> None:
    photo = Image.open(io.BytesIO(BOTTLE)).convert("RGB")
    dark = lab.scan(taken(photo.point(lambda value: value // 16)))
    assert "too_dark" in dark["vision"]["situation_tags"]
    assert "어두" in dark["answer"]["user_answer"]
    blurred = lab.scan(taken(photo.filter(ImageFilter.GaussianBlur(photo.width / 12))))
    assert "blurred" in blurred["vision"]["situation_tags"]
    assert "흐려" in blurred["answer"]["user_answer"]
    assert "blurred" not in lab.scan()["vision"]["situation_tags"]


@pytest.mark.parametrize(
    ("question", "word"),
    [("텀블라는 어떻게 버려요?", "텀블라"), ("where does my quxblarg go?", "quxblarg"), (QUESTION, None), ("이거 뭐예요?", None), ("How do I throw this away?", None)],
)  # fmt: skip
def test_the_name_that_is_not_known_is_found(question: str, word: str | None) -> None:
    assert unknown_word(question) == word
