"""Random stages for the property test of calls: what is called, what disturbs it, and what it must come to.

A plan is the input of one job. The stage makes its calls one after another and notes what each gave or raised; the
world outside (shop, mail, remote tasks, people) counts what it is asked for.
"""

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from stagepass import Blocked, Context, NotDone, Permanent, Pipeline, Retry, Transient
from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operations import Settle
from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.outcomes import Released
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import ENDED, JobState
from stagepass.errors import ChildFailed, Conflict, TimedOut
from stagepass.testing import Crash, Lab

MINUTE = 60_000
PLACES = (
    *("claim.before_commit", "claim.after_commit", "body.before", "body.after"),
    *("once.before_intent", "once.after_intent", "once.after_call", "once.after_record"),
    *("call.before_record", "call.after_record", "settle.before_commit", "settle.after_commit"),
)
KINDS = (
    *("once", "once free", "once blocked", "once flaky", "wait", "wait bad", "wait inside", "sleep"),
    *("run", "run failed", "run late", "approval", "approval late", "receive", "receive none", "signal", "using"),
    *("keep", "group"),
)


class Step(BaseModel):
    kind: str
    name: str
    n: int


class Plan(BaseModel):
    steps: list[Step]
    id: str
    asynchronous: bool = False
    weak: list[int] = []
    """Passes after which the stage's own code fails, in a way that may pass."""


class World:
    """What lies outside of one job, and what it was asked for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.bought: dict[str, Any] = {}
        self.passes: list[list[tuple[int, str]]] = []
        self.open: list[tuple[str, str, str]] = []
        """Questions that were mailed: run, name, token."""


worlds: dict[str, World] = {}


def make_plan(dice: random.Random, id: str, *, kinds: tuple[str, ...] = KINDS, asynchronous: bool = False) -> Plan:
    """Up to eight calls; names are few, so that they come twice."""
    steps = [
        Step(kind=dice.choice(kinds), name=dice.choice("ab"), n=dice.randint(1, 4)) for _ in range(dice.randint(1, 8))
    ]
    weak = [dice.randint(1, 6) for _ in range(dice.randint(0, 2))]
    return Plan(steps=steps, id=id, asynchronous=asynchronous, weak=weak)


# ── the stages ──

child = Pipeline("child", input=Step)
plan = Pipeline("plan", input=Plan)
LONG: dict[str, Any] = {"time_limit": "60d", "run_limit": "90d", "crashes": 200}


@child.stage(**LONG)
def work(ctx: Context, request: Step) -> int:
    world = worlds[request.name]
    world.asked["child"] += 1
    if request.kind == "run failed":
        raise Blocked("sold out")
    if request.kind == "run late":
        ctx.sleep("9h", "rendering")
        world.asked["late child paid"] += 1
    return request.n * 10


@plan.stage(**LONG, retry=Retry(3, wait="1s", factor=1))
def go(ctx: Context, request: Plan) -> list[str]:
    return make_calls(ctx, request)


def make_calls(ctx: Context, request: Plan) -> list[str]:
    """All calls of a plan, one after another; what each gave or raised."""
    world = worlds[request.id]
    seen: list[tuple[int, str]] = []
    world.passes.append(seen)
    for number, step in enumerate(request.steps):
        try:
            told = repr(call(ctx, world, request.id, number, step))
        except (Blocked, ChildFailed, TimedOut, Permanent) as problem:
            told = f"{type(problem).__name__}: {problem}"
        seen.append((number, told))
        if len(world.passes) in request.weak and number == len(request.steps) // 2:
            raise Transient("the stage's own code")
    return [told for _, told in seen]


@go.on_recover
def lookup(name: str, request: Plan) -> Any:
    bought = worlds[request.id].bought
    if name not in bought:
        raise NotDone
    return bought[name]


def call(ctx: Context, world: World, id: str, number: int, step: Step) -> Any:
    """One call of the plan; a name in it is the name within its kind, and comes again and again."""
    name, n = step.name, step.n
    match step.kind.split():
        case ["once", *more]:
            return _once(ctx, world, name, number, n, more)
        case ["keep"]:
            before = ctx.remembered(f"kept {name} {number}") or 0
            ctx.keep(f"kept {name} {number}", max(n, before))
            return n
        case ["wait", "inside"]:
            return ctx.once(f"inside {name}", lambda: _wait(ctx, world, f"inside {name}", number, n, "good"))
        case ["wait", *more]:
            return _wait(ctx, world, name, number, n, more[0] if more else "good")
        case ["sleep"]:
            ctx.sleep(n * 86400, name if n % 2 else None)
            return "slept"
        case ["run", *_]:
            given = Step(kind=step.kind, name=id, n=n)
            return ctx.run("child", given, name=name if n % 2 else None, at_most="30m")
        case ["group"]:
            given = [Step(kind="run", name=id, n=i) for i in range(n)]
            return ctx.gather([ctx.begin("child", one) for one in given], at_most="1h")
        case ["approval", *more]:

            def tell(url: str) -> None:
                world.asked["mail"] += 1
                if not more:
                    world.open.append((f"{ctx.job_id}.{ctx.stage}", *url.rsplit("/", 2)[1:]))  # type: ignore[arg-type]

            return ctx.approval(f"{step.kind} {number}?", who="mina", tell=tell, at_most="2h").approved
        case ["receive", *more]:
            return ctx.receive(f"none {name}" if more else name, at_most="20m")
        case ["signal"]:
            return ctx.wait(lambda: ctx.signal, every="1h", at_most="30d", name="signal")
        case _:
            with ctx.using("maker"):
                return ctx.once(f"using {name}", lambda: _buy(world, f"using {name} {number}"), free=True)


def _buy(world: World, what: str) -> str:
    world.asked[what] += 1
    return f"{what} {world.asked[what]}"


def _once(ctx: Context, world: World, name: str, number: int, n: int, more: list[str]) -> Any:
    kind = " ".join(["once", *more]) if not more else f"{more[0]} call"
    what = f"{kind} {name} {number}"

    def buy() -> str:
        world.asked[what] += 1
        if more == ["blocked"]:
            raise Blocked("refused")
        if more == ["flaky"] and world.asked[what] <= min(n, 3):
            raise ConnectionRefusedError("nothing was asked for")
        world.bought[_own(ctx, name)] = what
        return what

    return ctx.once(name, buy, free=more == ["free"])


def _own(ctx: Context, name: str) -> str:
    """The call's name with its number, as `on_recover` is given it."""
    count = ctx._calls._counts["once", name]
    return name if count == 1 else f"{name}#{count}"


def _wait(ctx: Context, world: World, name: str, number: int, n: int, how: str) -> str:
    what = f"wait {name} {number}"
    began = world.bought.setdefault(what, ctx.now())

    def look() -> str | None:
        world.asked[what] += 1
        if how == "bad" and not world.bought.get(f"{what} failed") and world.asked[what] == 5:
            world.bought[f"{what} failed"] = True
            raise Transient("503")
        if how != "good":
            return None
        return what if ctx.now() - began >= n * MINUTE else None

    return ctx.wait(look, every="1m", at_most="10m", name=name)


# ── running one ──


@dataclass
class Run:
    """How a plan went."""

    world: World
    result: list[str]
    children: int
    minutes: float
    disturbances: int


def run_plan(lab: Lab, given: Plan, dice: random.Random | None) -> Run:
    """Run a plan to its end, with disturbances thrown by the dice; none of them makes an undisturbed run."""
    world = worlds[given.id] = World()
    began = lab.clock.now()
    job = lab.submit(given.model_dump(), pipeline="plan")
    for number, step in enumerate(given.steps):
        if step.kind == "receive":
            lab.send(job, step.name, number, key=str(number))
        if step.kind == "signal":
            lab.engine.signal(f"{job.id}.go", number)
    now, disturbances = carry_through(lab, job, dice, [world])
    assert now.state == "completed", (now.state, now.error, given)
    minutes = (lab.clock.now() - began) / MINUTE
    return Run(world, lab.result(now), count_children(lab, given), minutes, disturbances)


def carry_through(
    lab: Lab, job: Job, dice: random.Random | None, of: Sequence[World], within: int = 3000
) -> tuple[Job, int]:
    """Run a job to its end with disturbances; the job, and how many there were."""
    disturbances = 0
    for _ in range(within):
        disturbances += dice is not None and _disturb(lab, job, dice)
        try:
            busy = lab.step()
        except Crash:
            busy = True
            lab.recover()
        for world in of:
            _answer(lab, world)
        now = lab.job(job)
        if now.state in ENDED:
            break
        if not busy:
            lab.clock.advance(max(0.001, lab._next_due()))
            lab.relay.promote()
    _disarm(lab)
    return now, disturbances


def _answer(lab: Lab, world: World) -> None:
    while world.open:
        run, name, ask = world.open.pop()
        with suppress(Conflict):
            lab.engine.answer(run, name=name, ask=ask, approved=True)


def count_children(lab: Lab, given: Plan) -> int:
    """Children of a plan, none of which runs on."""
    children = sum(f'"{given.id}"' in one.input for one in lab.engine.jobs(JobFilter(None, pipeline="child", limit=60)))
    for name, which in (("child", "running"), ("child", "queued")):
        open_ = lab.engine.jobs(JobFilter(None, pipeline=name, states=(JobState(which),), limit=60))
        assert not [one for one in open_ if f'"{given.id}"' in one.input], (given, "a child runs on")
    return children


def _disarm(lab: Lab) -> None:
    from stagepass.engine.model import failpoints

    failpoints.disarm()


def _disturb(lab: Lab, job: Any, dice: random.Random) -> bool:
    """A crash ahead, a worker that goes away in good order, or a message that nothing waits for."""
    throw = dice.random()
    if throw < 0.25:
        _disarm(lab)
        lab.crash(dice.choice(PLACES), times=dice.randint(1, 3))
    elif throw < 0.3:
        _disarm(lab)
        for claimed in lab.engine.committer.do(Claim(tuple(lab.registry.queues()), 1, lab.worker)).claimed:
            lab.engine.committer.do(Settle(claimed, Released()))
    elif throw < 0.35:
        _disarm(lab)
        lab.send(job, "unasked", throw)
    return throw < 0.35


def expected(given: Plan) -> tuple[list[str], int]:
    """What the calls give, or the class that they raise, and how many children there are: by the plan alone."""
    received: Counter[str] = Counter()
    found: list[str] = []
    children = signals = 0
    by_name: dict[str, list[int]] = {}
    callbacks: list[int] = []
    for number, step in enumerate(given.steps):
        if step.kind == "receive":
            by_name.setdefault(step.name, []).append(number)
        if step.kind == "signal":
            callbacks.append(number)
    for number, step in enumerate(given.steps):
        match step.kind.split():
            case ["once", "blocked"]:
                found.append("Blocked")
            case ["once", *more]:
                found.append(f"{more[0] + ' call' if more else 'once'} {step.name} {number}")
            case ["wait", "bad"] | ["run", "late"]:
                found.append("TimedOut")
            case ["wait", *more]:
                found.append(f"wait {'inside ' if more else ''}{step.name} {number}")
            case ["run", "failed"]:
                found.append("ChildFailed")
            case ["run"]:
                found.append(repr(step.n * 10))
            case ["group"]:
                found.append(repr([i * 10 for i in range(step.n)]))
            case ["approval", *more]:
                found.append("Permanent" if more else "True")
            case ["receive", *more]:
                found.append("None" if more else repr(by_name[step.name][received[step.name]]))
                received[step.name] += not more
            case ["signal"]:
                found.append(repr(callbacks[signals]))
                signals += 1
            case ["sleep"]:
                found.append("slept")
            case ["keep"]:
                found.append(repr(step.n))
            case _:
                found.append(f"using {step.name} {number} 1")
        children += step.n if step.kind == "group" else step.kind.startswith("run")
    return found, children


def minutes_of(given: Plan) -> float:
    """How long the plan takes by itself: each wait once."""
    took = {"sleep": 0.0, "wait bad": 10, "run late": 30, "approval late": 120, "receive none": 20}
    return sum(
        step.n * 1440
        if step.kind == "sleep"
        else step.n
        if step.kind in ("wait", "wait inside")
        else took.get(step.kind, 0)
        for step in given.steps
    )


def check(given: Plan, disturbed: Run, plain: Run) -> None:
    """What every pass saw extends what the pass before saw; costs are those of an undisturbed run."""
    passes = disturbed.world.passes
    for before, after in pairwise(passes):
        assert after[: len(before)] == before or before[: len(after)] == after, (given, before, after)
    longest: list[tuple[int, str]] = []
    for seen in passes:
        assert seen[: len(longest)] == longest[: len(seen)], (given, longest, seen)
        longest = max(longest, seen, key=len)
    wanted_result, wanted_children = expected(given)
    for run in (plain, disturbed):
        shown = [told.partition(":")[0].strip("'") for told in run.result]
        assert shown == wanted_result, (given, shown, wanted_result)
        assert run.children == wanted_children, (given, run.children, wanted_children)
    assert plain.minutes <= minutes_of(given) + len(given.steps) + 3, (given, plain.minutes, minutes_of(given))
    assert plain.world.asked["mail"] == sum(step.kind.startswith("approval") for step in given.steps), given
    assert plain.world.asked["child"] <= wanted_children + sum(step.kind == "run late" for step in given.steps), given
    more = disturbed.disturbances
    for what in {*plain.world.asked, *disturbed.world.asked}:
        made, wanted = disturbed.world.asked[what], plain.world.asked[what]
        spare = 0 if what.startswith(("once ", "late child")) else more
        assert wanted <= made <= wanted + spare or what.startswith("wait"), (given, what, made, wanted, more)
        assert made <= wanted + spare, (given, what, made, wanted, more)
    assert disturbed.minutes <= plain.minutes + more + 10, (given, disturbed.minutes, plain.minutes, more)
