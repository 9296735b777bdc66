"""``stagepass schedules``: list, pause and resume schedules."""

from typing import Annotated

import typer

from stagepass.cli.output import Json, as_json, emit, note, table, when

group = typer.Typer(help="List, pause and resume schedules.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule, as printed by `schedules list`.")]


@group.command("list")
def list_(json: Json = False) -> None:
    """List all schedules with their next run."""
    from stagepass.cli.installation import installation

    found = installation().scheduler.rows().values()
    shapes = [
        {
            "name": schedule.name,
            "pipeline": schedule.pipeline,
            "cron": schedule.cron,
            "zone": schedule.zone,
            "owner": schedule.owner,
            "missed": schedule.missed,
            "paused": row.paused,
            "next_at": when(row.next_at),
            "last_at": when(row.last_at),
            "last_job": row.last_job,
        }
        for schedule, row in found
    ]
    if as_json():
        for shape in shapes:
            emit(shape)
        return
    rows = [(s["name"], s["cron"], s["zone"], "-" if s["paused"] else s["next_at"], s["last_job"]) for s in shapes]
    table(("schedule", "cron", "zone", "next", "last_job"), rows, empty="schedules.none")


@group.command()
def pause(name: Name, json: Json = False) -> None:
    """Pause a schedule: it submits nothing until resumed."""
    _set(name, paused=True)


@group.command()
def resume(name: Name, json: Json = False) -> None:
    """Resume a schedule from its next due time; runs missed while paused are skipped."""
    _set(name, paused=False)


def _set(name: str, *, paused: bool) -> None:
    from stagepass.cli.installation import installation

    row = installation().scheduler.pause(name, paused)
    if as_json():
        emit({"name": name, "paused": row.paused, "next_at": when(row.next_at)})
    else:
        note("schedules.paused" if paused else "schedules.resumed", style="green", name=name, next=when(row.next_at))
