"""The lyric stage: fetch photos, build the prompt, call the text model, check the answer."""

from stagepass import Context, InvalidOutput
from stagepass.content.catalogue import Catalogue
from stagepass.content.prompts import Prompt
from stagepass.pipelines.promo.models import Lyric, LyricText, PromoRequest, language_tag, undrawn
from stagepass.pipelines.promo.stages.photos import gather
from stagepass.providers.ask import ask
from stagepass.providers.ports import TextModel, TextRequest

LEAST = 50
"""Characters below which a lyric is not one."""


def write(ctx: Context, request: PromoRequest, model: TextModel) -> Lyric:
    """Fetch the photos, ask the model, check the answer."""
    photos = gather(ctx, request)  # before anything is bought: one that is none ends the job here
    language = language_tag(request.language)
    prompt = Prompt.load("stagepass.pipelines.promo", "lyric", language)
    facts = {
        "customer_name": request.customer_name,
        "region": request.region,
        "detail_region_info": request.detail_region_info,
        "language": request.language,
        "genre": request.genre,
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
    return Lyric(
        **value.model_dump(),
        photos=photos,
        provider=answer.provider,
        model=answer.model,
        prompt=question.prompt,
        prompt_version=f"{prompt.name}.{prompt.language} {prompt.version}",
        note=None if language_tag(value.language) == language else _other_language(request.language, language),
    )


def _other_language(wanted: str, language: str) -> str:
    """The note for the reader of a lyric in another language than requested."""
    return Catalogue.load("stagepass.pipelines.promo").text("lyric.other_language", language, wanted=wanted)
