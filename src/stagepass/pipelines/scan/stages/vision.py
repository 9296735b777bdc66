"""The photo: fetched and looked into, shown to the image model, the answer held to the vocabulary."""

from stagepass import Context, File
from stagepass.content.prompts import Prompt
from stagepass.pipelines.scan.choice import Models
from stagepass.pipelines.scan.models import PORTS, Classified, Meta, ScanRequest, Seen, Sight
from stagepass.pipelines.scan.vocabulary import PACKAGE, vocabulary
from stagepass.providers.ask import ask
from stagepass.providers.fetching.fetch import fetch_url
from stagepass.providers.fetching.images import MAX_BYTES, check_image
from stagepass.providers.ports import TextModel, TextRequest

FETCH_TIME = 15.0
"""Seconds that the photo's address may take."""

TYPES = ("image/jpeg", "image/png", "image/webp")


def look(ctx: Context, request: ScanRequest, models: Models) -> Classified:
    """Fetch, ask, and say how sure it is."""
    model = models.get(request.model)
    photo = request.image or ctx.once("photo", lambda: _fetched(ctx, request.image_url or ""), type=File, free=True)
    sight, meta = _ask(ctx, request, model, photo)
    first = sight.objects[0]
    meta.unsure = first.confidence < models.unsure_below
    tags = list(first.situation_tags)
    if len(sight.objects) > 1 and "several_objects" not in tags:
        tags.append("several_objects")
    return Classified(
        classification=first.classification,
        situation_tags=tags,
        confidence=first.confidence,
        objects=sight.objects,
        alternatives=_others(first, sight.alternatives),
        meta=meta,
    )


def _fetched(ctx: Context, url: str) -> File:
    ctx.progress(0.1, "fetching the photo")
    got = fetch_url(url, max_bytes=MAX_BYTES, timeout=FETCH_TIME, allowed_types=TYPES, ports=PORTS, field="image_url")
    info = check_image(got.content, field="image_url")
    return ctx.files.put(got.content, name=f"photo.{info.format}", type=info.type)


def _ask(ctx: Context, request: ScanRequest, model: TextModel, photo: File) -> tuple[Sight, Meta]:
    prompt = Prompt.load(PACKAGE, "vision", request.speaks)
    facts = vision_facts(request.user_input)
    with ctx.files.local(photo) as path:
        content = path.read_bytes()
    question = TextRequest("scan.vision", prompt.render(**facts), Sight, facts, request.speaks, images=[content])
    answer = ask(ctx, model, question)
    meta = Meta(
        user_input=request.user_input,
        provider=answer.provider,
        model=answer.model,
        prompt_version=f"{prompt.name}.{prompt.language} {prompt.version}",
        unsure=False,
    )
    return Sight.model_validate(answer.value.model_dump()), meta


def vision_facts(question: str) -> dict[str, str]:
    """The variables of the prompt."""
    return {"user_input": question, "categories": _categories(), "tags": ", ".join(vocabulary().tags)}


def _categories() -> str:
    """The vocabulary as lines of a prompt."""
    groups = vocabulary().groups.values()
    lines = [f"- {group.major} / {group.middle}: {', '.join(group.items)}" for group in groups]
    return "\n".join([*lines, f"- {vocabulary().unknown} / {vocabulary().unknown}"])


def _others(first: Seen, alternatives: list[Seen]) -> list[Seen]:
    """At most three, and none that is the first again."""
    return [other for other in alternatives if other.classification != first.classification][:3]
