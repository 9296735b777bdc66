"""``--why``: the reason for an act, kept in the audit log."""

from dataclasses import replace
from typing import Annotated

import typer

Why = Annotated[str | None, typer.Option("--why", metavar="TEXT", help="The reason, for the audit log.")]


def act_because(why: str | None) -> None:
    """What follows is done for that reason."""
    from stagepass.engine.model.actors import current_actor, set_actor
    from stagepass.text import clean

    actor = current_actor()
    if actor is not None and why is not None:
        set_actor(replace(actor, why=clean(why, most=500) or None))
