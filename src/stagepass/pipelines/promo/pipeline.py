"""promo: a lyric, a song of it, and a video of the business's photos cut to the song."""

from stagepass import Again, Context, Pipeline, Retry
from stagepass.pipelines.promo import local_lyric  # noqa: F401  (registers the local writer)
from stagepass.pipelines.promo.models import Clip, Lyric, PromoRequest, Song
from stagepass.pipelines.promo.stages import lyric as lyrics
from stagepass.pipelines.promo.stages import song as songs
from stagepass.pipelines.promo.stages import video as videos
from stagepass.providers.ports import ClipMaker, SongMaker, TextModel

promo = Pipeline(
    "promo",
    input=PromoRequest,
    version=1,
    title={"en": "Song and clip for a business", "ko": "가게를 위한 노래와 영상"},
    key=lambda request: str(request.task_id) if request.task_id else None,
    stepwise=lambda request: not request.auto_continue,
    examples=[
        {
            "customer_name": "머뭄 게스트하우스",
            "region": "군산",
            "detail_region_info": "바다까지 걸어서 3분, 노을이 보이는 옥상, 직접 구운 빵과 커피",
        },
        {
            "customer_name": "Harbor Light Bakery",
            "region": "Busan",
            "detail_region_info": "warm bread at dawn, a view of the harbor, cats on the wall",
            "language": "English",
            "genre": "acoustic",
            "orientation": "horizontal",
        },
    ],
)


@promo.stage(
    needs=TextModel,
    concurrency=4,
    time_limit="2m",
    retry=Retry(3, wait="30s", factor=2, special={"invalid_output": Again(times=1, wait="1s")}),
)
def lyric(ctx: Context, request: PromoRequest, model: TextModel) -> Lyric:
    """Fetches the photos and writes the lyric; one that is too short is written once more, then the stage has failed."""
    return lyrics.write(ctx, request, model)


@promo.stage(
    after=lyric,
    needs=SongMaker,
    concurrency=2,
    time_limit="10m",
    retry=Retry(3, wait="60s", special={"rate_limited": Again(wait="5m"), "timed_out": Again(times=1)}),
    weight=2,
)
def song(ctx: Context, request: PromoRequest, lyric: Lyric, maker: SongMaker) -> Song:
    """Orders the song once, waits for it, and keeps the recording with the start time of each line."""
    return songs.make(ctx, request, lyric, maker)


@song.on_recover
def find_song(ctx: Context, request: PromoRequest, lyric: Lyric, maker: SongMaker) -> str | None:
    """The answer to an order was lost: ask the maker whether it has it."""
    return maker.find(songs.order(ctx, request, lyric))


@song.on_cancel
def stop_song(memos: dict[str, str], maker: SongMaker) -> None:
    """The job was cancelled: stop the song, where its maker can."""
    if songs.TASK in memos:
        maker.cancel(memos[songs.TASK])


@promo.stage(
    after=song,
    needs=ClipMaker,
    concurrency=2,
    time_limit="15m",
    retry=Retry(2, wait="120s", special={"permanent": Again(times=0)}),
    weight=2,
)
def video(ctx: Context, request: PromoRequest, lyric: Lyric, song: Song, maker: ClipMaker) -> Clip:
    """Orders the render once, waits for it, and keeps the clip."""
    return videos.make(ctx, request, lyric, song, maker)


@video.on_recover
def find_video(ctx: Context, request: PromoRequest, lyric: Lyric, song: Song, maker: ClipMaker) -> str | None:
    """The answer to an order was lost: ask the maker whether it has it."""
    with videos.order(ctx, request, lyric, song) as order:
        return maker.find(order)


@video.on_cancel
def stop_video(memos: dict[str, str], maker: ClipMaker) -> None:
    """The job was cancelled: stop the render, where its maker can."""
    if videos.TASK in memos:
        maker.cancel(memos[videos.TASK])
