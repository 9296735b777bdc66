"""``stagepass schedules``: list, pause and resume schedules."""

from typing import Annotated

import typer

from stagepass.cli.output import Json, as_json, emit_view, note, table, when

group = typer.Typer(help="List, pause and resume schedules.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule, as printed by `schedules list`.")]


@group.command("list")
def list_(json: Json = False) -> None:
    """List all schedules with their next run."""
    from stagepass.cli.installation import installation
    from stagepass.views.schedules import schedule_view

    shown = [schedule_view(*pair) for pair in installation().scheduler.rows().values()]
    if as_json():
        for view in shown:
            emit_view(view)
        return
    rows = [
        (one.name, one.cron, one.zone, "-" if one.paused else f"{one.next_at:%Y-%m-%d %H:%M:%SZ}", one.last_job)
        for one in shown
    ]
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
    from stagepass.views.schedules import schedule_view

    scheduler = installation().scheduler
    row = scheduler.pause(name, paused)
    if as_json():
        emit_view(schedule_view(*scheduler.rows()[name]))
    else:
        note("schedules.paused" if paused else "schedules.resumed", style="green", name=name, next=when(row.next_at))
