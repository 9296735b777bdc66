"""``stagepass health``: a liveness probe for the processes of this machine or container."""

from typing import TYPE_CHECKING, Annotated

import typer

from stagepass.cli.exits import Exit
from stagepass.cli.output import Json, as_json, emit, note, spoken, table
from stagepass.cli.texts import text
from stagepass.sentences import sentence

if TYPE_CHECKING:
    from stagepass.health import Check
    from stagepass.settings import Settings

ROLES = ("worker", "relay", "api")

PATIENCE = 5.0
"""Seconds within which the API has to answer."""


def health(
    queue: Annotated[
        list[str] | None, typer.Option("--queue", "-Q", help="Only workers that serve this queue; may be repeated.")
    ] = None,
    role: Annotated[
        str, typer.Option("--role", metavar="worker|relay|api", help="What to check on this machine.")
    ] = "worker",
    json: Json = False,
) -> None:
    """Check that the workers on this machine or in this container are alive and take work.

    Reads the status files in the data folder; contacts neither the broker nor the database. Exits with 0
    if all are healthy, 1 if one is silent or stalled, 3 if there is none. With --role relay it checks the
    relay in the same way; with --role api it asks the API at HOST and PORT.

    [bold]Examples[/bold]

      stagepass health --queue promo.lyric

      stagepass health --role api
    """
    from stagepass.settings import Settings

    if role not in ROLES:
        raise typer.BadParameter(
            sentence("{value} is not one of: {values}", value=f"{role!r}", values=", ".join(ROLES)),
            param_hint="--role",
        )
    settings = Settings.load()
    if role == "api":
        _ask_api(settings)
        return
    from stagepass.health import Notes

    found = Notes(settings.folder, settings.dead_after_seconds).check(queue or (), role)
    _show(found, settings)
    if not found:
        if role == "relay":
            note("health.no_relay", style="yellow")
        else:
            note("health.none", style="yellow", queues=f": {', '.join(queue)}" if queue else "")
        raise typer.Exit(Exit.NOT_FOUND)
    if not all(check.well for check in found):
        raise typer.Exit(Exit.FAILED)


def _show(found: "list[Check]", settings: "Settings") -> None:
    if as_json():
        for check in found:
            facts = {"pid": check.note.pid, "queues": check.note.queues, "slots": check.note.slots}
            said = {"running": check.note.running, "state": check.state, "well": check.well}
            emit({**facts, **said, "age": round(check.age, 1), "stalled_for": check.note.stalled_for})
    elif found:
        rows = [
            (
                check.note.pid,
                text(f"health.{check.state}", span=spoken(settings.dead_after_seconds)),
                f"{check.note.running}/{check.note.slots}",
                f"{check.age:.0f} s",
                " ".join(check.note.queues),
            )
            for check in found
        ]
        table(("pid", "state", "running", "beat", "queues"), rows, empty="health.none")


def _ask_api(settings: "Settings") -> None:
    """Ask whether the API's event loop answers; not whether its services do, which a restart would not mend."""
    import http.client

    from stagepass.cli import port as ports

    host = ports.reachable(settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=PATIENCE)
    try:
        connection.request("GET", "/health/live", headers={"Host": "localhost"})
        status = connection.getresponse().status
    except ConnectionRefusedError:
        note("health.no_api", style="yellow", host=host, port=settings.port)
        raise typer.Exit(Exit.NOT_FOUND) from None
    except OSError:
        status = 0
    finally:
        connection.close()
    well = status == 200
    if as_json():
        emit({"role": "api", "status": status, "well": well})
    else:
        code = "health.api_well" if well else "health.api_silent"
        note(code, style="green" if well else "red", host=host, port=settings.port, span=spoken(PATIENCE))
    if not well:
        raise typer.Exit(Exit.FAILED)
