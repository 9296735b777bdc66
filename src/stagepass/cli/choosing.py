"""Options that choose jobs or dead letters for an act on many."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from stagepass.sentences import sentence

if TYPE_CHECKING:
    from stagepass.engine.model.bulk import Selection

Pipeline = Annotated[str | None, typer.Option(help="Only this pipeline.")]
Stage = Annotated[str | None, typer.Option(help="Only this stage.")]
State = Annotated[list[str] | None, typer.Option("--state", help="Only jobs in this state; may be repeated.")]
Code = Annotated[str | None, typer.Option(help="Only this error code, such as quota_exhausted.")]
Tag = Annotated[
    list[str] | None, typer.Option("--tag", metavar="NAME[=VALUE]", help="Only jobs with this tag; may be repeated.")
]
Owner = Annotated[str | None, typer.Option(help="Only this owner.")]
Older = Annotated[str | None, typer.Option("--older-than", metavar="TIME", help="Submitted longer ago than 2h, 3d, …")]
Newer = Annotated[str | None, typer.Option("--newer-than", metavar="TIME", help="Submitted within the last 2h, 3d, …")]


def chosen_by(
    pipeline: str | None,
    stage: str | None,
    states: list[str] | None,
    code: str | None,
    tags: list[str] | None,
    owner: str | None,
    older: str | None,
    newer: str | None,
) -> "Selection":
    """What these options choose."""
    from stagepass.cli.jobs import read_states
    from stagepass.declare.tags import read_wanted
    from stagepass.engine.model.bulk import Selection

    now = int(time.time() * 1000)
    return Selection(
        owner=owner,
        pipeline=pipeline,
        stage=stage,
        states=read_states(states),
        code=code,
        tags=read_wanted(tags or ()),
        since=None if newer is None else now - _milliseconds(newer, "--newer-than"),
        until=None if older is None else now - _milliseconds(older, "--older-than"),
    )


def _milliseconds(text: str, option: str) -> int:
    from stagepass.declare.values import seconds
    from stagepass.errors import DeclarationError

    try:
        return int(seconds(text) * 1000)
    except DeclarationError:
        raise typer.BadParameter(
            sentence("{text} is no time; write 30m, 2h or 3d", text=f"{text!r}"), param_hint=option
        ) from None
