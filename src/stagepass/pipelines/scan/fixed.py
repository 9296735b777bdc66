"""Answers that no model gives: in a danger, where there is no rule, and the question back where it is unsure."""

from stagepass.pipelines.scan import guard
from stagepass.pipelines.scan.local.reply import other_steps, say
from stagepass.pipelines.scan.models import Answer, Classified, Found, Rule, ScanRequest

FIXED = "fixed"
"""Named as the provider of an answer that no model gave."""


def in_danger(found: Found, language: str) -> Answer:
    """The safety advice, and after it what becomes of the other things on the photo."""
    assert found.danger is not None
    text = guard.advice(found.danger, language)
    apart = [rule for rule in found.others if rule.warning not in (found.danger.warning, *found.danger.more)]
    others = [line for rule in apart for line in other_steps(rule, language)]
    return _answer("danger 1", text.disposal_steps + others, text.user_answer, text.insufficiencies).model_copy(
        update={"warning": found.danger.warning}
    )


def no_rule(request: ScanRequest, seen: Classified) -> Answer:
    """It was not recognised: how to ask again."""
    language = request.speaks
    steps = [say("none.step.again", language), say("none.step.ask", language)]
    return _answer("none 1", steps, say("none.answer", language))


def asked_back(request: ScanRequest, options: list[Rule]) -> Answer:
    """One question, and what each reply would lead to."""
    language = request.speaks
    steps = [_if(option, language) for option in options] + [say("unsure.else", language)]
    answer = _answer("unsure 1", steps, f"{say('unsure.sorry', language)} {_question(options, language)}")
    return answer.model_copy(update={"asks_back": True})


def _question(options: list[Rule], language: str) -> str:
    names = ("first", "second", "third")
    code = ("unsure.one", "unsure.two", "unsure.three")[len(options) - 1]
    return say(code, language, **{name: option.name for name, option in zip(names, options, strict=False)})


def _if(option: Rule, language: str) -> str:
    step = f"{option.warning} {option.steps[-1]}" if option.warning else option.steps[-1]
    return say("unsure.if", language, name=option.name, goes=option.goes, step=step)


def _answer(version: str, steps: list[str], text: str, faults: list[str] | None = None) -> Answer:
    return Answer(
        disposal_steps=steps,
        insufficiencies=faults or [],
        user_answer=text,
        provider=FIXED,
        model=FIXED,
        prompt_version=version,
    )
