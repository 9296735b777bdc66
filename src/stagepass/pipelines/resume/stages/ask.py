"""One question to the text model, a check of what came back, and one repair."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from stagepass import Context, InvalidOutput
from stagepass.content.prompts import Prompt
from stagepass.pipelines.resume.models import Made, Profile
from stagepass.pipelines.resume.parsing.contacts import without_contacts
from stagepass.pipelines.resume.request import ResumeRequest
from stagepass.providers.ask import ask as ask_model
from stagepass.providers.ports import TextModel, TextRequest

PACKAGE = "stagepass.pipelines.resume"
SHARES = {"answer": 0.5, "repair": 0.9}
"""Of the time that the attempt has left, for each call: after a slow first answer there is time for its repair."""

M = TypeVar("M", bound=BaseModel)


class _Kept(BaseModel):
    """An answer as it is remembered: what was paid for once is not asked for again."""

    value: Any
    made: Made


def ask(
    ctx: Context,
    model: TextModel,
    name: str,
    schema: type[M],
    profile: Profile,
    request: ResumeRequest,
    check: Callable[[M], list[str]],
) -> tuple[M, Made]:
    """Ask once; where the check finds problems, tell them to the model and ask once more.

    Raises:
        InvalidOutput: the second answer has problems too. Their text contains nothing of the résumé.
    """
    facts = facts_of(profile, request)
    prompt = Prompt.load(PACKAGE, name, profile.language)
    version = f"{prompt.name}.{prompt.language} {prompt.version}"
    first = _answer(ctx, model, name, "answer", prompt.render(**facts), schema, facts, profile.language, version)
    value = schema.model_validate(first.value)
    problems = check(value)
    if not problems:
        return value, first.made
    ctx.log.info("an answer is repaired", stage_name=name, problems=len(problems))
    again = Prompt.load(PACKAGE, "repair", profile.language)
    text = again.render(question=prompt.render(**facts), answer=value.model_dump_json(), problems="\n".join(problems))
    second = _answer(ctx, model, name, "repair", text, schema, facts, profile.language, version)
    value = schema.model_validate(second.value)
    if left := check(value):
        raise InvalidOutput(
            f"{name}: the answer does not hold, also after one repair: {'; '.join(left[:3])}",
            provider=second.made.provider,
            advice="send it again; a larger model holds more often",
        )
    return value, _both(first.made, second.made)


def facts_of(profile: Profile, request: ResumeRequest) -> dict[str, Any]:
    """The variables of both prompts. How to reach the person is in none of them."""
    return {
        "profile": profile.model_copy(update={"text": without_contacts(profile.text)}).model_dump_json(),
        "target_role": request.target_role,
        "focus_areas": ", ".join(request.focus_areas),
        "hours_per_week": request.hours_per_week,
    }


def _answer(
    ctx: Context,
    model: TextModel,
    name: str,
    memo: str,
    prompt: str,
    schema: type[BaseModel],
    facts: Mapping[str, Any],
    language: str,
    version: str,
) -> _Kept:
    def call() -> _Kept:
        limit = ctx.time_left() * SHARES[memo]
        question = TextRequest(f"resume.{name}", prompt, schema, dict(facts), language, time_limit=limit)
        began = time.perf_counter()
        answer = ask_model(ctx, model, question)
        took = round((time.perf_counter() - began) * 1000)
        used = answer.usage
        made = Made(
            provider=answer.provider,
            model=answer.model,
            prompt_version=version,
            tokens_in=used.tokens_in,
            tokens_out=used.tokens_out,
            usd=used.usd,
            milliseconds=took,
        )
        return _Kept(value=answer.value.model_dump(mode="json"), made=made)

    return ctx.once(memo, call, type=_Kept, free=True)


def _both(first: Made, second: Made) -> Made:
    return second.model_copy(
        update={
            "tokens_in": first.tokens_in + second.tokens_in,
            "tokens_out": first.tokens_out + second.tokens_out,
            "usd": first.usd + second.usd,
            "milliseconds": first.milliseconds + second.milliseconds,
            "repaired": True,
        }
    )
