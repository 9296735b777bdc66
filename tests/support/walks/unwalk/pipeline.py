"""A pipeline that fails and undoes what it did; the undo works once its flag is there."""

from pathlib import Path

from walks.walk.pipeline import Way

from stagepass import Blocked, Context, Permanent, Pipeline

unwalk = Pipeline("unwalk", input=Way, undo_on="failed")


@unwalk.stage
def step(ctx: Context) -> int:
    return 1


@step.undo
def back(ctx: Context, request: Way) -> None:
    if not Path(request.flag).exists():
        raise Permanent("the way back is closed")


@unwalk.stage(after=step)
def halt(ctx: Context) -> int:
    raise Blocked("no further")
