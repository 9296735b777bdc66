"""``stagepass new``: the folder of a pipeline that works, to be changed into one's own."""

import keyword
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from stagepass.cli.output import Json, as_json, emit, note
from stagepass.errors import Conflict, InvalidInput
from stagepass.sentences import sentence

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")
_TAKEN = {"pipelines", "pipeline", "stagepass", "test", "tests"}


def new(
    name: Annotated[str, typer.Argument(help="Name of the pipeline: lower-case letters, digits and _.")],
    json: Json = False,
) -> None:
    """Create a pipeline: a folder in ./pipelines with a three-stage example, a test and a README.

    API, CLI and workers discover it; nothing else has to change.

    [bold]Example[/bold]

      stagepass new hello && stagepass up
    """
    if not _NAME.match(name) or keyword.iskeyword(name) or name in _TAKEN:
        raise InvalidInput(
            sentence(
                "{name} is not a valid pipeline name; use lower-case letters, digits and _, starting with a letter",
                name=f"{name!r}",
            ),
            field="name",
        )
    folder = Path("pipelines") / name
    if folder.exists():
        raise Conflict(sentence("{folder} already exists; choose another name or remove it first", folder=folder))
    _refuse_known(name)
    os.umask(0o022)  # a project of theirs, to be shared
    folder.mkdir(parents=True)
    made = []
    template = files("stagepass.cli") / "template"
    for entry in sorted(template.iterdir(), key=lambda entry: entry.name):
        target = folder / entry.name.removesuffix(".txt").replace("NAME", name)
        target.write_text(entry.read_text("utf-8").replace("NAME", name), "utf-8")
        made.append(str(target))
    if as_json():
        emit({"name": name, "folder": str(folder), "files": made})
        return
    note("new.made", style="green", folder=str(folder))
    note("new.test", folder=str(folder))
    note("new.next", name=name)


def _refuse_known(name: str) -> None:
    """Two pipelines of one name would keep everything from starting."""
    from stagepass.pipelines.discover import discover
    from stagepass.settings import Settings

    if any(pipeline.name == name for pipeline in discover(Settings.load().pipelines)):
        raise Conflict(sentence("the pipeline {name} already exists; choose another name", name=f"{name!r}"))
