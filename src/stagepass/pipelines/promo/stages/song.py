"""The song: ordered once, waited for without a slot, kept, and its lines timed."""

from collections.abc import Sequence

from stagepass import Context, File
from stagepass.pipelines.promo.models import Lyric, PromoRequest, Song, SungLine, language_tag
from stagepass.pipelines.promo.stages.remote import keep, wait_for
from stagepass.pipelines.promo.texts import message, texts
from stagepass.providers.fetching.length import seconds_of
from stagepass.providers.ports import LineTiming, MadeSong, SongMaker, SongRequest

TASK = "suno_task_id"
"""The memo that holds the remote task's id, for any maker."""

EVERY, AT_MOST = "10s", "5m"

USUAL = 120.0
"""Seconds that a recording is taken for whose length cannot be found."""


def make(ctx: Context, request: PromoRequest, lyric: Lyric, maker: SongMaker) -> Song:
    """Order, wait, fetch, keep."""
    task = ctx.once(TASK, lambda: _submit(ctx, request, lyric, maker), type=str)
    made = wait_for(
        ctx,
        maker.name,
        TASK,
        lambda tell: maker.look(task, tell),
        every=EVERY,
        at_most=AT_MOST,
        saying=message("song.generating"),
    )
    file = keep(ctx, lambda copy: maker.fetch(made, copy), name="song.mp3", type=made.content_type)
    duration = made.duration or ctx.once("duration", lambda: _measured(ctx, file), type=float, free=True)
    also = [_kept_also(ctx, maker, other, number) for number, other in enumerate(made.also, 2)]
    told = made.timing is not None and len(made.timing) > 0
    lines = made.timing if told and made.timing else spread(lyric.text, duration)
    return Song(
        file=file,
        also=also,
        duration=duration,
        clip_id=made.clip_id,
        provider=maker.name,
        model=maker.model,
        remote_id=task,
        timing=[SungLine(text=line.text, start=line.start, end=line.end) for line in lines],
        timing_source="provider" if told else "spread",
        genre=made.genre,
        bpm=made.bpm,
        voice=made.voice,
        note=_note(made, language_tag(request.language)),
    )


def _note(made: MadeSong, language: str) -> str | None:
    """A genre that the maker does not play is not silently another one."""
    if not made.instead_of:
        return None
    return texts().text("song.nearest_genre", language, wanted=made.instead_of, genre=made.genre)


def _measured(ctx: Context, file: File) -> float:
    """For a maker that does not say how long its song is: it was paid for all the same."""
    with ctx.files.local(file) as path:
        return seconds_of(path) or USUAL


def _kept_also(ctx: Context, maker: SongMaker, other: MadeSong, number: int) -> File:
    """Other songs of the same order; they are paid for, too."""
    return keep(ctx, lambda copy: maker.fetch(other, copy), name=f"song-{number}.mp3", type=other.content_type)


def order(ctx: Context, request: PromoRequest, lyric: Lyric) -> SongRequest:
    """The order; the same for the life of the job, so that it can be found again."""
    return SongRequest(
        title=lyric.title,
        lyric=lyric.text,
        genre=request.genre,
        language=language_tag(lyric.language),
        reference=ctx.job_id,
        callback_url=ctx.callback_url(),
        voice=request.voice,
    )


def _submit(ctx: Context, request: PromoRequest, lyric: Lyric, maker: SongMaker) -> str:
    with ctx.using(maker.name):
        return maker.submit(order(ctx, request, lyric))


def spread(lyric: str, duration: float) -> Sequence[LineTiming]:
    """Times for lyric lines without timing: by their length, between a short intro and outro."""
    lines = [line.strip() for line in lyric.splitlines() if line.strip() and not line.strip().startswith("[")]
    intro, outro = duration * 0.08, duration * 0.08
    letters = sum(len(line) for line in lines) or 1
    at, timed = intro, []
    for line in lines:
        length = (duration - intro - outro) * len(line) / letters
        timed.append(LineTiming(line, round(at, 3), round(at + length * 0.95, 3)))
        at += length
    return timed
