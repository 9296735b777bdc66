"""Three stages that do nothing, and three that wait as for a model: what is measured is the engine."""

import time

from pydantic import BaseModel

from stagepass import Pipeline


class Number(BaseModel):
    n: int


noop = Pipeline("bench_noop", input=Number)
slow = Pipeline("bench_slow", input=Number)


@noop.stage()
def one(request: Number) -> Number:
    return Number(n=request.n + 1)


@noop.stage(after=one)
def two(one: Number) -> Number:
    return Number(n=one.n + 1)


@noop.stage(after=two)
def three(two: Number) -> Number:
    return Number(n=two.n + 1)


@slow.stage()
def first(request: Number) -> Number:
    time.sleep(0.2)
    return Number(n=request.n + 1)


@slow.stage(after=first)
def second(first: Number) -> Number:
    time.sleep(0.2)
    return Number(n=first.n + 1)


@slow.stage(after=second)
def third(second: Number) -> Number:
    time.sleep(0.2)
    return Number(n=second.n + 1)
