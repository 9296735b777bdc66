"""The answer: from the rule by the text model; fixed texts where there is no rule, it is unsure, or it is dangerous."""

from collections.abc import Callable, Sequence

from stagepass import Context
from stagepass.content.prompts import Prompt
from stagepass.pipelines.scan import fixed, guard
from stagepass.pipelines.scan.choice import Models
from stagepass.pipelines.scan.models import Answer, AnswerText, Classified, Danger, Found, ScanRequest
from stagepass.pipelines.scan.vocabulary import PACKAGE, vocabulary
from stagepass.providers.ask import ask
from stagepass.providers.ports import TextRequest


def write(ctx: Context, request: ScanRequest, seen: Classified, found: Found, models: Models) -> Answer:
    """Answer, ask back, or say that there is no rule; a danger stands above all of it."""
    return chosen(request, seen, found, lambda: _answered(ctx, request, seen, found, models))


def chosen(request: ScanRequest, seen: Classified, found: Found, ask_model: Callable[[], Answer]) -> Answer:
    """The answer of the model only where there is a rule and nothing acute: a wrong word could hurt someone."""
    if found.danger is not None and found.danger.acute:
        return fixed.in_danger(found, request.speaks)
    if found.rule is not None:
        answer = ask_model()
    elif found.options and seen.meta.unsure and seen.classification.middle_category != vocabulary().unknown:
        answer = fixed.asked_back(request, seen, found.options)
    else:
        answer = fixed.no_rule(request, seen, found.options)
    return _guarded(answer, found.danger, request.speaks)


def _guarded(answer: Answer, danger: Danger | None, language: str) -> Answer:
    if danger is None:
        return answer
    held = guard.held(AnswerText(**answer.model_dump(include=set(AnswerText.model_fields))), danger, language)
    return answer.model_copy(update={**held.model_dump(), "warning": danger.warning})


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
        "safety": "\n".join(f"- {line}" for line in _safety(found.danger)) or "-",
    }
    others = Found(rule=None, others=found.others).model_dump_json()
    return shown, {**shown, "codes": " ".join(tags), "other_rules": others}


def _safety(danger: Danger | None) -> list[str]:
    return [danger.warning, *danger.more, *danger.steps] if danger else []
