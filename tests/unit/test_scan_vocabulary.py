"""Prompt, rules, tags, local eyes, API and rewards say the same words."""

import re
from collections import Counter
from typing import Any

import pytest

from stagepass.content.catalogue import Catalogue
from stagepass.content.prompts import Prompt
from stagepass.pipelines.scan import rulebook
from stagepass.pipelines.scan.models import Category, Rule
from stagepass.pipelines.scan.stages.reward import character_for, characters
from stagepass.pipelines.scan.stages.vision import _categories
from stagepass.pipelines.scan.vocabulary import PACKAGE, Group, read, vocabulary

GROUPS = list(vocabulary().groups.values())
ITEMS = [(group, item) for group in GROUPS for item in group.items]
RULES: list[dict[str, Any]] = read("disposal")["rules"]
SHAPE = {"group", "source", "goes", "steps", "details", "not_here", "moves"}


def rule_of(group: Group, item: str | None = None, region: str | None = None, **options: Any) -> Rule:
    category = Category(major_category=group.major, middle_category=group.middle, minor_category=item)
    found = rulebook.find(category, region, options.pop("language", "ko"), **options)
    assert found is not None
    return found


def both(texts: Any) -> None:
    """A Korean text and an English one, each in its own letters; a Korean name may stand in brackets behind the English."""
    assert re.search("[가-힣]", texts[0]), texts
    assert re.search("[A-Za-z]", texts[1]), texts
    assert not re.search("[가-힣]", re.sub(r"\([가-힣 ·]+\)|“[가-힣 ]+”|분리배출\.kr", "", texts[1])), texts


def test_the_vocabulary_has_the_contracts_size() -> None:
    words = vocabulary()
    assert len(words.majors) == 8
    assert len([group for group in GROUPS if group.major == words.recyclable]) == 12
    assert len(GROUPS) == 18
    assert len(ITEMS) >= 160
    assert len(words.tags) >= 80
    assert len({tag.group for tag in words.tags.values()}) == 11
    assert [name for name, count in Counter(item for _, item in ITEMS).items() if count > 1] == []


def test_every_major_has_a_rule() -> None:
    assert {group.major for group in GROUPS} | {vocabulary().unknown} == set(vocabulary().majors)
    assert [rule["group"] for rule in RULES] == list(vocabulary().groups)


@pytest.mark.parametrize("facts", RULES, ids=lambda facts: str(facts["group"]))
def test_a_rule_is_whole(facts: dict[str, Any]) -> None:
    group = vocabulary().groups[facts["group"]]
    assert facts.keys() <= SHAPE
    assert len(facts["steps"]) >= 2
    assert facts["source"] in read("sources")
    for texts in (*facts["steps"], *(step for detail in facts["details"] for step in detail["steps"])):
        both(texts)
    for detail in facts["details"]:
        assert set(detail["items"]) <= set(group.items)
        assert detail.get("to", "general") in vocabulary().groups
    for *what, where in facts["not_here"]:
        both(what)
        assert where in vocabulary().groups
        assert where != group.id
    both(facts["goes"])


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_item_has_a_rule_with_a_source_and_a_date(language: str) -> None:
    for group, item in ITEMS:
        rule = rule_of(group, item, language=language)
        assert rule.name == re.sub(r" ?\(.*\)", "", item if language == "ko" else group.items[item])
        assert rule.region == "KR"
        assert rule.sources[0].title
        assert rule.sources[0].url.startswith("https://")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", rule.sources[0].date)
        assert rule.sources[0].version


@pytest.mark.parametrize(
    ("item", "tags", "warns"),
    [
        ("깨진 유리", [], True),
        ("머그컵", [], False),
        ("머그컵", ["broken"], True),
        ("부탄가스통", [], True),
        ("알루미늄 음료 캔", [], False),
        ("리튬이온 배터리", [], True),
        ("건전지", [], False),
        (None, [], True),
        ("직관형 형광등", [], True),
        ("LED 전구", ["lamp_broken"], True),
        ("폐의약품", [], True),
    ],
)
def test_what_is_dangerous_carries_a_warning(item: str | None, tags: list[str], warns: bool) -> None:
    group = vocabulary().group_of_item(item) if item else vocabulary().groups["battery"]
    assert group is not None
    assert (rule_of(group, item, tags=tags).warning is not None) == warns


@pytest.mark.parametrize(
    ("item", "tag", "goes_with", "step"),
    [
        ("와인병", "broken", "nonburnable", "마대"),
        ("직관형 형광등", "lamp_broken", "general", "종량제봉투"),
        ("생수병", "coloured", "plastic", "플라스틱"),
        ("티셔츠", "mouldy", "general", "종량제봉투"),
    ],
)
def test_what_its_state_sends_elsewhere(item: str, tag: str, goes_with: str, step: str) -> None:
    group = vocabulary().group_of_item(item)
    assert group is not None
    rule = rule_of(group, item, tags=[tag])
    assert rule.group == goes_with
    assert any(step in one for one in rule.steps)
    assert rule_of(group, item).group == group.id


@pytest.mark.parametrize("facts", RULES, ids=lambda facts: str(facts["group"]))
def test_what_sends_elsewhere_is_a_tag_and_leads_to_a_group(facts: dict[str, Any]) -> None:
    for move in facts.get("moves", []):
        assert set(move["tags"]) <= set(vocabulary().tags)
        assert move["to"] in set(vocabulary().groups) - {facts["group"]}
        for texts in move.get("steps", []):
            both(texts)


@pytest.mark.parametrize("item", ["부탄가스통", "냉장고", "보조배터리", "폐의약품", "종이컵"])
def test_a_thing_of_its_own_kind_has_all_of_its_own_steps(item: str) -> None:
    group = vocabulary().group_of_item(item)
    assert group is not None
    assert rule_of(group).steps[0] not in rule_of(group, item).steps
    assert len(rule_of(group, item).steps) >= 2


def test_food_waste_has_steps_of_its_own_and_bones_go_elsewhere() -> None:
    food = vocabulary().groups["food"]
    assert rule_of(food, "과일").group == "food"
    bones = rule_of(food, "뼈")
    assert bones.group == "general"
    assert bones.steps == rule_of(vocabulary().groups["general"]).steps


@pytest.mark.parametrize("region", ["seoul", "서울특별시", "SEOUL"])
def test_a_municipality_adds_to_the_national_rule(region: str) -> None:
    national = rule_of(vocabulary().groups["clear_pet"])
    local = rule_of(vocabulary().groups["clear_pet"], region=region)
    assert local.id == "KR.clear_pet+seoul"
    assert local.steps == national.steps
    assert any("목요일" in step for step in local.details)
    assert [source.publisher for source in local.sources] == ["기후에너지환경부", "서울특별시"]
    assert rule_of(vocabulary().groups["food"], region=region).id == "KR.food"


def test_another_municipality_and_an_unknown_one() -> None:
    assert rule_of(vocabulary().groups["glass"], region="제주").id == "KR.glass+jeju"
    assert rule_of(vocabulary().groups["food"], region="제주").id == "KR.food"
    assert rule_of(vocabulary().groups["glass"], region="atlantis").id == "KR.glass"
    assert set(rulebook.regions()) == {"seoul", "jeju"}


def test_what_is_not_classified_has_no_rule() -> None:
    unknown = vocabulary().unknown
    assert rulebook.find(Category(major_category=unknown, middle_category=unknown), None, "ko") is None


def test_faults_say_what_to_do_in_both_languages() -> None:
    fixes, own = read("tags")["fixes"], read("tags")["fixes_by_group"]
    assert set(own) <= set(vocabulary().groups)
    for texts_of in (fixes, *own.values()):
        assert set(texts_of) <= set(vocabulary().tags)
        for texts in texts_of.values():
            if texts is not None:
                both(texts)


def test_the_same_fault_is_put_right_by_material() -> None:
    oily, left = vocabulary().tags["oil_stained"], vocabulary().tags["contents_left"]
    assert "세제로" in str(oily.fix("plastic", "ko"))
    assert "잘라서" in str(oily.fix("paper", "ko"))
    assert oily.fix("food", "ko") is None
    assert left.fix("hazardous", "ko") is None  # nobody is told to rinse out pesticide


def test_the_local_eyes_know_only_the_vocabulary() -> None:
    items, groups = {item for _, item in ITEMS}, set(vocabulary().groups)
    for number, item in read("imagenet")["classes"].items():
        assert 0 <= int(number) < 1000
        assert item in items or item.removeprefix("@") in groups, item
    hints = read("hints")
    assert set(hints["tags"]) <= set(vocabulary().tags)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_prompt_says_the_whole_vocabulary(language: str) -> None:
    facts = {"user_input": "?", "categories": _categories(), "tags": ", ".join(vocabulary().tags)}
    text = Prompt.load(PACKAGE, "vision", language).render(**facts)
    said = [*vocabulary().majors, *(group.middle for group in GROUPS), *(item for _, item in ITEMS), *vocabulary().tags]
    assert [word for word in said if word not in text] == []
    assert Prompt.load(PACKAGE, "answer", language).language == language


def test_every_recyclable_category_has_a_character() -> None:
    assert len(characters()) == 13
    for group in GROUPS:
        if group.major == vocabulary().recyclable:
            assert character_for(group.middle).middle == group.middle
    assert character_for("something new").middle is None
    for one in characters().values():
        both([one.name["ko"], one.name["en"]])
        both([one.dialog["ko"], one.dialog["en"]])


def test_both_languages_have_the_same_texts() -> None:
    assert Catalogue.load(PACKAGE).problems() == []
