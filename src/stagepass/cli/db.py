"""``stagepass db``: the schema of the database."""

import typer

from stagepass.cli.exits import Exit
from stagepass.cli.output import Json, as_json, emit, err, note

group = typer.Typer(help="Upgrade or check the database schema.", no_args_is_help=True)


@group.command()
def upgrade(json: Json = False) -> None:
    """Upgrade the database schema to this version.

    Safe to run repeatedly and from several machines at once. `stagepass up` does it at start.

    [bold]Example[/bold]

      DATABASE_URL=postgresql://me@db/stagepass stagepass db upgrade
    """
    from stagepass.bootstrap import load_system
    from stagepass.store import migrate

    system = load_system()
    url = system.settings.database
    before = migrate.current(url)
    system.prepare_database()
    after = migrate.current(url)
    if as_json():
        emit({"before": before, "after": after, "changed": before != after})
    else:
        note("db.upgraded" if before != after else "db.current", style="green", revision=after)


@group.command()
def check(json: Json = False) -> None:
    """Compare the schema with what this version needs; exits with 1 if they differ."""
    from stagepass.settings import Settings
    from stagepass.store import migrate

    problems = migrate.check(Settings.load().database)
    if as_json():
        emit({"ok": not problems, "revision": migrate.head(), "problems": problems})
    elif problems:
        for problem in problems:
            err().print(problem, style="yellow", markup=False)
    else:
        note("db.ok", style="green", revision=migrate.head())
    if problems:
        raise typer.Exit(Exit.FAILED)
