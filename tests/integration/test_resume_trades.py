"""Forty résumés of many trades, in both languages and every kind of file: what is read, asked and planned of each."""

import re
from collections import Counter
from datetime import date
from typing import Any

import pytest

from stagepass.pipelines.resume import rulebook
from stagepass.pipelines.resume.grounding import paths_problems, questions_problems
from stagepass.pipelines.resume.local import paths, questions
from stagepass.pipelines.resume.models import Profile
from stagepass.pipelines.resume.parsing.profile import read_profile
from stagepass.pipelines.resume.parsing.skills import named
from stagepass.pipelines.resume.reading.extract import extract
from stagepass.pipelines.resume.request import ResumeRequest
from tests.support.resume import profile_of
from tests.support.trades import DATA, deeds_of, file_of

each = pytest.mark.parametrize("resume", DATA, ids=lambda r: f"{r['trade']}-{r['language']}-{r['layout']}")
TODAY = date(2026, 11, 30)
_READ: dict[int, Profile] = {}


def profile(resume: dict[str, Any]) -> Profile:
    """Read once: each file takes a process."""
    if id(resume) not in _READ:
        text = extract(file_of(resume))
        _READ[id(resume)] = read_profile(text, ResumeRequest.model_construct(language="", target_role=""), TODAY)
    return _READ[id(resume)]


@each
def test_everything_that_was_done_is_found_and_nothing_else(resume: dict[str, Any]) -> None:
    found = profile(resume)
    done = deeds_of(resume)
    assert [deed for deed in done if not any(deed in each.text for each in found.deeds)] == []
    assert [each.text for each in found.deeds if not any(deed in each.text for deed in done)] == []


@each
def test_where_somebody_worked_is_read_in_every_layout(resume: dict[str, Any]) -> None:
    found = profile(resume)
    assert (found.field, found.language) == (resume["trade"], resume["language"])
    assert [employer.name for employer in found.employers] == [job["company"] for job in resume["jobs"]]
    for employer, job in zip(found.employers, resume["jobs"], strict=True):
        assert employer.role
        assert employer.role in job["role"]
        assert employer.start[:4] == re.findall(r"\d{4}", job["period"])[0]
    assert found.years.value


@each
def test_what_a_resume_shows_in_any_words_is_no_gap(resume: dict[str, Any]) -> None:
    assert not set(resume["knows"]) & set(profile(resume).missing)


@each
def test_questions_are_about_what_was_done(resume: dict[str, Any]) -> None:
    found = profile(resume)
    made = questions.compose(found)
    assert questions_problems(made, found) == []
    job = resume["jobs"][0]
    never = [
        resume["name"],
        resume["headline"],
        *resume["certs"],
        job["company"],
        job["period"],
        f"‘{job['role']}’",
        f"“{job['role']}”",
    ]
    quoted = Counter()
    for question in made.questions:
        assert not [text for text in never if text in question.question_text]
        quoted.update(deed for deed in deeds_of(resume) if deed in question.question_text)
    assert sum(quoted.values()) >= 3, "at least three of five are about a deed"


@each
def test_paths_are_of_the_trade_in_the_language_and_name_no_book_twice(resume: dict[str, Any]) -> None:
    found = profile(resume)
    made = paths.compose(found, hours=20)
    assert paths_problems(made, found) == []
    own = [
        getattr(rulebook.topics().topics[name], found.language).title for name in rulebook.fields()[found.field].topics
    ]
    assert sum(path.title in own for path in made.learning_paths) >= 2
    titles = [resource.title for path in made.learning_paths for resource in path.recommended_resources]
    assert len(titles) == len(set(titles))
    if found.language == "ko":
        assert all(re.search("[가-힣]", title) or re.search(r"OWASP|Figma", title) for title in titles)
        assert any("찾기" in title or "K-MOOC" in title for title in titles)
    else:
        assert not any(re.search("[가-힣]", title) for title in titles)


@pytest.mark.parametrize("field", [name for name in rulebook.fields() if rulebook.fields()[name].titles])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_resume_that_says_little_is_asked_for_more_in_the_words_of_its_trade(field: str, language: str) -> None:
    entry = rulebook.fields()[field]
    title = next(t for t in entry.titles if t.isascii() == (language == "en") or t == entry.titles[-1])
    text = (
        f"김하늘\n{title}\n성실하게 일해 왔습니다"
        if language == "ko"
        else f"Sam Doe\n{title}\nI like to work with people"
    )
    found = profile_of(text, language=language)
    made = questions.compose(found)
    assert questions_problems(made, found) == []
    texts = [question.question_text for question in made.questions]
    assert set(rulebook.fields()[found.field].guides[language]) <= set(texts)  # type: ignore[index]
    assert not any("김하늘" in text or "Sam Doe" in text or "성실하게" in text for text in texts)


def test_guides_name_no_skill_and_no_figure_that_a_resume_may_lack() -> None:
    for name, field in rulebook.fields().items():
        for language, guides in field.guides.items():
            assert len(set(guides)) == 2, (name, language)
            for guide in guides:
                assert not named(guide), (name, guide)
                assert not re.search(r"\d", guide)
