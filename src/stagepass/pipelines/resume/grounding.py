"""Checks an answer of any model against the résumé: every statement about the applicant must be in the résumé.

Each problem is a sentence that a model can act on. Problems hold no text of the résumé, so that they may
stand in an error.
"""

import re
from collections import Counter
from collections.abc import Iterator

from stagepass.pipelines.resume import rulebook
from stagepass.pipelines.resume.models import MIX, PATHS, LearningPath, PathSet, Profile, QuestionSet, Resource
from stagepass.pipelines.resume.parsing.skills import named, taxonomy
from stagepass.text import composed

ALIKE = 0.8
"""Share of common words above which two questions count as one."""

_QUOTED = re.compile(r"[‘“\"]([^‘’“”\"]{4,})[’”\"]")
_FIGURE = re.compile(r"\d[\d,.]*\d|\d")


def questions_problems(answer: QuestionSet, profile: Profile) -> list[str]:
    """What is wrong with the questions; nothing where all is well."""
    return [*_shape(answer), *_differ(answer), *_grounded(answer, profile)]


def paths_problems(answer: PathSet, profile: Profile) -> list[str]:
    """What is wrong with the learning paths. They name skills that are to be learned, so only quotations are held."""
    least, most = PATHS
    if not least <= len(answer.learning_paths) <= most:
        return [f"give {least} to {most} learning_paths, not {len(answer.learning_paths)}"]
    titles = Counter(path.title.strip().lower() for path in answer.learning_paths)
    problems = [f"{times} learning_paths have the same title" for times in titles.values() if times > 1]
    for number, path in enumerate(answer.learning_paths):
        problems += [f"learning_paths.{number}.{name} is empty" for name in _empty(path)]
        if not all(_plain(quote) in _plain(profile.text) for quote in _QUOTED.findall(path.description)):
            problems.append(f"learning_paths.{number}.description quotes words that are not in the résumé")
    return problems


def known_links(answer: PathSet) -> PathSet:
    """The same paths without links that are not in the catalogue: models make addresses up."""
    return PathSet(
        learning_paths=[
            path.model_copy(update={"recommended_resources": [_linked(r) for r in path.recommended_resources]})
            for path in answer.learning_paths
        ]
    )


def _linked(resource: Resource) -> Resource:
    return resource if resource.url in rulebook.links() else resource.model_copy(update={"url": None})


def _empty(path: LearningPath) -> Iterator[str]:
    for name in (
        "title",
        "description",
        "estimated_duration",
        "action_items",
        "recommended_resources",
        "expected_outcomes",
    ):
        value = getattr(path, name)
        if not (value.strip() if isinstance(value, str) else value):
            yield name


def _shape(answer: QuestionSet) -> Iterator[str]:
    wanted = sum(MIX.values())
    if len(answer.questions) != wanted:
        yield f"give exactly {wanted} questions, not {len(answer.questions)}"
    levels = Counter(question.difficulty for question in answer.questions)
    for level, times in MIX.items():
        if levels[level] != times:
            yield f"give {times} question(s) of difficulty {level}, not {levels[level]}"
    for number, question in enumerate(answer.questions):
        for name in ("question_text", "reasoning", "based_on", "good_answer_covers", "follow_ups"):
            value = getattr(question, name)
            if not (value.strip() if isinstance(value, str) else value):
                yield f"questions.{number}.{name} is empty"


def _differ(answer: QuestionSet) -> Iterator[str]:
    texts = [question.question_text for question in answer.questions]
    for number, text in enumerate(texts):
        for other in range(number):
            if alike(text, texts[other]) >= ALIKE:
                yield f"questions.{number} and questions.{other} ask the same; replace one of them"


def alike(one: str, other: str) -> float:
    """How much two texts share, from 0 to 1: the Jaccard index of their runs of three letters."""
    a, b = _threes(one), _threes(other)
    return len(a & b) / len(a | b) if a | b else 1.0


def _threes(text: str) -> set[str]:
    plain = "".join(char for char in text.lower() if char.isalnum())
    return {plain[i : i + 3] for i in range(len(plain) - 2)}


def _grounded(answer: QuestionSet, profile: Profile) -> Iterator[str]:
    resume = _plain(profile.text)
    have = rulebook.with_implied(skill.id for skill in profile.skills)
    figures = set(_FIGURE.findall(profile.text))
    for number, question in enumerate(answer.questions):
        for place, quote in enumerate(question.based_on):
            if not _plain(quote) or _plain(quote) not in resume:
                yield f"questions.{number}.based_on.{place} is not in the résumé; copy its words letter by letter"
        said = f"{question.question_text}\n{question.reasoning}"
        for skill in sorted(named(said) - have):
            yield f"questions.{number} names {taxonomy()[skill].name}, which is not in the résumé"
        if made_up := [figure for figure in _FIGURE.findall(said) if figure not in figures]:
            yield f"questions.{number} holds {len(made_up)} figure(s) that are not in the résumé"


def _plain(text: str) -> str:
    """Letters and digits only: quotation marks, spaces and line breaks may differ."""
    return "".join(char for char in composed(text, "NFKC").lower() if char.isalnum() or char in "%+#")
