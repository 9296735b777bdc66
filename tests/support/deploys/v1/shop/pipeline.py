"""The code before the release: take → pack → send."""

import os
from pathlib import Path

from pydantic import BaseModel

from stagepass import Context, Pipeline, Retry


class Order(BaseModel):
    text: str
    diary: str
    gate: str = ""


class Parcel(BaseModel):
    text: str


shop = Pipeline("shop", input=Order, version=1)
QUICK = Retry(1, wait="50ms")


def note(request: Order, line: str) -> None:
    descriptor = os.open(request.diary, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


@shop.stage(retry=QUICK)
def take(ctx: Context, request: Order) -> Parcel:
    note(request, f"take1 {os.getpid()}")
    if request.gate and ctx.attempt == 1:
        with Path(request.gate).open():
            ctx.check()
    return Parcel(text=request.text + " taken1")


@shop.stage(after=take, retry=QUICK)
def pack(request: Order, take: Parcel) -> Parcel:
    note(request, "pack1")
    return Parcel(text=take.text + " packed1")


@shop.stage(after=pack, retry=QUICK)
def send(request: Order, pack: Parcel) -> Parcel:
    note(request, "send1")
    return Parcel(text=pack.text + " sent1")
