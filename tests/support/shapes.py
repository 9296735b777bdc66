"""Small pipelines that the engine's tests share. Each is made anew, with a list of the calls of its stages."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from stagepass import Context, Pipeline, Retry

QUICK = Retry(2, wait="1s", jitter=0)


class Word(BaseModel):
    text: str = "a"


class Words(BaseModel):
    items: list[Word] = []


Behaviour = Callable[[Context, str], Any]


def chain(
    name: str = "chain", *, version: int = 1, acts: dict[str, Behaviour] | None = None, **options: Any
) -> Pipeline:
    """one → two → three; each adds its letter. `acts` by stage may do something before."""
    p = Pipeline(name, input=Word, version=version)
    calls: list[str] = []
    p.calls = calls  # type: ignore[attr-defined]
    options.setdefault("retry", QUICK)

    def act(ctx: Context, stage: str) -> Any:
        calls.append(stage)
        return acts[stage](ctx, stage) if acts and stage in acts else None

    @p.stage(**options)
    def one(ctx: Context, request: Word) -> Word:
        act(ctx, "one")
        return Word(text=request.text + "1")

    @p.stage(after=one, **options)
    def two(ctx: Context, one: Word) -> Word:
        act(ctx, "two")
        return Word(text=one.text + "2")

    @p.stage(after=two, **options)
    def three(ctx: Context, one: Word, two: Word) -> Word:
        act(ctx, "three")
        return Word(text=two.text + "3")

    return p


def diamond(name: str = "diamond", *, acts: dict[str, Behaviour] | None = None, **options: Any) -> Pipeline:
    """top → (left ∥ right) → bottom."""
    p = Pipeline(name, input=Word)
    calls: list[str] = []
    p.calls = calls  # type: ignore[attr-defined]
    options.setdefault("retry", QUICK)

    def act(ctx: Context, stage: str) -> Any:
        calls.append(stage)
        return acts[stage](ctx, stage) if acts and stage in acts else None

    @p.stage(**options)
    def top(ctx: Context, request: Word) -> Word:
        act(ctx, "top")
        return Word(text=request.text + "t")

    @p.stage(after=top, **options)
    def left(ctx: Context, top: Word) -> Word:
        act(ctx, "left")
        return Word(text=top.text + "l")

    @p.stage(after=top, **options)
    def right(ctx: Context, top: Word) -> Word:
        act(ctx, "right")
        return Word(text=top.text + "r")

    @p.stage(after=(left, right), **options)
    def bottom(ctx: Context, left: Word, right: Word) -> Word:
        act(ctx, "bottom")
        return Word(text=left.text + right.text + "b")

    return p


def fan(name: str = "fan", *, collect: Any = "all", act: Callable[[Context, str], Any] | None = None) -> Pipeline:
    """split → each (per letter of the input) → join."""
    from stagepass import Settled

    p = Pipeline(name, input=Word)
    calls: list[str] = []
    p.calls = calls  # type: ignore[attr-defined]

    @p.stage(retry=QUICK)
    def split(ctx: Context, request: Word) -> Words:
        calls.append("split")
        return Words(items=[Word(text=letter) for letter in request.text if letter != "-"])

    @p.stage(after=split, each="split.items", collect=collect, retry=QUICK)
    def each(ctx: Context, word: Word) -> Word:
        calls.append(f"each {word.text}")
        if act:
            act(ctx, word.text)
        return Word(text=word.text.upper())

    if collect == "settled":

        @p.stage(after=each, retry=QUICK)
        def join(ctx: Context, each: list[Settled[Word]]) -> Word:
            calls.append("join")
            return Word(text="".join(s.output.text if s.output else f"<{s.error['code']}>" for s in each))  # type: ignore[index]
    else:

        @p.stage(after=each, retry=QUICK)
        def join(ctx: Context, each: list[Word]) -> Word:  # type: ignore[no-redef]
            calls.append("join")
            return Word(text="".join(word.text for word in each))

    return p
