"""The code after the release: `pack` is called `wrap`, a parcel has other fields, and the input wants one more."""

import os

from pydantic import BaseModel

from stagepass import Pipeline, Retry


class Order(BaseModel):
    text: str
    diary: str
    paper: str


class Box(BaseModel):
    label: str
    weight: int


shop = Pipeline("shop", input=Order, version=2)
QUICK = Retry(1, wait="50ms")


def note(request: Order, line: str) -> None:
    descriptor = os.open(request.diary, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


@shop.stage(retry=QUICK)
def take(request: Order) -> Box:
    note(request, f"take2 {os.getpid()}")
    return Box(label=request.text + " taken2", weight=1)


@shop.stage(after=take, retry=QUICK)
def wrap(request: Order, take: Box) -> Box:
    note(request, "wrap2")
    return Box(label=f"{take.label} wrapped2 in {request.paper}", weight=take.weight + 1)


@shop.stage(after=wrap, retry=QUICK)
def send(request: Order, wrap: Box) -> Box:
    note(request, "send2")
    return Box(label=wrap.label + " sent2", weight=wrap.weight)
