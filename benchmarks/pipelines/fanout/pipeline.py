"""A list, one stage run per item, and a fan-in: what is measured is the engine's cost of an item."""

from pydantic import BaseModel

from stagepass import Pipeline


class Size(BaseModel):
    items: int


fanout = Pipeline("bench_fanout", input=Size)


@fanout.stage()
def split(request: Size) -> list[int]:
    return list(range(request.items))


@fanout.stage(after=split, each="split")
def work(number: int) -> int:
    return number + 1


@fanout.stage(after=work)
def gather(work: list[int]) -> int:
    return sum(work)
