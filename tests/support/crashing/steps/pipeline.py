"""A pipeline for tests with real processes: it writes down each call of a stage, and each purchase."""

import os
from pathlib import Path

from pydantic import BaseModel

from stagepass import Context, Pipeline, Retry


class Order(BaseModel):
    text: str
    diary: str
    """A file that every call appends a line to."""
    door: str = ""
    """A named pipe: the first attempt at `two` waits until somebody opens it."""
    back_door: str = ""
    """The same, once `two` has bought and has only to end."""


class Word(BaseModel):
    text: str


steps = Pipeline("steps", input=Order)
QUICK = Retry(3, wait="50ms", factor=1)


def note(path: str, line: str) -> None:
    """Append a line, whole or not at all."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


@steps.stage(retry=QUICK)
def one(ctx: Context, request: Order) -> Word:
    note(request.diary, "one")
    return Word(text=request.text + "1")


@steps.stage(after=one, retry=QUICK, crashes=5)
def two(ctx: Context, request: Order, one: Word) -> Word:
    note(request.diary, f"two {os.getpid()}")
    if request.door and ctx.attempt == 1:
        with Path(request.door).open():
            ctx.check()

    def buy() -> str:
        note(request.diary, "bought")
        return "song"

    bought = ctx.once("buy", buy)
    if request.back_door and ctx.attempt == 1:
        note(request.diary, "kept")
        with Path(request.back_door).open():
            note(request.diary, "through")
    return Word(text=f"{one.text}2{bought}")


@steps.stage(after=two, retry=QUICK)
def three(ctx: Context, request: Order, two: Word) -> Word:
    note(request.diary, "three")
    return Word(text=two.text + "3")


# ── one stage that buys and waits, in both forms ──

calls_plain = Pipeline("calls_plain", input=Order)
calls_async = Pipeline("calls_async", input=Order)


def _noted(request: Order, line: str, value: str) -> str:
    note(request.diary, line)
    return value


@calls_plain.stage(retry=QUICK, crashes=5)
def plain(ctx: Context, request: Order) -> Word:
    note(request.diary, "begun")
    bought = ctx.once("buy", lambda: _noted(request, "bought", "song"))
    found = ctx.wait(lambda: _noted(request, "looked", "there"), every="50ms", at_most="1m", name="look")
    return Word(text=f"{bought} {found}")


@calls_async.stage(retry=QUICK, crashes=5)
async def awaited(ctx: Context, request: Order) -> Word:
    async def buy() -> str:
        return _noted(request, "bought", "song")

    async def look() -> str:
        return _noted(request, "looked", "there")

    note(request.diary, "begun")
    bought = await ctx.once_async("buy", buy)
    found = await ctx.wait_async(look, every="50ms", at_most="1m", name="look")
    return Word(text=f"{bought} {found}")
