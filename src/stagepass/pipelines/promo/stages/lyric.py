"""The lyric stage: fetch photos, build the prompt, call the text model, check the answer."""

from stagepass import Context, InvalidOutput
from stagepass.content.catalogue import match
from stagepass.content.prompts import Prompt
from stagepass.pipelines.promo.lyric_check import Findings, check
from stagepass.pipelines.promo.lyric_trade import Trade, recognise
from stagepass.pipelines.promo.models import Lyric, LyricText, PromoRequest, language_tag, undrawn
from stagepass.pipelines.promo.stages.photos import gather, logo
from stagepass.pipelines.promo.texts import texts
from stagepass.providers.ask import ask
from stagepass.providers.ports import TextModel, TextRequest
from stagepass.text import clean

LEAST = 50
"""Minimum length of a lyric, in characters."""


def write(ctx: Context, request: PromoRequest, model: TextModel) -> Lyric:
    """Fetch the photos, ask the model, check the answer."""
    brand = logo(ctx, request)
    photos = gather(ctx, request)  # before anything is bought: one that is none ends the job here
    language = language_tag(request.language)
    prompt = Prompt.load("stagepass.pipelines.promo", "lyric", language)
    trade = recognise(clean(request.customer_name), clean(request.detail_region_info, lines=True))
    facts = {
        "customer_name": request.customer_name,
        "region": request.region,
        "detail_region_info": request.detail_region_info,
        "language": request.language,
        "genre": request.genre,
        "tone": texts().text(f"lyric.tone.{trade.rules.register_}", prompt.language),
        "limits": texts().text("lyric.limits.sober" if trade.rules.sober else "lyric.limits.any", prompt.language),
    }
    question = TextRequest("promo.lyric", prompt.render(**facts), LyricText, facts, language)
    answer = ask(ctx, model, question)
    value = answer.value
    assert isinstance(value, LyricText)
    if len(value.text.strip()) < LEAST:
        raise InvalidOutput(
            f"the lyric has {len(value.text.strip())} characters; at least {LEAST} are needed",
            provider=answer.provider,
            advice="say more about the place, or choose another model",
        )
    if letters := undrawn(value.text):  # before the song is bought: its lines are the clip's captions
        raise InvalidOutput(
            f"the clip has no font for these letters of the lyric: {letters}",
            provider=answer.provider,
            advice="choose another language, or install a font that has them",
        )
    found = _checked(value, request, trade, answer.provider)
    return Lyric(
        **value.model_dump(),
        photos=photos,
        logo=brand,
        provider=answer.provider,
        model=answer.model,
        prompt=question.prompt,
        prompt_version=f"{prompt.name}.{prompt.language} {prompt.version}",
        note=_note(request, value, found, language),
        trade=trade.key,
        trade_confidence=trade.confidence,
        tone=trade.rules.register_,
        facts_used=found.used,
        facts_unused=found.unused,
        notice=texts().text(f"lyric.notice.{trade.rules.notice}", language) if trade.rules.notice else None,
    )


def _checked(value: LyricText, request: PromoRequest, trade: Trade, provider: str) -> Findings:
    """What the lyric says, in the languages that can be read here.

    Raises:
        InvalidOutput: it longs for a service, praises it like a meal, or makes a claim that its rules forbid.
    """
    language = match(language_tag(value.language), ("ko", "en"))
    if language is None:
        return Findings([], [], [])
    found = check(value.text, request.detail_region_info, trade, language)
    if found.forbidden:
        raise InvalidOutput(
            f"the lyric says what this trade cannot post: {', '.join(found.forbidden[:3])}",
            provider=provider,
            advice="run the stage again, or choose another model",
        )
    return found


def _note(request: PromoRequest, value: LyricText, found: Findings, language: str) -> str | None:
    """The notes for the reader: another language than requested, few of the details used."""
    notes = []
    if language_tag(value.language) != language:
        notes.append(texts().text("lyric.other_language", language, wanted=request.language))
    if found.poor:
        notes.append(texts().text("lyric.few_facts", language, unused=", ".join(found.unused[:5])))
    return " ".join(notes) or None
