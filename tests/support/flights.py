"""Pipelines whose jobs were under way when the release before this one was stopped; see `flights.json`."""

from typing import Any

from pydantic import BaseModel

from stagepass import Context, Pipeline, Retry, Transient


class In(BaseModel):
    n: int = 0


BATCH: dict[str, Any] = {"ready": False}
"""What the remote side of a test says."""

child = Pipeline("child", input=In)
flight = Pipeline("flight", input=In)
STAGE: dict[str, Any] = {"time_limit": "3d", "run_limit": "4d"}


@child.stage(**STAGE)
def work(ctx: Context, request: In) -> int:
    ctx.sleep("1h", "working")
    return request.n * 10


@flight.stage(**STAGE)
def polls(ctx: Context) -> str:
    order = ctx.once("order", lambda: "order-1")
    return ctx.wait(lambda: f"{order} done" if BATCH["ready"] else None, every="10m", at_most="2h", saying="polling")


@flight.stage(**STAGE)
def sleeps(ctx: Context) -> str:
    ctx.sleep("90m", "a while")
    return "slept"


@flight.stage(**STAGE)
def nests(ctx: Context) -> int:
    return int(ctx.run("child", {"n": 4}))


@flight.stage(**STAGE)
def asks(ctx: Context) -> bool:
    return ctx.approval("Publish?", who="mina", tell=lambda url: BATCH.update(url=url)).approved


@flight.stage(**STAGE, retry=Retry(3, wait="30m", factor=1, jitter=0))
def retries(ctx: Context) -> int:
    if ctx.attempt < 4:
        raise Transient("503")
    return ctx.attempt


@flight.stage(**STAGE)
def signals(ctx: Context) -> str:
    return ctx.wait(lambda: ctx.signal and ctx.signal["text"], every="3h", at_most="2d", saying="answer")
