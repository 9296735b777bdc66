"""A pipeline that comes to rest in every way there is; `how` says in which."""

import time
from pathlib import Path

from pydantic import BaseModel

from stagepass import Context, Permanent, Pipeline, QuotaExhausted, Retry, Transient
from stagepass.engine.model.limits import Limit


class Way(BaseModel):
    how: str = ""
    flag: str = ""
    """A file: what waits for something outside looks for it."""


class Made(BaseModel):
    text: str = "made"


walk = Pipeline("walk", input=Way, version=1)


@walk.stage(retry=Retry(1, wait="1h"), time_limit="2h", run_limit="1d")
def act(ctx: Context, request: Way) -> Made:
    ways[request.how](ctx, request)
    return Made()


@walk.stage(after=act, batch=20, within="1h")
def pack(act: list[Made]) -> list[Made]:
    return act


def _there(request: Way) -> bool | None:
    return Path(request.flag).exists() or None


def _hold(ctx: Context, request: Way) -> None:
    while not _there(request):
        time.sleep(0.01)
        ctx.check()


def _order(ctx: Context, request: Way) -> None:
    ctx.once("suno_task_id", lambda: "order-7")
    ctx.wait(lambda: _there(request), every="1h", at_most="2h", saying="song: generating")


def _lose(ctx: Context, request: Way) -> None:
    def cut_off() -> str:
        raise ConnectionError("reset by peer")

    if ctx.attempt == 1 or not _there(request):
        ctx.once("suno_task_id", cut_off)


def _closed(ctx: Context, request: Way) -> None:
    with ctx.using("suno"):
        if not _there(request):
            raise QuotaExhausted("no credit left", provider="suno")


def _line(ctx: Context, request: Way) -> None:
    with ctx.using("narrow", Limit(concurrency=1)):
        pass


def _fail(ctx: Context, request: Way) -> None:
    raise Permanent("the picture shows nothing", advice="send another one")


def _flaky(ctx: Context, request: Way) -> None:
    if ctx.attempt == 1:
        raise Transient("overloaded", provider="suno")


ways = {
    "": lambda ctx, request: None,
    "hold": _hold,
    "order": _order,
    "lose": _lose,
    "closed": _closed,
    "line": _line,
    "fail": _fail,
    "flaky": _flaky,
    "look": lambda ctx, request: ctx.wait(lambda: _there(request), every="1h", at_most="2h"),
    "sleep": lambda ctx, request: ctx.sleep("1h"),
    "message": lambda ctx, request: ctx.receive("paid", at_most="1h"),
    "approval": lambda ctx, request: ctx.approval("Publish?", who="ann@example.com", tell=lambda url: None),
    "child": lambda ctx, request: ctx.run("walk", Way(how="message"), at_most="2h"),
}
