"""Human approval: a stage asks, one person gets a signed link, and the answer wakes the stage.

The question is a memo that is kept before the link is told; the answer is another, so there can be one only.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from stagepass.declare.values import Duration, seconds
from stagepass.engine.model.ids import new_token
from stagepass.engine.model.outcomes import Wait
from stagepass.engine.rules.answer import QUESTION, VERDICT
from stagepass.errors import Permanent

if TYPE_CHECKING:
    from stagepass.engine.execute.context import Context

LOOK = 3600.0
"""Seconds after which the stage looks by itself, should nobody have woken it."""

MakeUrl = Callable[[str, str, str, float], str]
"""The address for a stage run, an approval's name, its token, and the seconds for which it is good."""


class Verdict(BaseModel):
    """What a person decided."""

    approved: bool
    note: str = ""
    who: str
    at: datetime


def ask(
    ctx: "Context",
    make_url: MakeUrl | None,
    run_id: str,
    question: str,
    *,
    who: str,
    tell: Callable[[str], Any],
    details: str,
    at_most: Duration,
    name: str,
) -> Verdict:
    """See `Context.approval`."""
    given = ctx.remembered(VERDICT + name)
    if given is not None:
        return Verdict(**{**given, "at": datetime.fromtimestamp(given["at"] / 1000, UTC)})
    if make_url is None:
        raise Permanent("there is no address for approvals here", advice="run it where an API is configured")
    now = ctx.now()

    def new() -> dict[str, Any]:
        until = now + int(seconds(at_most) * 1000)
        return {"ask": new_token(), "question": question, "details": details, "who": who, "until": until}

    asked = ctx.once(QUESTION + name, new, free=True)
    left = (asked["until"] - now) / 1000
    if left <= 0:
        ctx.forget(QUESTION + name)  # made again or resumed, the stage asks anew
        raise Permanent(f"nobody answered in time: {name}", advice="resume the job to ask again")
    url = make_url(run_id, name, asked["ask"], left)
    told = f"told:{asked['ask'][:16]}"
    first = ctx.remembered(told) is None
    ctx.once(told, lambda: bool(tell(url)) or True, free=True)
    pause: Wait = ctx._pause(min(left, LOOK), f"waiting for approval: {name}", first=first, idle=True)
    raise pause
