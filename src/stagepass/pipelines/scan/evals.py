"""Checks a model on known cases: ``python -m stagepass.pipelines.scan.evals [MODEL]``, a name on the allow-list.

Every check is deterministic: the vocabulary, the language, the length, words that must or must not be
said. Nothing is judged by another model. The exit code is 1 when a case fails.
"""

import os
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from stagepass.content.prompts import Prompt
from stagepass.errors import StageError
from stagepass.pipelines.scan import rulebook
from stagepass.pipelines.scan.choice import Models
from stagepass.pipelines.scan.guard import sentences
from stagepass.pipelines.scan.local import reply, sight  # noqa: F401  (register the local writers)
from stagepass.pipelines.scan.models import AnswerText, Category, Found, ScanRequest, Sight
from stagepass.pipelines.scan.safety import assess, contradicts
from stagepass.pipelines.scan.stages.answer import answer_facts
from stagepass.pipelines.scan.stages.vision import vision_facts
from stagepass.pipelines.scan.vocabulary import PACKAGE, read, vocabulary
from stagepass.providers.ports import TextModel, TextRequest
from stagepass.providers.registry import Offer


def cases() -> list[dict[str, Any]]:
    """The cases of `rules/evals.json`."""
    found: list[dict[str, Any]] = read("evals")["cases"]
    return found


def problems(case: dict[str, Any], model: TextModel) -> list[str]:
    """What is wrong with what the model says to one case; empty when all is well."""
    try:
        return list(_problems(case, model))
    except StageError as error:
        return [f"{error.code}: {error.message}"]


def _problems(case: dict[str, Any], model: TextModel) -> Iterator[str]:
    language = ScanRequest(image_url="https://example.com/a.jpg", user_input=case["question"]).speaks
    tags = list(case.get("tags", []))
    if "photo" in case:
        seen = _look(case, language, model).objects[0]
        category, tags = seen.classification, seen.situation_tags
        group = vocabulary().group_of(category.major_category, category.middle_category)
        if group is None or group.id not in case["groups"]:
            yield f"sees {category.middle_category}, not {' or '.join(case['groups'])}"
            return
        yield from (f"does not tag {tag}" for tag in case.get("tags", []) if tag not in tags)
    else:
        group = vocabulary().group_of_item(case["item"])
        assert group is not None, case["item"]
        category = Category(major_category=group.major, middle_category=group.middle, minor_category=case["item"])
    rule = rulebook.find(category, None, language, tags)
    assert rule is not None
    danger = assess([category], tags, case["question"], language)
    answer = _answer(case, Found(rule=rule, danger=danger), tags, language, model)
    yield from _of_answer(case, answer, language)
    if danger is not None:
        said = (*answer.disposal_steps, *answer.insufficiencies, *sentences(answer.user_answer))
        yield from (f"dangerous: {line}" for line in said if contradicts(line, danger))


def _look(case: dict[str, Any], language: str, model: TextModel) -> Sight:
    photo = (files(PACKAGE) / "examples" / case["photo"]).read_bytes()
    facts = vision_facts(case["question"])
    text = Prompt.load(PACKAGE, "vision", language).render(**facts)
    answer = model.generate(TextRequest("scan.vision", text, Sight, facts, language, images=[photo]))
    return Sight.model_validate(answer.value.model_dump())


def _answer(case: dict[str, Any], found: Found, tags: list[str], language: str, model: TextModel) -> AnswerText:
    shown, facts = answer_facts(case["question"], found, tags, language)
    text = Prompt.load(PACKAGE, "answer", language).render(**shown)
    answer = model.generate(TextRequest("scan.answer", text, AnswerText, facts, language))
    return AnswerText.model_validate(answer.value.model_dump())


def _of_answer(case: dict[str, Any], answer: AnswerText, language: str) -> Iterator[str]:
    said = "\n".join([*answer.disposal_steps, *answer.insufficiencies, answer.user_answer])
    if bool(re.search("[가-힣]", answer.user_answer)) != (language == "ko"):
        yield f"does not answer in {language}"
    if not answer.disposal_steps:
        yield "names no steps"
    if "faults" in case and bool(answer.insufficiencies) != case["faults"]:
        yield f"insufficiencies: {answer.insufficiencies}"
    yield from (f"does not say {word}" for word in case.get("says", []) if not re.search(word, said))
    yield from (f"says {word}" for word in case.get("never", []) if word.lower() in said.lower())


def main() -> int:
    """Run all cases, and tell."""
    models = Models(Offer("", Path(".stagepass") / "providers" / "models" / "local", os.environ))
    model, failed = models.get(sys.argv[1] if len(sys.argv) > 1 else None), 0
    for case in cases():
        found = problems(case, model)
        failed += bool(found)
        sys.stdout.write(f"{'FAIL' if found else 'ok  '} {case['name']}{': ' if found else ''}{'; '.join(found)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    from stagepass.providers import builtin  # noqa: F401  (registers the models)

    sys.exit(main())
