"""``stagepass pause`` and ``stagepass resume``: stop starting stage runs of a queue, a pipeline, an owner, or everything."""

from typing import TYPE_CHECKING, Annotated

import typer

from stagepass.cli.output import Json, ago, as_json, emit_view, note, table
from stagepass.cli.reason import Why, act_because

if TYPE_CHECKING:
    from stagepass.engine.model.controls import Scope

Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET", help="A queue (promo.song), a pipeline (promo), owner:NAME, provider:NAME, or all."
    ),
]


def pause(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="A queue (promo.song), a pipeline (promo), owner:NAME, provider:NAME, or all. Without it, pauses are listed.",
        ),
    ] = None,
    why: Why = None,
    json: Json = False,
) -> None:
    """Pause a queue, a pipeline, an owner, or everything: nothing more starts, running stages continue.

    It holds at once in every worker, and until it is resumed. Submits are accepted, and wait. A paused stage asks no
    vendor about its orders either.

    [bold]Examples[/bold]

      stagepass pause promo.song --why "vendor maintenance"

      stagepass pause owner:alice

      stagepass pause
    """
    from stagepass.cli.installation import installation
    from stagepass.views.controls import pause_view

    system = installation()
    if target is None:
        _list()
        return
    act_because(why)
    kept = system.controls.pause(*read_target(target))
    if as_json():
        emit_view(pause_view(kept))
    else:
        note("pause.paused", style="green", name=target)


def resume(target: Target, why: Why = None, json: Json = False) -> None:
    """Resume what was paused; it starts at once.

    [bold]Example[/bold]

      stagepass resume promo.song
    """
    from stagepass.cli.installation import installation
    from stagepass.views.controls import pause_view

    system = installation()
    act_because(why)
    ended = system.controls.resume(*read_target(target))
    if as_json():
        emit_view(pause_view(ended))
    else:
        note("pause.resumed", style="green", name=target)


def read_target(target: str) -> "tuple[Scope, str]":
    """``promo.song``, ``promo``, ``owner:NAME``, ``provider:NAME``, ``all``."""
    from stagepass.engine.model.controls import EVERYTHING, Scope

    kind, colon, name = target.partition(":")
    if colon and kind in (Scope.OWNER, Scope.PROVIDER, Scope.PIPELINE, Scope.QUEUE):
        return Scope(kind), name
    if target in ("all", EVERYTHING):
        return Scope.ALL, EVERYTHING
    return (Scope.QUEUE if "." in target else Scope.PIPELINE), target


def _list() -> None:
    from stagepass.cli.installation import installation
    from stagepass.views.controls import pause_view

    system = installation()
    now = system.engine.clock.now()
    pauses = system.store.pauses()
    if as_json():
        for pause in pauses:
            emit_view(pause_view(pause))
        return
    rows = [(pause.scope.value, pause.name, ago(pause.since, now), pause.actor, pause.why) for pause in pauses]
    table(("scope", "name", "age", "actor", "why"), rows, empty="pause.none")
