"""Stages that harm the process they run in: one stops its claiming for good, one kills it; and one that does neither."""

import os
import signal
import threading

from pydantic import BaseModel

from stagepass import Context, Pipeline, Retry
from stagepass.engine.model import failpoints


class Order(BaseModel):
    diary: str
    gate: str = ""
    """A named pipe: the stage waits until somebody opens it."""


def note(path: str, line: str) -> None:
    with open(path, "a") as file:
        file.write(f"{line}\n")


deafen = Pipeline("deafen", input=Order)
poison = Pipeline("poison", input=Order)
work = Pipeline("work", input=Order)


@deafen.stage(retry=Retry(0))
def only(ctx: Context, request: Order) -> str:
    """The next commit of this process never comes back, and its heart beats on."""
    failpoints.arm("settle.after_commit", lambda: threading.Event().wait() and None)
    note(request.diary, f"deafen {os.getpid()}")
    return ""


@poison.stage(retry=Retry(0), crashes=3)
def fatal(ctx: Context, request: Order) -> str:
    note(request.diary, f"poison {os.getpid()}")
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


@work.stage(retry=Retry(0))
def plain(ctx: Context, request: Order) -> str:
    note(request.diary, f"work {os.getpid()}")
    if request.gate:
        with open(request.gate):
            ctx.check()
    return ""
