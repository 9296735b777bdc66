"""What a job of each shape must come to, whatever dies meanwhile.

Its output is a function of its order, and its bill is one charge per purchase.
"""

from typing import Any

from pydantic import BaseModel

from tests.chaos.shapes import Order, goods


class Expected(BaseModel):
    """How a job ends that nobody cancels."""

    state: str = "completed"
    output: dict[str, Any] | None = None
    bought: list[str]
    """The stage runs that are charged for, once each."""
    stages: list[list[str]]
    """The stage runs in their order; those of one group may end in any order."""


def expected(pipeline: str, order: Order) -> Expected:
    """What a job of this pipeline with this order comes to."""
    text = order.text
    match pipeline:
        case "line":
            made = goods("clip", goods("song", f"{text}1"))
            return _ends(made, ["song", "clip"], [["draft"], ["song"], ["clip"]])
        case "fan":
            pages = [f"page.{number}" for number in range(order.items)]
            made = "+".join(goods("page", f"{text}{number}") for number in range(order.items))
            return _ends(made, pages, [["split"], pages, ["join"]])
        case "slow":
            return _ends(f"[{goods('ordered', text)}]", ["ordered"], [["ordered"], ["wrapped"]])
        case "maybe":
            made = f"{text}1/{goods('extra', f'{text}1') if order.extra else '-'}"
            return _ends(made, ["extra"] if order.extra else [], [["first"], ["extra"], ["last"]])
        case "both":
            made = goods("left", text) + goods("right", text)
            return _ends(made, ["left", "right"], [["top"], ["left", "right"], ["bottom"]])
        case "flaky":
            return _ends(goods("stumbles", text), ["stumbles"], [["stumbles"]])
        case "till":
            return _ends(goods("paid", text), ["paid"], [["paid"]])
        case "broken":
            return Expected(state="failed", bought=["fine"], stages=[["fine"], ["breaks"]])
    raise ValueError(f"there is no shape {pipeline!r}")


def _ends(text: str, bought: list[str], stages: list[list[str]]) -> Expected:
    return Expected(output={"text": text}, bought=bought, stages=stages)
