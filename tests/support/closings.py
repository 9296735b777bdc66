"""Random jobs that fail: a stage, its undo and `on_failure`, each with calls of its own, in the property test."""

import random
from typing import Any

from pydantic import BaseModel

from stagepass import Blocked, Context, NotDone, Pipeline, Retry
from stagepass.declare.stage import Stage
from stagepass.testing import Lab
from tests.support import plans
from tests.support.plans import LONG, Plan, Run, World, worlds

KINDS = tuple(kind for kind in plans.KINDS if not kind.startswith(("receive", "signal")))
"""Messages and callbacks belong to a job or a run, so plans of one job would take each other's."""


class Closing(BaseModel):
    go: Plan
    undo: Plan
    last: Plan


closing = Pipeline("closing", input=Closing, undo_on="failed")
AGAIN = Retry(3, wait="1s", factor=1)


@closing.stage(**LONG, retry=AGAIN)
def go(ctx: Context, request: Closing) -> list[str]:
    return plans.make_calls(ctx, request.go)


@go.undo(**LONG, retry=AGAIN)
def ungo(ctx: Context, request: Closing, go: list[str]) -> list[str]:
    return plans.make_calls(ctx, request.undo)


@closing.stage(after=go)
def fail(ctx: Context) -> None:
    raise Blocked("no")


@closing.on_failure(**LONG, retry=AGAIN)
def last(ctx: Context, request: Closing, go: list[str] | None) -> list[str]:
    return plans.make_calls(ctx, request.last)


def asks(stage: Stage, part: str) -> None:
    def lookup(name: str, request: Closing) -> Any:
        bought = worlds[getattr(request, part).id].bought
        if name not in bought:
            raise NotDone
        return bought[name]

    stage.on_recover(lookup)


PARTS = {"go": go, "undo": ungo, "last": last}
for _part, _stage in PARTS.items():
    asks(_stage, _part)


def make(dice: random.Random, id: str) -> Closing:
    return Closing(**{part: plans.make_plan(dice, f"{id}{part}", kinds=KINDS) for part in PARTS})


def renamed(given: Closing, suffix: str, **update: Any) -> Closing:
    parts = {part: getattr(given, part) for part in PARTS}
    return Closing(**{part: one.model_copy(update={"id": one.id + suffix, **update}) for part, one in parts.items()})


def run(lab: Lab, given: Closing, dice: random.Random | None) -> dict[str, Run]:
    """Run a job to its failure; how each of its parts went."""
    parts = {part: getattr(given, part) for part in PARTS}
    for plan in parts.values():
        worlds[plan.id] = World()
    job = lab.submit(given.model_dump(), pipeline="closing")
    now, more = plans.carry_through(lab, job, dice, [worlds[plan.id] for plan in parts.values()], 9000)
    assert (now.state, now.error and now.error["undone"]) == ("failed", ["go"]), (now, given)
    events = lab.events(job)
    assert events.count("job.ending") == events.count("job.failed") == 1, events
    outputs = lab.engine.outputs(now, every=True)
    return {
        part: Run(worlds[plan.id], outputs[PARTS[part].name], plans.count_children(lab, plan), 0.0, more)
        for part, plan in parts.items()
    }
