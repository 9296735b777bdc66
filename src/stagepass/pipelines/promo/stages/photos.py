"""The photos: those given by address are fetched before anything is bought, since one may not be there, or soon be gone."""

from concurrent.futures import ThreadPoolExecutor

from pydantic import HttpUrl

from stagepass import Context, File
from stagepass.pipelines.promo.models import PromoRequest
from stagepass.pipelines.promo.texts import message
from stagepass.providers.fetching.fetch import fetch_url
from stagepass.providers.fetching.images import MAX_BYTES, ImageInfo, check_image

FETCH_TIME = 20.0
"""Seconds that one photo's address may take."""

AT_ONCE = 5

TYPES = ("image/jpeg", "image/png", "image/webp")


def gather(ctx: Context, request: PromoRequest) -> list[File]:
    """The photos as files, in order; fetched once for the life of the stage."""
    return ctx.once("photos", lambda: _gathered(ctx, request), type=list[File], free=True)


def logo(ctx: Context, request: PromoRequest) -> File | None:
    """The logo as a file; fetched once for the life of the stage."""
    if request.logo is None or isinstance(request.logo, File):
        return request.logo
    url = request.logo
    return ctx.once("logo", lambda: _fetched_logo(ctx, url), type=File, free=True)


def _fetched_logo(ctx: Context, url: HttpUrl) -> File:
    content, info = _fetched(url, "logo")
    return ctx.files.put(content, name=f"logo.{info.format}", type=info.type)


def _gathered(ctx: Context, request: PromoRequest) -> list[File]:
    addresses = {f"images.{number}": url for number, url in enumerate(request.images) if not isinstance(url, File)}
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        fetched = pool.map(_fetched, addresses.values(), addresses)
        photos = []
        for number, image in enumerate(request.images, 1):
            if isinstance(image, File):
                photos.append(image)
                continue
            ctx.progress(0.05, message("lyric.photo", number=number, count=len(request.images)))
            content, info = next(fetched)
            photos.append(ctx.files.put(content, name=f"photo-{number}.{info.format}", type=info.type))
        return photos
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # one that is none ends it at once


def _fetched(url: HttpUrl, field: str) -> tuple[bytes, ImageInfo]:
    """With its limits, and looked into."""
    got = fetch_url(str(url), max_bytes=MAX_BYTES, timeout=FETCH_TIME, allowed_types=TYPES, field=field)
    return got.content, check_image(got.content, field=field)
