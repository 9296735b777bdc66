"""The stages with the local models: what is said, when it asks back, and who gets a character."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from stagepass.engine.commit.claims import Claim
from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.states import JobState
from stagepass.errors import BadRequest, Permanent, SettingsError
from stagepass.pipelines.scan import choice
from stagepass.pipelines.scan.card import card
from stagepass.pipelines.scan.local.sight import _grouped, _object, _several
from stagepass.pipelines.scan.local.words import named, request_tags
from stagepass.pipelines.scan.models import AnswerText, Seen
from stagepass.pipelines.scan.pipeline import character, users
from stagepass.pipelines.scan.stages.reward import checked
from stagepass.providers.local.vision import Guess
from tests.support.scan import BOTTLE, ScanLab, plain, scan_lab


@pytest.fixture
def lab() -> Iterator[ScanLab]:
    with scan_lab() as made:
        yield made


def test_a_bottle_from_the_photo_to_the_reward(lab: ScanLab) -> None:
    out = lab.scan()
    seen = out["vision"]
    assert seen["classification"]["minor_category"] == "와인병"
    assert (seen["meta"]["provider"], seen["meta"]["model"]) == ("local", "efficientnet-lite0")
    assert 0.6 < seen["confidence"] < 1
    assert out["rule"]["rule"]["id"] == "KR.glass"
    assert out["answer"]["user_answer"].startswith("와인병은 유리병으로 분리배출해요.")
    assert out["answer"]["disposal_steps"] == out["rule"]["rule"]["steps"]
    assert out["reward"]["reward"] == {
        "name": "쨍그리",
        "dialog": "깨지지 않게 놓아 줘서 쨍, 하고 웃었어!",
        "match_reason": "유리병을 바르게 분리배출했어요.",
        "type": "유리병",
        "received": True,
    }


def test_a_scan_fits_on_a_card(lab: ScanLab) -> None:
    rows = dict(card(lab.scan(user_input="라벨이 붙어 있는 와인병이에요"), "ko"))
    assert list(rows) == ["물건", "규칙", "할 일", "고칠 점", "답"]
    assert rows["물건"].startswith("재활용폐기물 / 유리병 / 와인병 (신뢰도 ")
    assert "KR.glass" in rows["규칙"]
    assert "별표 1" in rows["규칙"]
    assert rows["할 일"].startswith("1. ")
    assert list(dict(card(lab.scan(), "en"))) == ["seen", "rule", "steps", "answer", "reward"]
    assert list(dict(card(lab.scan(plain()), "en"))) == ["seen", "steps", "answer"]


def test_it_answers_in_the_language_of_the_question(lab: ScanLab) -> None:
    out = lab.scan(user_input="Where does this bottle go?")
    assert out["answer"]["user_answer"].startswith("Wine bottle: recycle with glass bottles and jars.")
    assert out["reward"]["reward"]["name"] == "Chime"
    assert lab.scan(user_input="Where?", language="ko")["answer"]["user_answer"].startswith("와인병은")


def test_a_character_is_new_once_per_user(lab: ScanLab) -> None:
    assert [lab.scan()["reward"]["reward"]["received"] for _ in range(3)] == [True, False, False]
    assert lab.scan(owner="bob")["reward"]["reward"]["received"] is True
    owned = [job.key for job in lab.lab.store.jobs(_all("users"))]
    assert owned == ["character:glass", "character:glass"]
    told = [job for job in lab.lab.store.jobs(_all("character")) if job.key == "ownership:glass"]
    assert len(told) == 2  # one per user, each once


def test_ownerships_are_saved_in_batches_by_queues_of_their_own() -> None:
    for stage in (users.stages["save_character"], character.stages["save_ownership"]):
        assert (stage.batch.most, stage.batch.within) == (50, 5.0) if stage.batch else False
    assert users.stages["save_character"].queue == "users.save_character"
    assert character.stages["save_ownership"].queue == "character.save_ownership"
    assert checked("glass") == "glass"
    assert isinstance(checked("gold"), Permanent)


def _all(pipeline: str) -> Any:
    return JobFilter(None, pipeline=pipeline)


def test_what_is_still_wrong_costs_the_reward(lab: ScanLab) -> None:
    out = lab.scan(user_input="라벨이 붙어 있고 술이 남았어요. 어떻게 버려요?")
    assert out["answer"]["insufficiencies"] == [
        "음료가 남아 있음: 남은 음료를 따라 버리고 물로 헹궈요.",
        "라벨이 붙어 있음: 라벨을 떼요. 비닐 라벨은 비닐로 따로 내놓아요.",
    ]
    assert "2가지" in out["answer"]["user_answer"]
    assert out["reward"] == {"reward": None, "reason": "insufficiencies"}


def test_a_broken_bottle_is_no_glass_bottle_any_more(lab: ScanLab) -> None:
    out = lab.scan(user_input="와인병이 깨졌어요")
    assert out["rule"]["rule"]["group"] == "nonburnable"
    assert out["answer"]["disposal_steps"][0].startswith("주의: 깨진 것은 손이 베일 수 있으니")
    assert out["reward"]["reason"] == "not_recyclable"


def test_what_cannot_be_seen_is_said_so_without_a_model(lab: ScanLab) -> None:
    out = lab.scan(plain())
    assert out["vision"]["classification"]["major_category"] == "미분류"
    assert (out["rule"]["rule"], out["rule"]["others"], out["rule"]["danger"]) == (None, [], None)
    assert out["answer"]["provider"] == "fixed"
    assert "알아보지 못했어요" in out["answer"]["user_answer"]
    assert out["reward"]["reward"] is None


def test_a_persons_word_names_what_the_photo_does_not_show(lab: ScanLab) -> None:
    out = lab.scan(plain(), user_input="보조배터리가 부풀었어요. 어떻게 버리나요?")
    assert out["vision"]["classification"]["minor_category"] == "보조배터리"
    assert out["vision"]["confidence"] == 0.75
    assert "리튬" in out["answer"]["disposal_steps"][0]
    assert out["reward"]["reason"] == "insufficiencies"


def test_where_photo_and_word_clash_it_asks_back_and_says_what_each_reply_would_be(lab: ScanLab) -> None:
    out = lab.scan(user_input="이 건전지는 어디에 버려요?")
    assert out["vision"]["meta"]["unsure"] is True
    assert out["answer"]["asks_back"] is True
    assert out["answer"]["user_answer"].startswith("사진만으로는 무엇인지 확실하지 않아요. 와인병인가요? 아니면 건전지")
    assert out["answer"]["disposal_steps"][0].startswith("와인병이라면 유리병으로 분리배출해요. ")
    assert out["answer"]["disposal_steps"][1].startswith("건전지라면 폐건전지 수거함에 넣어요. ")
    assert out["rule"]["rule"] is None
    assert out["reward"] == {"reward": None, "reason": "unsure"}


def test_who_answers_what_it_is_is_not_asked_again(lab: ScanLab) -> None:
    out = lab.scan(user_input="건전지예요")
    assert out["answer"]["asks_back"] is False
    assert out["answer"]["user_answer"].startswith("건전지는 폐건전지 수거함에 넣어요.")
    assert lab.scan(user_input="건전지예요?")["answer"]["asks_back"] is True


def test_the_limit_of_confidence_is_a_setting() -> None:
    with scan_lab(SCAN_UNSURE_BELOW="0.99") as strict:
        assert strict.scan()["answer"]["asks_back"] is True


def test_a_yes_to_what_was_asked_back_is_enough() -> None:
    with scan_lab(SCAN_UNSURE_BELOW="0.74") as strict:
        asked = strict.scan()["answer"]
        assert "와인병" in asked["user_answer"]
        assert asked["disposal_steps"][-1].startswith("다른 것이라면")
        out = strict.scan(user_input="네, 맞아요")
        assert out["answer"]["user_answer"].startswith("와인병은 유리병으로 분리배출해요.")
        assert strict.scan(plain(), user_input="네, 맞아요")["rule"]["rule"] is None


def test_halves_that_surely_show_different_things_are_several_objects() -> None:
    wine_bottle, mug, nothing = [[Guess(number, 0.9)] for number in (907, 504, 0)]
    whole = [_object(_grouped([Guess(907, 0.4)])[0], ["label_on"])]
    both = _several([wine_bottle, mug, nothing, nothing], whole)
    assert [seen.classification.minor_category for seen in both] == ["와인병", "머그컵"]
    assert [seen.situation_tags for seen in both] == [["label_on"], []]
    assert _several([wine_bottle, wine_bottle, nothing, nothing], whole) == whole
    assert _several([wine_bottle, [Guess(504, 0.5)], nothing, nothing], whole) == whole


def test_a_character_that_is_not_matched_in_time_costs_only_the_reward(lab: ScanLab) -> None:
    inner = lab.lab
    job = inner.submit(lab.request(BOTTLE), pipeline="scan", owner="ann")
    mine = ("scan.vision", "scan.rule", "scan.answer", "scan.reward")  # nobody serves character.match
    for _ in range(200):
        if inner.job(job).state is JobState.COMPLETED:
            break
        for claimed in inner.engine.committer.do(Claim(mine, 1, inner.worker)).claimed:
            inner.attempt(claimed)
        inner.clock.advance(0.2)
        inner.relay.promote()
    assert inner.job(job).state is JobState.COMPLETED
    assert inner.result(job) == {"reward": None, "reason": "no_match_in_time"}


def test_a_reward_is_the_same_after_a_crash(lab: ScanLab) -> None:
    first = lab.lab.submit(lab.request(BOTTLE), pipeline="scan", owner="ann")
    done = lab.lab.finish(first)
    again = lab.lab.finish(lab.lab.engine.retry(done.id, "reward", "ann"))
    assert lab.lab.result(again)["reward"]["received"] is True  # by this very scan
    assert len(lab.lab.store.jobs(_all("users"))) == 1


def test_of_several_named_things_the_photo_says_which_is_meant(lab: ScanLab) -> None:
    out = lab.scan(user_input="건전지 옆에 있던 와인병인데 어떻게 버려요?")
    assert out["vision"]["classification"]["minor_category"] == "와인병"
    assert out["vision"]["meta"]["unsure"] is False


def test_a_tool_is_not_told_to_be_emptied(lab: ScanLab) -> None:
    out = lab.scan(plain(), user_input="Where do I put an iron tool?")
    assert out["answer"]["disposal_steps"][1:] == [
        "Put sharp items in a bag or box so that they hurt no one.",
        "Put it with cans and metal.",
    ]


def test_the_api_does_not_load_the_network() -> None:
    code = (
        "import sys; from stagepass.api.app import create_app; from stagepass.pipelines.discover import discover; "
        "discover(); import stagepass.pipelines.scan.routes; print('onnxruntime' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "False"]


# ── words ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("question", "item"),
    [
        ("이 우유팩은 어떻게 버려요?", "우유팩"),
        ("두유팩도 종이인가요?", "두유팩(멸균팩)"),
        ("치킨 뼈는 음식물인가요?", "뼈"),
        ("음료수 캔 버리는 법", "알루미늄 음료 캔"),
        ("Where do I put a wine bottle?", "와인병"),
        ("two pizza boxes", "피자 상자"),
        ("이건 뭐예요?", None),
        ("What is this?", None),
        ("shoelace repair", None),
        ("페트병은 어떻게 버려요?", "무색 음료 페트병"),
        ("라면 봉지 버리는 법", "라면봉지"),
        ("종이팩은요?", "@carton"),
        ("달걀 껍질은 음식물인가요?", "달걀 껍데기"),
        ("비닐이 붙어 있는 배달용기", "배달 용기"),
        ("뚜껑이 금속이에요", None),
        ("이 병 뚜껑이 금속이에요", None),
        ("깨진 유리는 어디에 버려요?", "깨진 유리"),
        ("카메라인데 배터리가 들어 있어요", "카메라"),
    ],
)
def test_items_are_found_in_a_question(question: str, item: str | None) -> None:
    assert named(question)[:1] == ([item] if item else [])


@pytest.mark.parametrize(
    ("question", "tags"),
    [
        ("다 비웠고 씻었어요", ["emptied", "rinsed"]),
        ("라벨은 뗐어요", ["label_off"]),
        ("The label is still on", ["label_on"]),
        ("가스가 남아 있어요", ["gas_left"]),
        ("테이프가 붙어 있는 상자", ["tape_on"]),
        ("기름이 묻은 피자 상자", ["oil_stained"]),
        ("어떻게 버려요?", []),
        ("안 헹궜어요", ["not_rinsed"]),
        ("헹구지 않았어요", ["not_rinsed"]),
        ("It is not rinsed", ["not_rinsed"]),
        ("다 안 비웠어요", ["contents_left"]),
        ("안 깨졌어요", []),
        ("가스가 남아 있지 않아요", []),
    ],
)
def test_the_state_is_read_from_a_question(question: str, tags: list[str]) -> None:
    assert request_tags(question) == tags


# ── models ───────────────────────────────────────────────────────────────────────────────────────


def test_only_allowed_models_answer() -> None:
    models = choice.allowed({"SCAN_MODELS": "fast=local, other=local:x"})
    assert models == {"fast": "local", "other": "local:x"}
    assert choice.allowed({"TEXT_MODEL": "local"}) == {"local": "local"}
    choice.check("fast", models)
    with pytest.raises(BadRequest) as refused:
        choice.check("gpt", models)
    assert refused.value.details == {"supported_models": ["fast", "other"]}
    with pytest.raises(SettingsError, match="has no known provider"):
        choice.allowed({"SCAN_MODELS": "x=nobody:y"})


def test_a_model_that_is_not_allowed_any_more_fails_for_good(lab: ScanLab) -> None:
    job = lab.lab.run(lab.request(BOTTLE, model="gone"), pipeline="scan", owner="ann")
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error["code"], job.error["stage"]) == ("permanent", "vision")


@pytest.mark.parametrize(
    "category",
    [
        {"major_category": "재활용", "middle_category": "종이"},
        {"major_category": "재활용폐기물", "middle_category": "나무"},
        {"major_category": "음식물류폐기물", "middle_category": "종이"},
        {"major_category": "재활용폐기물", "middle_category": "종이", "minor_category": "와인병"},
        {"major_category": "미분류", "middle_category": "미분류", "minor_category": "책"},
    ],
)
def test_a_category_outside_of_the_vocabulary_is_none(category: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"(minor|major|middle)_category"):
        Seen.model_validate({"classification": category, "confidence": 0.9})


def test_tags_and_confidence_are_checked_as_well() -> None:
    good = {"major_category": "재활용폐기물", "middle_category": "종이"}
    assert Seen.model_validate(
        {"classification": good, "situation_tags": ["wet", "wet"], "confidence": 1}
    ).situation_tags == ["wet"]
    with pytest.raises(ValueError, match="not in the vocabulary"):
        Seen.model_validate({"classification": good, "situation_tags": ["shiny"], "confidence": 1})
    with pytest.raises(ValueError, match="0 to 1"):
        Seen.model_validate({"classification": good, "confidence": 85})


def test_an_answer_has_at_most_three_sentences() -> None:
    with pytest.raises(ValueError, match="1 to 3 sentences"):
        AnswerText(disposal_steps=[], insufficiencies=[], user_answer="One. Two. Three. Four.")
