"""A pipeline whose stages tests hold and let go: a draft, its words one by one, and a file of them."""

import threading
from collections import defaultdict
from typing import Annotated, Any

from pydantic import BaseModel, Field

from stagepass import Context, File, Permanent, Pipeline, Retry, Transient

gates: dict[str, threading.Event] = defaultdict(threading.Event)
"""By name: a stage that is told to wait for a gate does so until a test opens it."""
reached: dict[str, threading.Event] = defaultdict(threading.Event)
"""By name: set when a stage has come to that gate."""


class DemoInput(BaseModel):
    """What is to be made."""

    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    fail: str = ""
    gate: str = ""
    ticks: Annotated[int, Field(ge=0, le=1000)] = 0
    photos: Annotated[list[File], Field(default_factory=list, max_length=3, json_schema_extra={"format": "photos"})]
    paper: Annotated[File | None, Field(json_schema_extra={"accept": ["application/pdf", "text/plain"]})] = None
    anything: File | None = None
    meta: dict[str, Any] = {}


class Draft(BaseModel):
    words: list[str]
    echo: dict[str, Any] = {}


class Word(BaseModel):
    text: str


class Paper(BaseModel):
    file: File
    words: list[str]
    photos: list[File] = []


demo = Pipeline(
    "demo",
    input=DemoInput,
    title={"en": "A demonstration", "ko": "시연"},
    examples=[{"text": "one two three"}],
)


@demo.stage(retry=Retry(1, wait="0s", jitter=0))
def draft(ctx: Context, request: DemoInput) -> Draft:
    if request.gate:
        reached[request.gate].set()
        assert gates[request.gate].wait(60)
    for number in range(request.ticks):
        ctx.progress(number / request.ticks, f"tick {number}")
    if request.fail == "draft":
        raise Permanent("this text cannot be drafted", provider="demo", advice="write another text")
    if request.fail == "lost":
        ctx.once("buy", _lost)
    ctx.spend(provider="demo", model="m1", tokens_in=10, tokens_out=20, usd=0.01)
    return Draft(words=request.text.split(), echo=request.meta)


def _lost() -> str:
    raise Transient("the line broke in the middle of the purchase")


@demo.stage(after=draft, each="draft.words", retry=Retry(0))
def word(ctx: Context, item: str, request: DemoInput) -> Word:
    if request.fail == item:
        raise Permanent(f"the word {item} cannot be set", advice="leave it out")
    return Word(text=item.upper())


@demo.stage(after=word)
def paper(ctx: Context, word: list[Word], request: DemoInput) -> Paper:
    words = [one.text for one in word]
    file = ctx.files.put(" ".join(words).encode(), name="종이.txt", type="text/plain")
    return Paper(file=file, words=words, photos=request.photos)


quick = Pipeline("quick", input=DemoInput, examples=[{"text": "one"}])


@quick.stage()
def only(ctx: Context, request: DemoInput) -> Word:
    return Word(text=request.text)
