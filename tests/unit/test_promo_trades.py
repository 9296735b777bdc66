"""A hundred trades in each language: a lyric that its owner can post, with the facts that were given."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from stagepass.pipelines.promo.local_lyric import write_lyric
from stagepass.pipelines.promo.lyric_check import check
from stagepass.pipelines.promo.lyric_trade import recognise
from stagepass.pipelines.promo.models import LyricText
from stagepass.providers.ports import TextRequest

CASES = Path(__file__).parents[1] / "support" / "promo"

MEALS = {"food", "cafe", "bakery", "dessert", "bar", "grocery", "farm", "lodging", "camping"}
EATEN = re.compile(
    r"젓가락|싱싱한 바다|국물|군침|맛있|한 끼|상에 올|그릇|잔 부딪|고소한 냄새|달콤한 한 입"
    r"|\bdelicious|\btasty|\bplate\b|\bserved up|\bcooked\b|\bspoonful|\bsip\b|\bmy fill",
    re.I,
)
LONGED_FOR = re.compile(
    r"그리워|그립|보고 싶|생각나|떠올리기|입꼬리|설레|두근|손꼽아|또 오고|다음번이 기다려|콧노래|휘파람|사랑"
    r"|won me round|I miss|in love|longing|can't (?:wait|leave)|back for more|\bsmile when I|hum(?:ming)? (?:along|this)",
    re.I,
)
CLAIMED = re.compile(
    r"최고|완치|100%|보장해|무통|부작용|1위|\bbest (?:doctor|clinic)|guarantee|painless|\bcures?\b", re.I
)
SERVICES = {
    "law", "medical", "vet", "pharmacy", "optician", "care", "counsel", "funeral", "pet_funeral", "money", "property",
    "lessons", "driving_school", "childcare", "repair", "mending", "car", "interior", "moving", "cleaning", "laundry",
    "business", "print", "transport", "any",
}  # fmt: skip


def cases(language: str) -> Iterator[tuple[str, str, str, str]]:
    for line in (CASES / f"trades_{language}.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            family, name, region, details = line.split("|")
            yield family, name, region, details


def lyric(name: str, region: str, details: str, language: str) -> LyricText:
    facts = {"customer_name": name, "region": region, "detail_region_info": details, "genre": "pop"}
    return write_lyric(TextRequest("promo.lyric", "", LyricText, facts, language))


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_trade_of_a_hundred_businesses_is_recognised(language: str) -> None:
    assert len(list(cases(language))) >= 100
    wrong = [
        (name, family, found.key)
        for family, name, _, details in cases(language)
        if (found := recognise(name, details)).family != family
    ]
    assert wrong == []


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_service_is_longed_for_or_eaten(language: str) -> None:
    for family, name, region, details in cases(language):
        text = lyric(name, region, details, language).text
        for words in ([] if family in MEALS else [EATEN]) + ([LONGED_FOR, CLAIMED] if family in SERVICES else []):
            found = words.search(
                re.sub("|".join(map(re.escape, [name, *re.split(", ?", details)])), "", text, flags=re.I)
            )
            assert not found, f"{name}: {found}"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_at_least_half_of_the_facts_are_sung_and_told(language: str) -> None:
    for _, name, region, details in cases(language):
        trade = recognise(name, details)
        found = check(lyric(name, region, details, language).text, details, trade, language)
        assert len(found.used) >= len(found.unused), f"{name}: {found}"
        assert found.forbidden == [], name


@pytest.mark.parametrize("language", ["ko", "en"])
def test_many_facts_find_room(language: str) -> None:
    ko = "30년 전통, 수육, 순대, 머리국밥, 내장국밥, 겉절이 김치, 포장 가능, 단체석, 주차 20대, 새벽 5시부터, 연중무휴, 직접 담근 장"
    en = "brisket, ribs, cornbread, pecan pie, live music, outdoor tables, free parking, open daily, kids' menu, catering"
    details = ko if language == "ko" else en
    found = check(
        lyric("Smoke House BBQ" if language == "en" else "할매국밥", "부산", details, language).text,
        details,
        recognise("할매국밥", ""),
        language,
    )
    assert len(found.used) >= 0.75 * len(details.split(", ")), found


@pytest.mark.parametrize(
    ("name", "sung", "forbidden"),
    [
        ("김앤박 법률사무소", "이혼이 자꾸 그리워져요\n설레는 마음으로 와요", ["자꾸 그리", "설레"]),
        ("Smile Dental", "The best dentist in town\nA delicious clean", ["delicious", "The best"]),
        ("하늘치과의원", "무통 치료를 보장해요", ["무통", "보장해"]),
        ("할매국밥", "떠올리기만 해도 맛있어요", []),
        ("Bloom", "I miss the place", []),
    ],
)
def test_the_lyric_of_a_model_is_held_to_the_same(name: str, sung: str, forbidden: list[str]) -> None:
    language = "ko" if re.search("[가-힣]", sung) else "en"
    assert check(sung, "", recognise(name, ""), language).forbidden == forbidden


def test_the_used_facts_are_found_inflected() -> None:
    found = check("매일 아침 빵을 구워요\n서른 해", "매일 아침 빵을 굽습니다, 30년 전통", recognise("빵집", ""), "ko")
    assert (found.used, found.unused) == (["매일 아침 빵을 굽습니다"], ["30년 전통"])
