"""`promo` as its routes see it: the same name, input and stages, each of which does what a test tells it.

The business's description says what: ``song=fail video=gate:g1``.
"""

from pydantic import BaseModel

from stagepass import Context, File, Permanent, Pipeline, Retry, Transient
from stagepass.pipelines.promo.models import PromoRequest
from stagepass.pipelines.promo.pipeline import promo as declared
from stagepass.pipelines.promo.texts import message
from tests.support.pipelines.demo.pipeline import gates, reached


class Made(BaseModel):
    text: str
    file: File | None = None


promo = Pipeline("promo", input=PromoRequest, key=declared.key, stepwise=declared.stepwise)


def _work(ctx: Context, request: PromoRequest) -> None:
    told = dict(word.split("=") for word in request.detail_region_info.split())
    how, _, gate = told.get(ctx.stage, "").partition(":")
    if gate:
        reached[gate].set()
    match how:
        case "fail":
            raise Permanent(f"no {ctx.stage} today", advice="come back tomorrow")
        case "once" if ctx.attempt == 1:
            raise Permanent(f"no {ctx.stage} at first")
        case "retry" if ctx.attempt == 1:
            raise Transient(f"the {ctx.stage} stumbled")
        case "gate":
            assert gates[gate].wait(60)
        case "wait":
            ctx.wait(
                lambda: gates[gate].is_set() or None,
                every="50ms",
                at_most="60s",
                saying=message("song.generating" if ctx.stage == "song" else "video.rendering"),
            )
        case "upload":
            ctx.progress(0.9, message(f"{ctx.stage}.storing"))
            assert gates[gate].wait(60)


@promo.stage(retry=Retry(1, wait="1h"))
def lyric(ctx: Context, request: PromoRequest) -> Made:
    _work(ctx, request)
    return Made(text=f"a song of {request.customer_name}, {len(request.images)} photos")


@promo.stage(after=lyric, retry=Retry(1, wait="1h"))
def song(ctx: Context, request: PromoRequest, lyric: Made) -> Made:
    _work(ctx, request)
    return Made(text="la la", file=ctx.files.put(b"sound", name="song.mp3", type="audio/mpeg"))


@promo.stage(after=song, retry=Retry(1, wait="1h"))
def video(ctx: Context, request: PromoRequest, song: Made) -> Made:
    _work(ctx, request)
    return Made(text="flicker", file=ctx.files.put(b"film", name="clip.mp4", type="video/mp4"))
