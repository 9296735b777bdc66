"""Pipelines of every shape, whose purchases are the oracle's. Found by ``PIPELINES=tests.chaos.shapes``.

What a job of them must come to is in `promises`.
"""

import asyncio
import os
import time
from typing import Any

from pydantic import BaseModel

from stagepass import Context, Permanent, Pipeline, Retry, Transient
from stagepass.declare.stage import Stage
from tests.support.oracle_client import PROVIDER, Bought, Shop

PATIENT = Retry(60, wait="100ms", factor=1.5, at_most="2s")
"""The vendor's troubles pass; a job must not end because of them."""

STURDY: dict[str, Any] = {"retry": PATIENT, "crashes": 60}


class Order(BaseModel):
    """A job's input."""

    number: int
    text: str
    diary: str
    """A file to which every call of a stage appends a line: job, run, attempt, process, time."""
    shop: int
    """The oracle's port."""
    till: int = 0
    """The port of the oracle that knows no idempotency keys."""
    items: int = 0
    fails: int = 0
    takes: float = 0.0
    """Seconds that the vendor takes to make what was ordered."""
    extra: bool = False
    script: list[str] = []
    """What the oracle does with the calls of each purchase, in order."""


class Word(BaseModel):
    text: str


class Words(BaseModel):
    items: list[Word]


def note(ctx: Context, request: Order) -> None:
    """Write down that a stage was called, whole or not at all."""
    run = ctx.stage if ctx.item is None else f"{ctx.stage}.{ctx.item}"
    descriptor = os.open(request.diary, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{ctx.job_id} {run} {ctx.attempt} {os.getpid()} {time.time_ns() // 1_000_000}\n".encode())
    finally:
        os.close(descriptor)


def buy(ctx: Context, request: Order, text: str, *, port: int = 0) -> Bought:
    """One purchase per stage run."""
    dice = f"{request.number}/{ctx.stage}/{ctx.item}"
    more = {"dice": dice, "takes": request.takes, "script": request.script}
    shop = Shop(port or request.shop)
    bought = ctx.once("order", lambda: shop.order(ctx, goods(ctx.stage, text), **more), type=Bought)
    ctx.spend(provider=PROVIDER, model=bought.reference, usd=0.01, key="order")
    return bought


def goods(stage: str, text: str) -> str:
    return f"<{stage} {text}>"


def recovers(stage: Stage) -> Stage:
    """Decorator: what such a stage bought is looked up at the vendor."""
    stage.on_recover(look_up)
    return stage


def look_up(ctx: Context, request: Order, name: str) -> Bought:
    """What a stage's `on_recover` asks the vendor."""
    return Shop(request.shop).find(ctx)


# ── one after the other ──

line = Pipeline("line", input=Order)


@line.stage(**STURDY)
def draft(ctx: Context, request: Order) -> Word:
    note(ctx, request)
    return Word(text=f"{request.text}1")


@recovers
@line.stage(after=draft, **STURDY)
def song(ctx: Context, request: Order, draft: Word) -> Word:
    note(ctx, request)
    return Word(text=buy(ctx, request, draft.text).goods)


@recovers
@line.stage(after=song, **STURDY)
def clip(ctx: Context, request: Order, song: Word) -> Word:
    note(ctx, request)
    return Word(text=buy(ctx, request, song.text).goods)


# ── out to many and back ──

fan = Pipeline("fan", input=Order)


@fan.stage(**STURDY)
def split(ctx: Context, request: Order) -> Words:
    note(ctx, request)
    return Words(items=[Word(text=f"{request.text}{number}") for number in range(request.items)])


@recovers
@fan.stage(after=split, each="split.items", **STURDY)
def page(ctx: Context, request: Order, word: Word) -> Word:
    note(ctx, request)
    return Word(text=buy(ctx, request, word.text).goods)


@fan.stage(after=page, **STURDY)
def join(ctx: Context, request: Order, page: list[Word]) -> Word:
    note(ctx, request)
    return Word(text="+".join(word.text for word in page))


# ── ordered, waited for without a slot ──

slow = Pipeline("slow", input=Order)


@recovers
@slow.stage(**STURDY)
def ordered(ctx: Context, request: Order) -> Word:
    note(ctx, request)
    bought = buy(ctx, request, request.text)
    shop = Shop(request.shop)
    ctx.wait(lambda: shop.is_made(bought) or None, every="300ms", at_most="4m", saying="made")
    return Word(text=bought.goods)


@slow.stage(after=ordered, **STURDY)
def wrapped(ctx: Context, request: Order, ordered: Word) -> Word:
    note(ctx, request)
    return Word(text=f"[{ordered.text}]")


# ── only where it is asked for ──

maybe = Pipeline("maybe", input=Order)


@maybe.stage(**STURDY)
def first(ctx: Context, request: Order) -> Word:
    note(ctx, request)
    return Word(text=f"{request.text}1")


def wants_extra(request: Order) -> bool:
    return request.extra


@recovers
@maybe.stage(after=first, when=wants_extra, **STURDY)
def extra(ctx: Context, request: Order, first: Word) -> Word:
    note(ctx, request)
    return Word(text=buy(ctx, request, first.text).goods)


@maybe.stage(after=extra, **STURDY)
def last(ctx: Context, request: Order, first: Word, extra: Word | None) -> Word:
    note(ctx, request)
    return Word(text=f"{first.text}/{extra.text if extra else '-'}")


# ── side by side, one of them on the event loop ──

both = Pipeline("both", input=Order)


@both.stage(**STURDY)
def top(ctx: Context, request: Order) -> Word:
    note(ctx, request)
    return Word(text=request.text)


@recovers
@both.stage(after=top, **STURDY)
def left(ctx: Context, request: Order, top: Word) -> Word:
    note(ctx, request)
    return Word(text=buy(ctx, request, top.text).goods)


@recovers
@both.stage(after=top, **STURDY)
async def right(ctx: Context, request: Order, top: Word) -> Word:
    bought = await asyncio.to_thread(_note_and_buy, ctx, request, top.text)
    return Word(text=bought.goods)


def _note_and_buy(ctx: Context, request: Order, text: str) -> Bought:
    note(ctx, request)
    return buy(ctx, request, text)


@both.stage(after=(left, right), **STURDY)
def bottom(ctx: Context, request: Order, left: Word, right: Word) -> Word:
    note(ctx, request)
    return Word(text=left.text + right.text)


# ── tried again; given up ──

flaky = Pipeline("flaky", input=Order)


@recovers
@flaky.stage(**STURDY)
def stumbles(ctx: Context, request: Order) -> Word:
    note(ctx, request)
    if ctx.attempt <= request.fails:
        raise Transient("not yet")
    return Word(text=buy(ctx, request, request.text).goods)


broken = Pipeline("broken", input=Order)


@recovers
@broken.stage(**STURDY)
def fine(ctx: Context, request: Order) -> Word:
    note(ctx, request)
    return Word(text=buy(ctx, request, request.text).goods)


@broken.stage(after=fine, **STURDY)
def breaks(ctx: Context, request: Order, fine: Word) -> Word:
    note(ctx, request)
    raise Permanent("it never works")


# ── a vendor without keys, that cannot be asked: what is not known is a person's to say ──

till = Pipeline("till", input=Order)


@till.stage(**STURDY)
def paid(ctx: Context, request: Order) -> Word:
    note(ctx, request)
    return Word(text=buy(ctx, request, request.text, port=request.till).goods)


PIPELINES = (line, fan, slow, maybe, both, flaky, broken, till)
