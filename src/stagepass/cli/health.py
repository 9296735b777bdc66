"""``stagepass health``: a liveness probe for the worker processes of this machine or container."""

from typing import Annotated

import typer

from stagepass.cli.exits import Exit
from stagepass.cli.output import Json, as_json, emit, note, table
from stagepass.cli.texts import text


def health(
    queue: Annotated[
        list[str] | None, typer.Option("--queue", "-Q", help="Only workers that serve this queue; may be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """Check that the workers on this machine or in this container are alive and take work.

    Reads the status files in the data folder; contacts neither the broker nor the database. Exits with 0
    if all are healthy, 1 if one is silent or stalled, 3 if there is none.

    [bold]Example[/bold]

      stagepass health --queue promo.lyric
    """
    from stagepass.health import Notes
    from stagepass.settings import Settings

    settings = Settings.load()
    silent_after = settings.dead_after_seconds
    found = Notes(settings.folder, silent_after).check(queue or ())
    if as_json():
        for check in found:
            facts = {"pid": check.note.pid, "queues": check.note.queues, "slots": check.note.slots}
            said = {"running": check.note.running, "state": check.state, "well": check.well}
            emit({**facts, **said, "age": round(check.age, 1), "stalled_for": check.note.stalled_for})
    elif found:
        rows = [
            (
                check.note.pid,
                text(f"health.{check.state}", seconds=f"{silent_after:g}"),
                f"{check.note.running}/{check.note.slots}",
                f"{check.age:.0f} s",
                " ".join(check.note.queues),
            )
            for check in found
        ]
        table(("pid", "state", "running", "beat", "queues"), rows, empty="health.none")
    if not found:
        note("health.none", style="yellow", queues=f": {', '.join(queue)}" if queue else "")
        raise typer.Exit(Exit.NOT_FOUND)
    if not all(check.well for check in found):
        raise typer.Exit(Exit.FAILED)
