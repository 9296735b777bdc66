"""The video: photos made ready, the render ordered once, waited for without a slot, and kept."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pydantic import HttpUrl

from stagepass import Context, File
from stagepass.pipelines.promo.models import Clip, PromoRequest, Song, language_tag
from stagepass.pipelines.promo.stages.remote import keep, wait_for
from stagepass.providers.fetching.fetch import fetch_url
from stagepass.providers.fetching.images import MAX_BYTES, check_image
from stagepass.providers.ports import ClipMaker, ClipRequest, LineTiming

TASK = "creatomate_render_id"
"""The memo that holds the render's id, whoever the maker is."""

EVERY, AT_MOST = "15s", "10m"

FETCH_TIME = 20.0
"""Seconds that one photo's address may take."""

TYPES = ("image/jpeg", "image/png", "image/webp")


def make(ctx: Context, request: PromoRequest, song: Song, maker: ClipMaker) -> Clip:
    """Photos, order, wait, fetch, keep."""
    _photos(ctx, request)  # before the order: a photo that is none costs nothing
    task = ctx.once(TASK, lambda: _submit(ctx, request, song, maker), type=str)
    made = wait_for(
        ctx,
        maker.name,
        TASK,
        lambda tell: maker.look(task, tell),
        every=EVERY,
        at_most=AT_MOST,
        saying="video: rendering",
    )
    file = keep(ctx, lambda copy: maker.fetch(made, copy), name="clip.mp4", type=made.content_type)
    return Clip(
        file=file,
        width=made.width,
        height=made.height,
        duration=made.duration,
        provider=maker.name,
        model=maker.model,
        remote_id=task,
        background="photos" if request.images else "designed",
    )


def _photos(ctx: Context, request: PromoRequest) -> list[File]:
    """The photos as files, fetched once for the life of the job."""
    return ctx.once("photos", lambda: _gathered(ctx, request), type=list[File], free=True)


def _gathered(ctx: Context, request: PromoRequest) -> list[File]:
    """Those given by address are fetched, each with its limits, and looked into."""
    photos = []
    for number, image in enumerate(request.images):
        if isinstance(image, File):
            photos.append(image)
            continue
        ctx.progress(0.1, f"video: fetching photo {number + 1} of {len(request.images)}")
        photos.append(_fetched(ctx, image, f"images.{number}"))
    return photos


def _fetched(ctx: Context, url: HttpUrl, field: str) -> File:
    got = fetch_url(str(url), max_bytes=MAX_BYTES, timeout=FETCH_TIME, allowed_types=TYPES, field=field)
    info = check_image(got.content, field=field)
    return ctx.files.put(got.content, name=f"{field}.{info.format.lower()}", type=info.type)


@contextmanager
def order(ctx: Context, request: PromoRequest, song: Song) -> Iterator[ClipRequest]:
    """What the maker is asked for, with its files at hand; the same for the life of the job."""
    photos = _photos(ctx, request)
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
            reference=ctx.job_id,
            callback_url=ctx.callback_url(),
        )


def _submit(ctx: Context, request: PromoRequest, song: Song, maker: ClipMaker) -> str:
    with ctx.using(maker.name), order(ctx, request, song) as asked:
        return maker.submit(asked)
