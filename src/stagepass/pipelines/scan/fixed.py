"""Answers that no model gives: in a danger, where there is no rule, and the question back where it is unsure."""

from stagepass.pipelines.scan import choosing, guard
from stagepass.pipelines.scan.local.reply import other_steps, say
from stagepass.pipelines.scan.local.words import unknown_word
from stagepass.pipelines.scan.models import Answer, Classified, Found, Rule, ScanRequest, Thing

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


def no_rule(request: ScanRequest, seen: Classified, options: list[Rule]) -> Answer:
    """It was not recognised: why, the nearest things, and a list to choose from."""
    language, word = request.speaks, unknown_word(request.user_input)
    guessed = choosing.of_rules(options, language)
    nearest = _distinct([*choosing.like(word, language), *guessed] if word else guessed)
    text = say("none.named", language, word=word) if word else say(_unseen("none", seen), language)
    again = [] if word else [say("none.step.again", language)]
    steps = [
        *([say("none.step.nearest", language, names=", ".join(thing.name for thing in nearest))] if nearest else []),
        say("none.step.choose", language),
        *again,
        say("none.step.ask", language),
    ]
    return _to_choose(_answer("none 2", steps, text), nearest, language)


def asked_back(request: ScanRequest, seen: Classified, options: list[Rule]) -> Answer:
    """One question, and what each reply would lead to."""
    language = request.speaks
    steps = [_if(option, language) for option in options] + [say("unsure.else", language)]
    sorry = say(_unseen("unsure", seen), language)
    answer = _answer("unsure 2", steps, f"{sorry} {_question(options, language)}")
    answer = _to_choose(answer, choosing.of_rules(options, language), language)
    return answer.model_copy(update={"asks_back": True})


def _to_choose(answer: Answer, nearest: list[Thing], language: str) -> Answer:
    return answer.model_copy(update={"nearest": nearest, "choices": choosing.everything(language)})


def _distinct(things: list[Thing]) -> list[Thing]:
    return list({(thing.group, thing.item): thing for thing in things}.values())[: choosing.NEAREST]


def _unseen(code: str, seen: Classified) -> str:
    """Why it is not known: the photo's fault is said."""
    faults = (tag for tag in ("too_dark", "blurred") if tag in seen.situation_tags)
    return f"{code}.{next(faults, 'answer' if code == 'none' else 'sorry')}"


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
