"""Advice must never endanger anyone: every state of every dangerous thing, in both languages, whoever writes the answer."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagepass.content.particles import attach
from stagepass.pipelines.scan import guard
from stagepass.pipelines.scan.models import Answer, AnswerText, Danger
from stagepass.pipelines.scan.safety import assess, contradicts
from stagepass.pipelines.scan.vocabulary import read, vocabulary
from tests.support import scan_words
from tests.unit.test_scan_vocabulary import both

WORDS: dict[str, Any] = json.loads((Path(scan_words.__file__).with_name("scan_hazards.json")).read_text("utf-8"))
LANGUAGES = ("ko", "en")
KINDS = [(kind, language) for kind in WORDS["things"] for language in LANGUAGES]
KEEP_STEPS = ("sharp", "breakable")
"""Kinds whose warning stands above the usual steps: gloves and paper are enough."""
STATELESS = ("explosive", "asbestos")
"""Kinds that are handled in the same way in every state."""

WRONG = {
    "ko": r"물로 헹궈|비우고 (?:물로 )?헹|씻어서|찌그러뜨려|구멍을 뚫어|발로 밟|폐건전지 수거함에 (?:통째로 )?넣어요|소형가전 수거함에 넣어요\. 다섯|캔·고철 수거함에 넣어요|유리병 수거함에 넣|종량제봉투에 담아 지역|하수구에 버려요|변기에 버려요|소금물",
    "en": r"(?:empty|rinse) it(?:,| and)|rinse it with|press it flat|crush it|put it in a battery collection box|whole into|with glass bottles|recycle with|pour (?:it|the rest) away\.|flush it\.|salt water",
}
"""What was said before the safety layer, and what people wrongly do; written by hand, apart from `hazards.json`."""


def filled(phrase: str, thing: str) -> str:
    return re.sub(r"\{t:([^}]*)\}", lambda slot: attach(thing, slot[1]), phrase).replace("{t}", thing)


def questions(kind: str, language: str) -> Iterator[str]:
    """Every thing of a kind in every state, and every phrase at least once."""
    facts = WORDS["things"][kind]
    for state in facts["states"]:
        phrases, things = WORDS["phrases"][state][language], facts[language]
        for number in range(max(len(phrases), 2 * len(things))):
            yield filled(phrases[number % len(phrases)], things[number % len(things)])


def unsafe(answer: Answer, danger: Danger | None, language: str) -> str | None:
    """What is wrong with an answer to a question about a danger; None if nothing is."""
    if danger is None:
        return "no danger seen"
    first = answer.disposal_steps[0]
    if not first.startswith("주의: " if language == "ko" else "Careful: "):
        return "the warning is not the first step"
    if not answer.user_answer.startswith(guard.sentences(danger.warning)[0]):
        return "the warning is not the first sentence"
    said = "\n".join([*answer.disposal_steps, *answer.insufficiencies, answer.user_answer])
    wrong = re.search(WRONG[language], said) if danger.acute else None
    return f"says {wrong[0]!r}" if wrong else None


@pytest.mark.parametrize(("kind", "language"), KINDS)
def test_every_state_of_every_dangerous_thing_is_answered_safely(kind: str, language: str) -> None:
    problems = []
    for question in questions(kind, language):
        _, found, answer = scan_words.read(question, language)
        danger = found.danger
        problem = unsafe(answer, danger, language)
        if danger is not None and not problem:
            if kind not in KEEP_STEPS and not danger.acute:
                problem = "the usual steps stand"
            elif kind not in STATELESS and not danger.states:
                problem = "the state is not seen"
        if problem:
            problems.append(f"{question}: {problem}")
    assert problems == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_people_write_of_dangerous_things_is_answered_safely(language: str) -> None:
    for question in WORDS["sentences"][language]:
        _, found, answer = scan_words.read(question, language)
        assert unsafe(answer, found.danger, language) is None, question
        assert found.danger is not None
        assert found.danger.states, question


def test_every_item_in_every_state_by_its_tags_alone() -> None:
    """As a model may see it on the photo, without a word: the warning comes first, and no step contradicts."""
    kinds = read("hazards")["kinds"]
    items = {item for facts in kinds.values() for item in facts["items"]}
    tags = sorted({tag for state in read("hazards")["states"].values() for tag in state["tags"]})
    for item in items:
        for tag in tags:
            for language in LANGUAGES:
                found, answer = scan_words.seen_as(item, [tag], language)
                danger = found.danger
                if danger is None:
                    continue
                assert unsafe(answer, danger, language) is None, (item, tag, answer.disposal_steps)
                steps = found.rule.steps if found.rule else []
                assert [step for step in steps if contradicts(step, danger)] == [], (item, tag)


@pytest.mark.parametrize("item", ["보조배터리", "휴대용 선풍기", "부탄가스통", "라이터", "소화기", "수은 체온계", "직관형 형광등", "아세톤(매니큐어 리무버)", "하수구 세정제", "칼", "주사기", "폐의약품", "일회용 손난로", "폭죽", "LPG 가스통", "석면과 슬레이트"])  # fmt: skip
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dangerous_thing_warns_without_any_state(item: str, language: str) -> None:
    found, answer = scan_words.seen_as(item, [], language)
    assert unsafe(answer, found.danger, language) is None
    assert answer.warning


@pytest.mark.parametrize(
    "question",
    [
        "보조배터리 안 부풀었어요",
        "휴대폰 배터리가 부풀지는 않았어요",
        "배터리 깨진 데는 없어요",
        "My battery is not swollen",
        "the power bank isn't leaking",
        "다 쓴 부탄가스통",
        "an empty spray can",
    ],
)
def test_what_is_denied_is_no_state(question: str) -> None:
    _, found, _ = scan_words.read(question)
    assert found.danger is not None
    assert found.danger.states == []


@pytest.mark.parametrize(
    "question",
    ["우유팩은 어떻게 버려요?", "칼국수 그릇", "Where does a pizza box go?", "물에 젖은 신문지", "헌 옷이 젖었어요", "두부 용기에 물이 남았어요", "종이컵에 뜨거운 커피가 남았어요", "a wet newspaper", "half full milk carton", "칼슘 우유팩"],
)  # fmt: skip
def test_harmless_things_are_not_warned_about(question: str) -> None:
    _, found, answer = scan_words.read(question)
    assert found.danger is None
    assert answer.warning is None


# ── whoever writes ───────────────────────────────────────────────────────────────────────────────


def danger_of(question: str, language: str) -> Danger:
    found = assess([], [], question, language)
    assert found is not None
    return found


def held(question: str, language: str, *steps: str, answer: str) -> AnswerText:
    text = AnswerText(disposal_steps=list(steps), insufficiencies=[], user_answer=answer)
    return guard.held(text, danger_of(question, language), language)


def test_a_models_contradicting_steps_are_removed_not_preceded() -> None:
    text = held(
        "이 보조배터리 어떻게 버려요?",
        "ko",
        "종량제봉투에 넣어 버려요.",
        "소금물에 담가 방전시켜요.",
        "단자를 테이프로 막아요.",
        "종량제봉투에 버리지 않아요.",
        answer="소금물에 담갔다가 종량제봉투에 버리세요. 수거함도 있어요.",
    )
    assert text.disposal_steps[0].startswith("주의: 리튬 배터리는")
    assert text.disposal_steps[1:] == ["단자를 테이프로 막아요.", "종량제봉투에 버리지 않아요."]
    assert text.user_answer == "리튬 배터리는 눌리거나 뚫리면 불이 날 수 있어요. 수거함도 있어요."


def test_a_models_dangerous_english_is_removed_as_well() -> None:
    text = held(
        "empty spray can",
        "en",
        "Pierce the can with a nail.",
        "Do not pierce it.",
        "Let the gas out outdoors and then crush it.",
        "Take off the cap.",
        answer="Punch holes in it. Then it goes with metal.",
    )
    assert text.disposal_steps[1:] == ["Do not pierce it.", "Take off the cap."]
    assert text.user_answer.endswith("Then it goes with metal.")
    assert text.user_answer.startswith("Gas left in a can can explode.")


def test_in_an_acute_danger_nothing_of_the_model_stays() -> None:
    text = held("보조배터리가 부풀었어요", "ko", "조심히 눌러 공기를 빼요.", answer="괜찮아요.")
    danger = danger_of("보조배터리가 부풀었어요", "ko")
    assert text.disposal_steps == [f"주의: {danger.warning}", *danger.steps]
    assert "괜찮" not in text.user_answer


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("이 약 어떻게 버려요?", "변기에 흘려보내요."),
        ("락스 버리는 법", "물에 희석해서 하수구에 부어요."),
        ("형광등", "청소기로 조각을 빨아들여요."),
        ("주사기", "바늘에 뚜껑을 다시 씌워요."),
        ("leftover paint thinner", "Pour it down the drain."),
        ("fluorescent tube", "Sweep up the pieces with a broom."),
        ("syringe", "Recap the needle and put it in the trash."),
        ("laptop", "Take it apart and remove the battery."),
        ("power bank", "Discharge it in salt water, and do not worry."),
    ],
)
def test_dangerous_advice_is_recognised(question: str, says: str) -> None:
    language = "ko" if re.search("[가-힣]", question) else "en"
    assert contradicts(says, danger_of(question, language))


# ── the data ─────────────────────────────────────────────────────────────────────────────────────


def test_the_hazards_are_whole() -> None:
    facts = read("hazards")
    items = {item for group in vocabulary().groups.values() for item in group.items}
    for name, kind in facts["kinds"].items():
        assert set(kind["items"]) <= items, name
        assert set(kind.get("groups", [])) <= set(vocabulary().groups), name
        assert set(kind.get("covers", [])) <= set(facts["kinds"]), name
    for state in facts["states"].values():
        assert set(state["tags"]) <= set(vocabulary().tags)
        both(state["name"])
    for entry in facts["advice"]:
        assert set(entry["kinds"]) <= set(facts["kinds"])
        assert set(entry["states"]) <= set(facts["states"])
        both(entry["warning"])
        for text in entry["warning"]:
            assert len(guard.sentences(text)) <= 2, text
        for step in entry.get("steps", []):
            both(step)


def test_the_advice_does_not_contradict_itself() -> None:
    for number, entry in enumerate(read("hazards")["advice"]):
        for text in (0, 1):
            danger = Danger(kinds=entry["kinds"], acute=True, warning="", steps=[])
            said = [entry["warning"][text], *(step[text] for step in entry.get("steps", []))]
            assert [line for line in said if contradicts(line, danger)] == [], number
