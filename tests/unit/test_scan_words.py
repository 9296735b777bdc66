"""The words that people use: thousands of phrases, each answered about what it asks about, and none dangerously."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagepass.content.particles import PAIRS, attach
from stagepass.pipelines.scan.local.names import dictionary, flat, listed
from stagepass.pipelines.scan.local.words import named
from stagepass.pipelines.scan.vocabulary import read, vocabulary
from tests.support import scan_words

PHRASES: dict[str, Any] = json.loads((Path(scan_words.__file__).with_name("scan_phrases.json")).read_text("utf-8"))
EACH = 2
"""Frames that each name is put into."""

DANGEROUS = {"battery", "hazardous"}
"""Groups of which every answer warns."""


def phrases(language: str) -> Iterator[tuple[str, str]]:
    """A question, and the group that is right."""
    frames, number = PHRASES["frames"][language], 0
    for group, names in PHRASES["names"][language].items():
        for name in listed(names):
            for _ in range(EACH):
                yield filled(frames[number % len(frames)], name), group
                number += 1


def filled(frame: str, name: str) -> str:
    def slot(found: re.Match[str]) -> str:
        return attach(name, found[1]) if found[1] in PAIRS else name + found[1]

    return re.sub(r"\{t:([^}]*)\}", slot, frame).replace("{t}", name)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_thousands_of_phrases_are_answered_about_the_right_thing(language: str) -> None:
    asked = list(phrases(language))
    wrong = []
    for question, group in asked:
        _, found, answer = scan_words.read(question, language)
        if found.rule is None or found.rule.group != group:
            wrong.append((question, group, found.rule.group if found.rule else None))
        if group in DANGEROUS and "건전지" not in question and not re.search(r"AA|9V", question):
            assert answer.warning, question
    assert len(asked) >= 700
    assert len(wrong) <= 0.03 * len(asked), wrong


@pytest.mark.parametrize("case", PHRASES["sentences"], ids=lambda case: str(case["says"]))
def test_a_sentence_is_answered_about_what_it_asks(case: dict[str, str]) -> None:
    _, found, _ = scan_words.read(case["says"])
    groups = [rule.group for rule in (found.rule, *found.others) if rule]
    right = case["groups"].split()
    assert groups[0] in right if len(groups) == 1 else set(groups) <= set(right), groups


@pytest.mark.parametrize(
    ("question", "items"),
    [
        ("선인장이랑 흙은?", ["화분 식물", "흙과 모래"]),
        ("유리 반찬통", ["내열유리 그릇"]),
        ("김치통은요?", ["반찬통"]),
        ("이불 베개 쿠션 다 버리고 싶은데", ["솜이불", "베개", "방석과 쿠션"]),
        ("이불, 베개, 쿠션은 어떻게 버려요?", ["솜이불", "베개", "방석과 쿠션"]),
        ("우산버리는법", ["우산"]),
        ("사과도 음식물이에요?", ["과일"]),
        ("옷걸이가 철사인데요", ["금속 용품"]),
        ("이 병 뚜껑이 금속이에요", []),
        ("plastic lid", ["플라스틱 뚜껑"]),
        ("a jar with a metal lid", ["잼병"]),
        ("the lid of a jar", ["플라스틱 뚜껑"]),
        ("wine bottle cork", ["나무 용품"]),
        ("예약한 병원에서", []),
        ("How can I do this?", []),
        ("Can I recycle a beer can?", ["알루미늄 음료 캔"]),
    ],
)
def test_compounds_and_parts(question: str, items: list[str]) -> None:
    assert named(question) == items


@pytest.mark.parametrize(
    "spelling", ["투명페트병", "투명 페트병", "투명 페트 병", "투명페트병은", "투명페트병버리는법", "투명-페트병"]
)
def test_spaces_and_endings_do_not_matter(spelling: str) -> None:
    assert named(spelling) == ["무색 음료 페트병"]


def test_a_long_text_is_read_in_no_time() -> None:
    """500 letters, the most that are taken: looked up letter by letter, never backtracked."""
    for text in ("김치통" * 160, "유리 " * 160, "가" * 500, "glass " * 80, "e-" * 250):
        named(text[:500])


def test_the_names_are_whole() -> None:
    items = {item for group in vocabulary().groups.values() for item in group.items}
    facts = read("names")
    assert {name.removeprefix("@") for name in facts["names"]} <= items | set(vocabulary().groups)
    assert sum(len(listed(names)) for names in facts["names"].values()) >= 4000
    assert set(facts["heads"].values()) <= items | {f"@{group}" for group in vocabulary().groups}
    for form in facts["forms"]:
        assert {material for material in form if material != "names"} <= set(facts["materials"])
        assert {item.removeprefix("@") for name, item in form.items() if name != "names"} <= items | set(
            vocabulary().groups
        )


def test_no_name_means_two_things() -> None:
    meant: dict[str, str] = {}
    for item, names in read("names")["names"].items():
        for name in listed(names):
            assert meant.setdefault(flat(name), item) == item, name
    assert dictionary().korean
