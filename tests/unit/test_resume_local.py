"""The local analyser: the mix, the grounding, and that no two résumés get the same questions."""

import itertools
import json
import random
from collections import Counter
from datetime import date
from importlib.resources import files
from statistics import mean
from typing import Any

import pytest

from stagepass.pipelines.resume import rulebook
from stagepass.pipelines.resume.grounding import alike, known_links, paths_problems, questions_problems
from stagepass.pipelines.resume.local import paths, questions
from stagepass.pipelines.resume.local.fitting import fits, slots
from stagepass.pipelines.resume.local.words import fill
from stagepass.pipelines.resume.models import (
    MIX,
    Deed,
    LearningPath,
    PathSet,
    Question,
    QuestionSet,
    Resource,
    question_set,
)
from stagepass.pipelines.resume.parsing.acts import kinds
from stagepass.pipelines.resume.parsing.skills import named
from stagepass.providers.vendors.answer import plain_schema
from tests.support.resume import DATA, ONE_LINE, profile_of

each = pytest.mark.parametrize("resume", DATA, ids=lambda r: f"{r['field']}-{r['language']}")


@each
def test_questions_fit_hold_and_quote_the_resume(resume: dict[str, Any]) -> None:
    profile = profile_of(resume["text"])
    made = questions.compose(profile)
    assert questions_problems(made, profile) == []
    assert Counter(question.difficulty for question in made.questions) == MIX
    assert len({question.category for question in made.questions}) == 5
    for question in made.questions:
        assert all(quote in question.question_text for quote in question.based_on)
        assert "{" not in question.model_dump_json().replace("{", "", 1)
        assert "(는)" not in question.question_text
        korean = sum("가" <= char <= "힣" for char in question.reasoning)
        assert (korean > 5) == (resume["language"] == "ko")


@each
def test_a_server_with_a_grammar_is_told_the_mix_and_what_may_be_quoted(resume: dict[str, Any]) -> None:
    profile = profile_of(resume["text"])
    schema = question_set(profile)
    assert plain_schema(schema, bounds=True) == plain_schema(QuestionSet, bounds=True)  # to others it is no other
    told = plain_schema(schema, grammar=True)["properties"]["questions"]["prefixItems"]
    parts = [question["properties"] for question in told]
    assert Counter(part["difficulty"]["const"] for part in parts) == MIX
    assert len({part["category"]["const"] for part in parts}) == 5
    quotes = [part["based_on"]["items"]["enum"] for part in parts]
    assert all(quote in profile.text for quote in itertools.chain(*quotes))
    offered = list(itertools.chain(*quotes))
    assert len(offered) == len(set(offered)) or len(set(offered)) < 5, "where there are enough, each has its own"
    for question in told:
        assert next(iter(question["properties"])) == "based_on"
        assert set(question["required"]) == set(Question.model_fields)


def test_without_anything_to_quote_a_grammar_holds_no_quotes() -> None:
    told = plain_schema(question_set(profile_of("I would like to work with people.")), grammar=True)
    (first, *_) = told["properties"]["questions"]["prefixItems"]
    assert first["properties"]["based_on"]["items"] == {"type": "string", "maxLength": 160}


@each
def test_paths_fit_and_lead_to_real_places(resume: dict[str, Any]) -> None:
    profile = profile_of(resume["text"])
    made = paths.compose(profile, hours=20)
    assert paths_problems(made, profile) == []
    assert known_links(made) == made
    for path in made.learning_paths:
        assert [item.step for item in path.action_items] == [1, 2, 3]
        titles = {resource.title for resource in path.recommended_resources}
        assert {title for item in path.action_items for title in item.resources} <= titles


def test_resumes_get_questions_of_their_own() -> None:
    texts = []
    for resume in DATA:
        made = questions.compose(profile_of(resume["text"]))
        texts.append((resume["language"], " ".join(question.question_text for question in made.questions)))
    pairs = [alike(a, b) for (x, a), (y, b) in itertools.combinations(texts, 2) if x == y]
    assert mean(pairs) < 0.18
    assert max(pairs) < 0.45


def test_what_is_written_holds_on_resumes_mixed_of_any_parts() -> None:
    dice = random.Random(7)
    lines = [line for resume in DATA for line in resume["text"].splitlines()]
    aliases = [alias for skill in rulebook.skills().skills for alias in skill.aliases]
    for _ in range(40):
        named_tools = [f"- {dice.choice(aliases)} 도입으로 처리 시간을 5시간에서 20분으로 단축" for _ in range(3)]
        profile = profile_of("\n".join([*dice.sample(lines, 4), *named_tools]))
        assert questions_problems(questions.compose(profile), profile) == [], profile.text
        assert paths_problems(paths.compose(profile), profile) == [], profile.text


def test_the_same_resume_gets_the_same_questions() -> None:
    assert questions.compose(profile_of(ONE_LINE)) == questions.compose(profile_of(ONE_LINE))


@pytest.mark.parametrize(
    "text", ["안녕하세요 저는 성실한 사람입니다. 잘 부탁드립니다.", "Hello, my name is Kim. Nice to meet you."]
)
def test_a_resume_that_says_little_is_asked_for_more_and_nothing_is_invented(text: str) -> None:
    profile = profile_of(text)
    assert (profile.field, profile.skills, profile.years.value) == ("general", [], None)
    made = questions.compose(profile)
    assert questions_problems(made, profile) == []
    assert paths_problems(paths.compose(profile), profile) == []


def test_hours_and_wishes_shape_the_plan() -> None:
    profile = profile_of(ONE_LINE)
    assert len(paths.compose(profile, hours=2).learning_paths) == 3
    assert len(paths.compose(profile, hours=20).learning_paths) == 5
    wished = paths.compose(profile, focus="Kubernetes")
    assert wished.learning_paths[0].title == "컨테이너와 배포"
    other = paths.compose(profile, target="데이터 엔지니어")
    topics = rulebook.topics().topics
    assert other.learning_paths[0].title in {topics[t].ko.title for t in rulebook.fields()["data"].topics}


def test_the_plan_begins_with_what_the_field_asks_for_and_the_resume_does_not_show() -> None:
    knows = "4년차 백엔드 개발자\n- Kafka로 주문 이벤트 처리\n- Docker, Kubernetes로 배포 개선\n- MySQL 쿼리 튜닝"
    first, *_, last = paths.compose(profile_of(knows), hours=20).learning_paths
    assert first.description.startswith("이력서에 Prometheus가 보이지 않습니다.")
    assert "Kafka" not in first.description
    assert "이미" in last.description  # what they know comes last, as going deeper


def test_a_path_is_tied_only_to_what_it_is_about() -> None:
    text = "5년차 백엔드 개발자\n- 신입 개발자 3명 멘토링\n- 장애 대응 체계를 만들고 복구 시간을 52분에서 17분으로 단축"
    for path in paths.compose(profile_of(text), hours=20).learning_paths:
        assert "멘토링" not in path.description
        assert ("복구 시간" in path.description) == (path.title == "장애를 먼저 알아차리는 모니터링")


def test_a_question_asks_of_a_deed_what_fits_it() -> None:
    text = (
        "5년차 백엔드 개발자\n- 신입 개발자 3명 멘토링\n- Redis 락으로 쿠폰 중복 발급 방지 기능 개발\n"
        "- 디자이너, 기획자와 함께 주문 화면 API 설계"
    )
    made = {question.category: question for question in questions.compose(profile_of(text)).questions}
    assert "쿠폰" in made["문제해결"].question_text or "주문" in made["문제해결"].question_text
    assert "멘토링" not in made["문제해결"].question_text
    assert "멘토링" in made["협업경험"].question_text or "기획자" in made["협업경험"].question_text


def test_a_wish_decides_what_is_asked_about() -> None:
    text = "백엔드 개발자 4년차\n- Kafka로 주문 이벤트 처리\n- Elasticsearch 상품 검색 개발\n- MySQL 정산 배치 개선"
    for wish, word in (("Elasticsearch", "검색"), ("Kafka", "주문 이벤트")):
        made = questions.compose(profile_of(text), focus=wish)
        assert word in next(q.question_text for q in made.questions if q.category == "문제해결")


@pytest.mark.parametrize(
    ("text", "there", "lacking"),
    [
        ("안드로이드 개발자 4년차, Kotlin과 Compose로 앱 개발", {"swift", "swiftui", "kotlin"}, {"github_actions"}),
        ("데이터 분석가 3년차, MySQL 쿼리로 매출 분석, Power BI 대시보드", {"sql", "tableau"}, {"airflow"}),
        ("데브옵스 엔지니어, Jenkins 배포와 Grafana 대시보드 운영", {"github_actions", "prometheus"}, {"kubernetes"}),
    ],
)
def test_what_stands_for_a_skill_is_no_gap(text: str, there: set[str], lacking: set[str]) -> None:
    missing = set(profile_of(text).missing)
    assert not missing & there
    assert lacking <= missing


# ── the rules ────────────────────────────────────────────────────────────────────────────────────


def test_rules_refer_to_what_there_is() -> None:
    topics, skills = rulebook.topics().topics, {skill.id for skill in rulebook.skills().skills}
    fields = rulebook.fields()
    for field in fields.values():
        assert len(field.topics) >= 3
        assert set(field.topics) <= topics.keys()
        assert {skill for one_of in field.expects for skill in one_of} <= skills
    used = {name for topic in topics.values() for name in topic.resources}
    assert used == rulebook.resources().keys()
    assert {skill for topic in topics.values() for skill in topic.teaches} <= skills
    assert {skill for entry in rulebook.skills().skills for skill in entry.implies} <= skills
    for entry in rulebook.questions():
        assert set(entry.when.skills) <= skills
        assert {*entry.when.fields, *filter(None, [entry.when.field])} <= fields.keys()
        assert set(entry.when.kinds) <= kinds()


def test_every_question_says_the_same_in_both_languages_and_invents_nothing() -> None:
    filled = dict.fromkeys(("deed", "before", "after", "scale", "skill", "guide"), "@")
    for entry in rulebook.questions():
        assert slots(entry, "ko") == slots(entry, "en") <= filled.keys()
        for wording in (entry.ko, entry.en):
            said = fill(f"{wording.q}\n{wording.why}", filled)
            assert not named(said), said
            assert not any(char.isdigit() for char in said), said


def test_no_question_is_there_twice_and_everything_that_is_done_can_be_asked_about() -> None:
    entries = rulebook.questions()
    for texts in ([entry.ko for entry in entries], [entry.en for entry in entries]):
        assert len({(text.q, text.why) for text in texts}) == len(entries)
    profile = profile_of("잘 알려지지 않은 일을 오래 해 온 사람입니다")
    for kind in kinds():
        for about in ("project", "team", "problem", "grow"):
            found = fits(profile, about, Deed(text="어떤 일을 함", kind=kind))
            assert [fit for fit in found if slots(fit.entry, "ko") <= {"deed"}], (kind, about)


def test_rules_name_their_source_and_date() -> None:
    names = [path.name for path in (files("stagepass.pipelines.resume") / "rules").iterdir()]
    assert len(names) == 9
    for name in names:
        head = json.loads((files("stagepass.pipelines.resume") / "rules" / name).read_text("utf-8"))
        assert head["source"]
        assert date.fromisoformat(head["date"])


# ── the check, on answers that do not hold ───────────────────────────────────────────────────────


def good() -> list[Question]:
    return questions.compose(profile_of(ONE_LINE)).questions


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"question_text": "Kafka로 개발한 경험을 말해 주세요."}, "names Kafka"),
        ({"reasoning": "JavaScript를 오래 썼다고 하셨습니다."}, "names JavaScript"),
        ({"question_text": "매출을 40% 올린 방법은 무엇입니까?"}, "figure(s) that are not in the résumé"),
        ({"based_on": ["John Doe, Google"]}, "based_on.0 is not in the résumé"),
        ({"based_on": []}, "based_on is empty"),
        ({"difficulty": "고급"}, "of difficulty 초급"),
        ({"good_answer_covers": []}, "good_answer_covers is empty"),
    ],
)
def test_what_the_resume_does_not_say_is_found(change: dict[str, Any], said: str) -> None:
    first, *rest = good()
    problems = questions_problems(QuestionSet(questions=[first.model_copy(update=change), *rest]), profile_of(ONE_LINE))
    assert any(said in problem for problem in problems), problems
    assert not any("John" in problem or "40" in problem for problem in problems)


def test_a_skill_that_another_one_implies_is_not_invented() -> None:
    first, *rest = good()
    asked = first.model_copy(update={"question_text": "SQL은 어떻게 익히셨습니까?"})
    profile = profile_of(f"{ONE_LINE}, PostgreSQL 운영")
    assert questions_problems(QuestionSet(questions=[asked, *rest]), profile) == []
    without = questions_problems(QuestionSet(questions=[asked, *rest]), profile_of(ONE_LINE))
    assert any("names SQL" in problem for problem in without)


def test_an_empty_list_four_questions_and_twins_are_found() -> None:
    profile, five = profile_of(ONE_LINE), good()
    assert any("exactly 5" in problem for problem in questions_problems(QuestionSet(questions=[]), profile))
    assert any("exactly 5" in problem for problem in questions_problems(QuestionSet(questions=five[:4]), profile))
    twins = [*five[:4], five[4].model_copy(update={"question_text": five[1].question_text})]
    assert any("ask the same" in problem for problem in questions_problems(QuestionSet(questions=twins), profile))
    assert paths_problems(PathSet(learning_paths=[]), profile) == ["give 3 to 5 learning_paths, not 0"]


def test_a_path_that_quotes_what_the_resume_does_not_say_is_found() -> None:
    profile = profile_of(ONE_LINE)
    first, *rest = paths.compose(profile).learning_paths
    for description, fine in (
        ("“AWS EC2 운영” 경험에서 이어집니다.", True),
        ("“Kafka 운영 삼 년” 경험에서 이어집니다.", False),
    ):
        answer = PathSet(learning_paths=[first.model_copy(update={"description": description}), *rest])
        assert (paths_problems(answer, profile) == []) == fine


def test_links_outside_the_catalogue_are_left_out() -> None:
    path: LearningPath = paths.compose(profile_of(ONE_LINE)).learning_paths[0]
    made_up = Resource(type="도서", title="A book", url="https://example.com/made-up", description="a book")
    kept = known_links(
        PathSet(
            learning_paths=[path.model_copy(update={"recommended_resources": [made_up, path.recommended_resources[0]]})]
        )
    )
    resources = kept.learning_paths[0].recommended_resources
    assert (resources[0].url, resources[0].title) == (None, "A book")
    assert resources[1] == path.recommended_resources[0]
