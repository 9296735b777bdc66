"""The song: ordered once, waited for without a slot, kept, and its lines timed."""

import tempfile
from collections.abc import Sequence

from stagepass import Context
from stagepass.errors import TaskFailed
from stagepass.pipelines.promo.models import Lyric, PromoRequest, Song, SungLine, language_tag
from stagepass.providers.ports import LineTiming, MadeSong, SongMaker, SongRequest

TASK = "suno_task_id"
"""The memo that holds the remote task's id, whoever the maker is."""

EVERY, AT_MOST = "10s", "5m"


def make(ctx: Context, request: PromoRequest, lyric: Lyric, maker: SongMaker) -> Song:
    """Order, wait, fetch, keep."""
    task = ctx.once(TASK, lambda: _submit(ctx, request, lyric, maker), type=str)
    made = _wait(ctx, maker, task)
    ctx.progress(0.9, "song: uploading")
    with tempfile.TemporaryFile() as copy:
        maker.fetch(made, copy)
        copy.seek(0)
        file = ctx.files.put(copy, name="song.mp3", type=made.content_type)
    told = made.timing is not None and len(made.timing) > 0
    lines = made.timing if told and made.timing else spread(lyric.text, made.duration)
    return Song(
        file=file,
        duration=made.duration,
        clip_id=made.clip_id,
        provider=maker.name,
        model=maker.model,
        remote_id=task,
        timing=[SungLine(text=line.text, start=line.start, end=line.end) for line in lines],
        timing_source="provider" if told else "spread",
    )


def order(ctx: Context, request: PromoRequest, lyric: Lyric) -> SongRequest:
    """What the maker is asked for; the same for the life of the job, so that an order can be found again."""
    return SongRequest(
        title=lyric.title,
        lyric=lyric.text,
        genre=request.genre,
        language=language_tag(lyric.language),
        reference=ctx.job_id,
        callback_url=ctx.callback_url(),
    )


def _submit(ctx: Context, request: PromoRequest, lyric: Lyric, maker: SongMaker) -> str:
    with ctx.using(maker.name):
        return maker.submit(order(ctx, request, lyric))


def _wait(ctx: Context, maker: SongMaker, task: str) -> MadeSong:
    def tell(fraction: float) -> None:
        ctx.progress(0.9 * fraction, "song: generating")

    try:
        return ctx.wait(lambda: maker.look(task, tell), every=EVERY, at_most=AT_MOST, saying="song: generating")
    except TaskFailed:
        ctx.forget(TASK)  # nothing goes on under that id: the next attempt orders anew
        raise


def spread(lyric: str, duration: float) -> Sequence[LineTiming]:
    """Times for the lines of a lyric that nobody timed: by their length, between a short intro and outro."""
    lines = [line.strip() for line in lyric.splitlines() if line.strip() and not line.strip().startswith("[")]
    intro, outro = duration * 0.08, duration * 0.08
    letters = sum(len(line) for line in lines) or 1
    at, timed = intro, []
    for line in lines:
        length = (duration - intro - outro) * len(line) / letters
        timed.append(LineTiming(line, round(at, 3), round(at + length * 0.95, 3)))
        at += length
    return timed
