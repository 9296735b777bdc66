"""``stagepass deploy``: deployment files made from the pipelines, and checked against them."""

from pathlib import Path
from typing import Annotated

import typer

from stagepass.cli.exits import Exit
from stagepass.cli.output import Json, as_json, emit, err, note
from stagepass.sentences import sentence

EVERYTHING = "all"
CONFIG = "deploy.toml"


def deploy(
    formats: Annotated[
        list[str],
        typer.Argument(
            metavar="FORMAT...",
            help="dockerfile, compose, kubernetes, systemd, supervisor, nginx, procfile, env, observe; or all.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("deploy"),
    config: Annotated[
        Path | None, typer.Option("--config", help="Default: deploy.toml here, or in the folder of --out.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a file differs, and show how.")
    ] = False,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A value of deploy.toml, such as replicas.api=3. Repeatable."),
    ] = None,
    json: Json = False,
) -> None:
    """Write deployment files that match the pipelines: roles, queues, slots, secrets, limits, stop times.

    deploy.toml holds what the code cannot know, such as the image and the host name. The same input gives the same
    bytes. Each role is given only the settings that it reads and only its own secrets.

    [bold]Examples[/bold]

      stagepass deploy compose

      stagepass deploy kubernetes --set image=registry.example.com/acme/stagepass:1.4 --set replicas.api=3

      stagepass deploy all --check
    """
    from stagepass.bootstrap import load_system
    from stagepass.deploy import description, roles, tree

    chosen = _chosen(formats, list(tree.FORMATS))
    found = description.load(_config(config, out), given or ())
    system = load_system()
    wanted = tree.contents(roles.installation(system.registry, found), chosen)
    changes = (tree.compare if check else tree.write)(out, wanted, chosen)
    if as_json():
        emit({"files": sorted(wanted), "changes": [{"path": c.path, "kind": c.kind, "diff": c.diff} for c in changes]})
    else:
        for change in changes:
            note(f"deploy.{'check' if check else 'write'}.{change.kind.replace(' ', '_')}", path=str(out / change.path))
            if check and change.diff:
                err().print(change.diff, markup=False, end="")
        style = "yellow" if check and changes else "green"
        note("deploy.same" if not changes else "deploy.count", style=style, count=len(changes), all=len(wanted))
    if check and changes:
        raise typer.Exit(Exit.FAILED)


def _chosen(formats: list[str], known: list[str]) -> list[str]:
    if EVERYTHING in formats:
        return known
    if wrong := next((name for name in formats if name not in known), None):
        raise typer.BadParameter(
            sentence("{value} is not one of: {values}", value=f"{wrong!r}", values=", ".join([*known, EVERYTHING])),
            param_hint="FORMAT",
        )
    return list(dict.fromkeys(formats))


def _config(given: Path | None, out: Path) -> Path | None:
    if given is not None:
        return given
    return next((path for path in (Path(CONFIG), out / CONFIG) if path.is_file()), None)
