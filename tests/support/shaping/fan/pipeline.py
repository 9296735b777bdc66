"""A fan-out whose worker can be killed in the middle; each item and the fan-in write what they do into a diary."""

from pathlib import Path

from pydantic import BaseModel

from stagepass import Pipeline


class Order(BaseModel):
    items: int
    diary: str


fan = Pipeline("fan", input=Order)


def note(order: Order, what: str) -> None:
    with open(Path(order.diary), "a") as file:
        file.write(f"{what}\n")


@fan.stage()
def split(request: Order) -> list[int]:
    return list(range(request.items))


@fan.stage(after=split, each="split")
def work(request: Order, number: int) -> int:
    note(request, f"item {number}")
    return number


@fan.stage(after=work)
def gather(request: Order, work: list[int]) -> int:
    note(request, "gather")
    return sum(work)
