"""Stages with many calls, for real processes that are killed between any two of them.

Everything outside is a journal: a file to which each purchase, mail and look appends a line. A vendor that can be
asked is a look into it, so that no kill leaves a call of unknown outcome.
"""

import os
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from stagepass import Blocked, Context, NotDone, Permanent, Pipeline, Retry, Transient
from stagepass.declare.stage import Stage
from stagepass.errors import ChildFailed, TimedOut

DAY = 86_400
LONG: dict[str, Any] = {"time_limit": "60d", "run_limit": "90d", "crashes": 10_000, "retry": Retry(50, wait="50ms")}


class Case(BaseModel):
    journal: str
    day: float = DAY
    """Seconds of a day, for flows that sleep."""
    size: int = 5
    fails: bool = True


def note(case: Case, line: str) -> None:
    """Append a line, whole or not at all."""
    descriptor = os.open(case.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


def lines(case: Case) -> list[str]:
    return Path(case.journal).read_text().splitlines()


def _place(ctx: Context) -> str:
    """The stage run, as the vendor knows it."""
    return ctx.stage if ctx.item is None else f"{ctx.stage}[{ctx.item}]"


def asks(stage: Stage, what: str = "charge") -> None:
    """Give the stage a vendor that can be asked."""

    def look(ctx: Context, name: str, request: Case) -> str:
        if f"{what} {ctx.job_id} {_place(ctx)} {name}" in lines(request):
            return f"{name} of {ctx.stage}"
        raise NotDone

    stage.on_recover(look)


def buy(ctx: Context, case: Case, name: str, what: str = "charge", number: int = 1) -> str:
    """Buy something once; `number` counts the calls of that name, as their records do."""
    own = name if number == 1 else f"{name}#{number}"

    def call() -> str:
        note(case, f"{what} {ctx.job_id} {_place(ctx)} {own}")
        return f"{own} of {ctx.stage}"

    return str(ctx.once(name, call))


# ── saga inside one stage, over a child that fails ──

flights = Pipeline("flights", input=Case)
trip = Pipeline("trip", input=Case)


@flights.stage(**LONG)
def seat(ctx: Context, request: Case) -> str:
    buy(ctx, request, "seat")
    raise Blocked("sold out")


@trip.stage(**LONG)
def book(ctx: Context, request: Case) -> str:
    car = buy(ctx, request, "car")
    try:
        return str(ctx.run("flights", request, type=str))
    except ChildFailed:
        ctx.sleep(request.day, "cooling off")
        return f"{car}, {buy(ctx, request, 'give back')}"


# ── the same over stages, undone by the engine ──

order = Pipeline("order", input=Case, undo_on=("failed", "cancelled"))


@order.stage(**LONG)
def reserve(ctx: Context, request: Case) -> list[str]:
    buy(ctx, request, "reserve")
    return [f"g{number}" for number in range(request.size)]


@reserve.undo(**LONG)
def release(ctx: Context, request: Case, reserve: list[str]) -> None:
    buy(ctx, request, f"release {len(reserve)}")


class Listed(BaseModel):
    goods: list[str]


@order.stage(after=reserve, **LONG)
def listed(ctx: Context, reserve: list[str]) -> Listed:
    return Listed(goods=reserve)


@order.stage(after=listed, each="listed.goods", **LONG)
def pack(ctx: Context, request: Case, name: str) -> str:
    return buy(ctx, request, "pack") + " " + name


@pack.undo(**LONG)
def unpack(ctx: Context, request: Case, name: str, pack: str) -> None:
    assert pack == f"pack of pack {name}"
    ctx.sleep(0.01, "the packer comes")
    buy(ctx, request, f"unpack {name}")


@order.stage(after=pack, **LONG)
def pay(ctx: Context, request: Case) -> str:
    raise Blocked("declined")


@order.on_failure(**LONG)
def apologise(ctx: Context, request: Case, pack: list[str]) -> None:
    assert ctx.failure is not None
    buy(ctx, request, f"mail {ctx.failure.code} {len(pack)}", "mail")


# ── fallback: a model that is too slow, then another ──

model = Pipeline("model", input=Case)
fallback = Pipeline("fallback", input=Case)


@model.stage(**LONG)
def reply(ctx: Context, request: Case) -> str:
    asked = buy(ctx, request, "ask")
    ctx.sleep(request.day * request.size, "thinking")
    return f"{asked}, {buy(ctx, request, 'tokens')}"


@fallback.stage(**LONG)
def careful(ctx: Context, request: Case) -> str:
    try:
        return str(ctx.run("model", request, type=str, at_most=request.day, every=request.day / 4))
    except (ChildFailed, TimedOut):
        return str(ctx.run("model", request.model_copy(update={"size": 0}), type=str, name="small"))


# ── reminder ──

reminder = Pipeline("reminder", input=Case)


@reminder.stage(**LONG)
def ask(ctx: Context, request: Case) -> str:
    for day in range(3):
        try:
            mail = partial(buy, ctx, request, f"mail {day}", "mail")
            verdict = ctx.approval("Publish?", who="mina", tell=lambda url, mail=mail: mail(), at_most=request.day)
        except Permanent:
            continue
        return f"{verdict.approved} on day {day + 1}"
    return "no answer"


# ── a day of polling ──

nightly = Pipeline("nightly", input=Case)


@nightly.stage(**{**LONG, "retry": Retry(3, wait="1s")})
def results(ctx: Context, request: Case) -> str:
    batch = buy(ctx, request, "batch")

    def look() -> str | None:
        note(request, f"look {ctx.job_id}")
        looks = lines(request).count(f"look {ctx.job_id}")
        if looks % 20 == 0:
            raise Transient("503")
        return f"{batch}: done" if looks >= request.size else None

    return str(ctx.wait(look, every=request.day / 144, at_most=request.day * 4, saying="batch: running"))


# ── chat ──

chat = Pipeline("chat", input=Case)


@chat.stage(**LONG)
def talk(ctx: Context, request: Case) -> list[str]:
    said: list[str] = []
    while len(said) < request.size:
        line = ctx.receive("line", type=str, at_most="30d")
        said.append(f"{line}: {buy(ctx, request, 'answer', number=len(said) + 1)}")
    return said


# ── an inbox that only takes ──

inbox = Pipeline("inbox", input=Case)


@inbox.stage(**LONG)
def take(ctx: Context, request: Case) -> list[str]:
    return [ctx.receive("line", type=str, at_most="30d") for _ in range(request.size)]


# ── agent ──

agent = Pipeline("agent", input=Case)


@agent.stage(**LONG)
def think(ctx: Context, request: Case) -> int:
    calls = range(1, request.size + 1)
    found = [buy(ctx, request, "model" if number % 2 else "tool", number=(number + 1) // 2) for number in calls]
    return len(found)


for _stage in (seat, book, reserve, release, pack, unpack, reply, results, talk, think):
    asks(_stage)
for _stage in (apologise, ask):
    asks(_stage, "mail")
