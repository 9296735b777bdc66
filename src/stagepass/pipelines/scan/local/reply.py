"""The local answer: the rule's steps, what the state of the object asks for, and a reply to the question."""

import functools
import re
from collections.abc import Iterator

from stagepass.content.catalogue import Catalogue
from stagepass.pipelines.scan.models import AnswerText, Found, Rule
from stagepass.pipelines.scan.vocabulary import PACKAGE, Tag, vocabulary
from stagepass.providers.local.text import writes
from stagepass.providers.ports import TextRequest

_TOO_COMMON = {"어떻게", "어디", "어디에", "버려요", "버려야", "하나요", "해야", "분리배출", "분리배출해야", "폐기물", "쓰레기", "버리", "버리나요", "이거", "이게", "이건", "how", "do", "i", "throw", "this", "away", "the", "is", "it", "a", "to", "should", "where", "what", "still", "on", "and", "of", "put", "in", "can", "with", "my", "for", "go", "goes"}  # fmt: skip
_PARTICLE = re.compile(r"(은|는|이|가|을|를|도|에|의|으로|로|까지|부터|만|과|와)$")


@functools.cache
def _texts() -> Catalogue:
    return Catalogue.load(PACKAGE)


def say(code: str, language: str, /, **parameters: object) -> str:
    """A text of `locale/`."""
    return _texts().text(code, language, **parameters)


@writes("scan.answer", model="rules-1")
def write_answer(request: TextRequest) -> AnswerText:
    """Answer ``scan.answer`` from the rule alone: nothing is said that the rule does not say."""
    rule = Rule.model_validate_json(request.facts["rule"])
    others = Found.model_validate_json(request.facts["other_rules"]).others
    tags = [vocabulary().tags[code] for code in request.facts["codes"].split()]
    faults = [(tag, fix) for tag in tags if (fix := tag.fix(rule.group, request.language))]
    fixes = [fix for _, fix in faults]
    return AnswerText(
        disposal_steps=list(_steps(rule, others, request.language)),
        insufficiencies=[_fault(tag, fix, request.language) for tag, fix in faults],
        user_answer=" ".join(_reply(rule, others, fixes, request.facts["user_input"], request.language)),
    )


def _steps(rule: Rule, others: list[Rule], language: str) -> Iterator[str]:
    if rule.warning:
        yield say("answer.warning", language, warning=rule.warning)
    yield from (*rule.steps[:-1], *rule.details, *rule.steps[-1:])
    for other in others:
        yield from other_steps(other, language)


def other_steps(rule: Rule, language: str) -> Iterator[str]:
    """The steps for another thing on the photo: its warning first."""
    if rule.warning:
        yield say("answer.other_warning", language, name=rule.name, warning=rule.warning)
    yield say("answer.other_step", language, name=capital(rule.name), goes=rule.goes, step=rule.steps[-1])


def _fault(tag: Tag, fix: str, language: str) -> str:
    return say("answer.fault", language, tag=tag.name(language), fix=fix)


def _reply(rule: Rule, others: list[Rule], fixes: list[str], question: str, language: str) -> Iterator[str]:
    """At most three sentences: the warning, where it goes, what comes first or else matters most."""
    group = vocabulary().groups[rule.group]
    if rule.warning:
        yield _first_sentence(rule.warning)
    if rule.name == group.name(language):
        yield say("answer.where_same", language, goes=capital(rule.goes))
    else:
        yield say("answer.where", language, item=capital(rule.name), goes=rule.goes)
    if len(fixes) > 1:
        yield _first_sentence(say("answer.faults", language, count=len(fixes)))
    elif fixes:
        yield say("answer.first", language, fix=_first_sentence(fixes[0]))
    else:
        yield _first_sentence(_asked_about(rule, question) or (*rule.details, *rule.steps)[0])
    if others and not rule.warning:
        yield say("answer.others", language, names=", ".join(dict.fromkeys(other.name for other in others)))


def capital(text: str) -> str:
    """As a sentence begins."""
    return text[:1].upper() + text[1:]


def _asked_about(rule: Rule, question: str) -> str | None:
    """The step that has most words in common with the question."""
    asked = {_PARTICLE.sub("", word) for word in re.findall(r"\w+", question.lower())} - _TOO_COMMON
    asked = {word for word in asked if len(word) > 1} - {rule.name.lower()}
    steps = [*rule.details, *rule.steps]
    best = max(steps, key=lambda step: sum(word in step.lower() for word in asked), default=None)
    return best if best and any(word in best.lower() for word in asked) else None


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s+", text.strip())[0]
