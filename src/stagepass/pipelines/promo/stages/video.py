"""The video: the render ordered once, waited for without a slot, and kept."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stagepass import Context, File
from stagepass.pipelines.promo.models import Clip, Lyric, PromoRequest, Song, language_tag
from stagepass.pipelines.promo.stages.photos import gather
from stagepass.pipelines.promo.stages.remote import keep, wait_for
from stagepass.pipelines.promo.texts import message, texts
from stagepass.providers.ports import ClipMaker, ClipRequest, EndCard, LineTiming, clip_size

TASK = "creatomate_render_id"
"""The memo that holds the render's id, for any maker."""

EVERY, AT_MOST = "15s", "10m"


def make(ctx: Context, request: PromoRequest, lyric: Lyric, song: Song, maker: ClipMaker) -> Clip:
    """Order, wait, fetch, keep."""
    _photos(ctx, request, lyric)  # before the order: a photo that is none costs nothing
    task = ctx.once(TASK, lambda: _submit(ctx, request, lyric, song, maker), type=str)
    made = wait_for(
        ctx,
        maker.name,
        TASK,
        lambda tell: maker.look(task, tell),
        every=EVERY,
        at_most=AT_MOST,
        saying=message("video.rendering"),
    )
    file = keep(ctx, lambda copy: maker.fetch(made, copy), name="clip.mp4", type=made.content_type)
    width, height = clip_size(
        request.orientation, request.platform
    )  # what was ordered, for a maker that does not say what it made
    skipped = sum(what == "skipped" for what, _ in made.notes)
    language = language_tag(request.language)
    return Clip(
        file=file,
        width=made.width or width,
        height=made.height or height,
        duration=made.duration or song.duration,
        provider=maker.name,
        model=maker.model,
        remote_id=task,
        background="photos" if len(request.images) > skipped else "designed",
        notes=[texts().text(f"video.photo_{what}", language, number=number) for what, number in made.notes],
    )


def _photos(ctx: Context, request: PromoRequest, lyric: Lyric) -> list[File]:
    """Photos stored with the lyric; older lyrics have none."""
    return lyric.photos if lyric.photos is not None else gather(ctx, request)


@contextmanager
def order(ctx: Context, request: PromoRequest, lyric: Lyric, song: Song) -> Iterator[ClipRequest]:
    """The order, with its files; the same for the life of the job."""
    photos = _photos(ctx, request, lyric)
    with ExitStack() as stack:
        yield ClipRequest(
            title=request.customer_name,
            subtitle=request.region,
            images=[stack.enter_context(ctx.files.local(photo)) for photo in photos],
            audio=stack.enter_context(ctx.files.local(song.file)),
            duration=song.duration,
            captions=[LineTiming(line.text, line.start, line.end) for line in song.timing],
            orientation=request.orientation,
            language=language_tag(request.language),
            public_images=[url for photo in photos if (url := ctx.files.url(photo))],
            public_audio=ctx.files.url(song.file),
            platform=request.platform,
            caption_style=request.caption_style,
            card=_card(request, stack.enter_context(ctx.files.local(lyric.logo)) if lyric.logo else None),
            facts=lyric.facts_used,
            reference=ctx.job_id,
            callback_url=ctx.callback_url(),
        )


def _card(request: PromoRequest, brand: Path | None) -> EndCard | None:
    """What the end card says; None where only the name and the place are known."""
    link = str(request.link) if request.link else ""
    if not any((request.contact, request.hours, request.offer, request.call_to_action, link, brand)):
        return None
    return EndCard(request.contact, request.hours, request.offer, request.call_to_action, link, brand)


def _submit(ctx: Context, request: PromoRequest, lyric: Lyric, song: Song, maker: ClipMaker) -> str:
    with ctx.using(maker.name), order(ctx, request, lyric, song) as asked:
        return maker.submit(asked)
