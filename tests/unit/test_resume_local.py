"""The local analyser: the mix, the grounding, and that no two résumés get the same questions."""

import itertools
from collections import Counter
from statistics import mean
from typing import Any

import pytest

from stagepass.pipelines.resume.grounding import alike, known_links, paths_problems, questions_problems
from stagepass.pipelines.resume.local import paths, questions
from stagepass.pipelines.resume.local.words import rules
from stagepass.pipelines.resume.models import MIX, LearningPath, PathSet, Question, QuestionSet, Resource
from stagepass.pipelines.resume.parsing.profile import fields
from stagepass.pipelines.resume.parsing.skills import taxonomy
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
        assert any(quote in question.question_text for quote in question.based_on)
        assert "{" not in question.model_dump_json().replace("{", "", 1)
        assert "(는)" not in question.question_text
        korean = sum("가" <= char <= "힣" for char in question.reasoning)
        assert (korean > 5) == (resume["language"] == "ko")


@each
def test_paths_fit_and_lead_to_real_places(resume: dict[str, Any]) -> None:
    made = paths.compose(profile_of(resume["text"]))
    assert paths_problems(made) == []
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
    assert mean(pairs) < 0.25
    assert max(pairs) < 0.6


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
    assert paths_problems(paths.compose(profile)) == []


def test_hours_and_wishes_shape_the_plan() -> None:
    profile = profile_of(ONE_LINE)
    assert len(paths.compose(profile, hours=2).learning_paths) == 3
    assert len(paths.compose(profile, hours=20).learning_paths) == 5
    wished = paths.compose(profile, focus="Kubernetes")
    assert wished.learning_paths[0].title == "컨테이너와 배포"
    other = paths.compose(profile, target="데이터 엔지니어")
    assert other.learning_paths[0].title in {
        rules("topics")["topics"][t]["ko"]["title"] for t in fields()["data"]["topics"]
    }


def test_rules_refer_to_what_there_is() -> None:
    topics, resources = rules("topics")["topics"], rules("resources")["resources"]
    for field in fields().values():
        assert len(field["topics"]) >= 3
        assert set(field["topics"]) <= topics.keys()
        assert set(field["expects"]) <= taxonomy().keys()
    assert {name for topic in topics.values() for name in topic["resources"]} <= resources.keys()
    assert all(entry.get("url", "https://").startswith("https://") for entry in resources.values())
    assert all(set(entry["skills"]) <= taxonomy().keys() for entry in rules("skills_asked")["entries"])


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


def test_an_empty_list_four_questions_and_twins_are_found() -> None:
    profile, five = profile_of(ONE_LINE), good()
    assert any("exactly 5" in problem for problem in questions_problems(QuestionSet(questions=[]), profile))
    assert any("exactly 5" in problem for problem in questions_problems(QuestionSet(questions=five[:4]), profile))
    twins = [*five[:4], five[4].model_copy(update={"question_text": five[1].question_text})]
    assert any("ask the same" in problem for problem in questions_problems(QuestionSet(questions=twins), profile))
    assert paths_problems(PathSet(learning_paths=[])) == ["give 3 to 5 learning_paths, not 0"]


def test_links_that_nobody_looked_at_are_left_out() -> None:
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
