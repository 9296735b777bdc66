"""The answer: from the rule by the text model; fixed texts where there is no rule, or where it is unsure."""

from collections.abc import Sequence

from stagepass import Context
from stagepass.content.prompts import Prompt
from stagepass.pipelines.scan.choice import Models
from stagepass.pipelines.scan.local.reply import say
from stagepass.pipelines.scan.models import Answer, AnswerText, Classified, Found, Rule, ScanRequest
from stagepass.pipelines.scan.vocabulary import PACKAGE, vocabulary
from stagepass.providers.ask import ask
from stagepass.providers.ports import TextRequest

FIXED = "fixed"
"""Named as the provider of an answer that no model gave."""


def write(ctx: Context, request: ScanRequest, seen: Classified, found: Found, models: Models) -> Answer:
    """Answer, ask back, or say that there is no rule."""
    if found.rule is None:
        return _asked_back(request, found.options) if found.options else _no_rule(request)
    return _answered(ctx, request, seen, found, models)


def _answered(ctx: Context, request: ScanRequest, seen: Classified, found: Found, models: Models) -> Answer:
    assert found.rule is not None
    model = models.get(request.model)
    prompt = Prompt.load(PACKAGE, "answer", request.speaks)
    shown, facts = answer_facts(request.user_input, found, seen.situation_tags, request.speaks)
    text = prompt.render(**shown)
    answer = ask(ctx, model, TextRequest("scan.answer", text, AnswerText, facts, request.speaks))
    return Answer(
        **answer.value.model_dump(),
        provider=answer.provider,
        model=answer.model,
        prompt_version=f"{prompt.name}.{prompt.language} {prompt.version}",
    )


def answer_facts(
    question: str, found: Found, tags: Sequence[str], language: str
) -> tuple[dict[str, str], dict[str, str]]:
    """The variables of the prompt; and the same with what the local writer reads."""
    assert found.rule is not None
    shown = {
        "user_input": question,
        "rule": found.rule.model_dump_json(),
        "tags": "\n".join(f"- {vocabulary().tags[tag].name(language)}" for tag in tags) or "-",
        "others": "\n".join(f"- {rule.name}: {rule.group}" for rule in found.others) or "-",
    }
    others = Found(rule=None, others=found.others).model_dump_json()
    return shown, {**shown, "codes": " ".join(tags), "other_rules": others}


def _no_rule(request: ScanRequest) -> Answer:
    language = request.speaks
    return Answer(
        disposal_steps=[say("none.step.again", language), say("none.step.ask", language)],
        insufficiencies=[],
        user_answer=say("none.answer", language),
        provider=FIXED,
        model=FIXED,
        prompt_version="none 1",
    )


def _asked_back(request: ScanRequest, options: list[Rule]) -> Answer:
    """One question, and what each reply would lead to."""
    language = request.speaks
    first, *rest = [option.name for option in options]
    if not rest:
        question = say("unsure.one", language, first=first)
    elif len(rest) == 1:
        question = say("unsure.two", language, first=first, second=rest[0])
    else:
        question = say("unsure.three", language, first=first, second=rest[0], third=rest[1])
    return Answer(
        disposal_steps=[
            say("unsure.if", language, name=option.name, group=_where(option, language), step=option.steps[-1])
            for option in options
        ]
        + [say("unsure.else", language)],
        insufficiencies=[],
        user_answer=f"{say('unsure.sorry', language)} {question}",
        provider=FIXED,
        model=FIXED,
        prompt_version="unsure 1",
        asks_back=True,
    )


def _where(rule: Rule, language: str) -> str:
    return vocabulary().groups[rule.group].name(language)
