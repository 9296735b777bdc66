"""Writes the files of a format, and tells how those on disk differ from what would be written."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stagepass.deploy import (
    compose,
    dockerfile,
    environment,
    kubernetes,
    nginx,
    observability,
    procfile,
    supervisor,
    systemd,
)
from stagepass.deploy.roles import Installation
from stagepass.errors import SettingsError
from stagepass.sentences import sentence

FORMATS: Mapping[str, Callable[[Installation], dict[str, str]]] = {
    "dockerfile": dockerfile.files,
    "compose": compose.files,
    "kubernetes": kubernetes.files,
    "systemd": systemd.files,
    "supervisor": supervisor.files,
    "nginx": nginx.files,
    "procfile": procfile.files,
    "env": environment.files,
    "observe": observability.files,
}

_OWN = "made by `stagepass deploy"


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not what would be written.

    Attributes:
        kind: `missing`, `changed`, or `left over`: made by an earlier run, and no longer wanted.
        diff: unified, from what is there to what would be written.
    """

    path: str
    kind: str
    diff: str = ""


def contents(made: Installation, formats: list[str]) -> dict[str, str]:
    """Every file of these formats, by path below the folder."""
    return {path: text for name in formats for path, text in FORMATS[name](made).items()}


def compare(folder: Path, wanted: Mapping[str, str], formats: list[str]) -> list[Difference]:
    """How the folder differs from what would be written."""
    found = []
    for path, text in sorted(wanted.items()):
        there = _read(folder / path)
        if there is None:
            found.append(Difference(path, "missing"))
        elif there != text:
            lines = difflib.unified_diff(
                there.splitlines(True), text.splitlines(True), f"{path} (there)", f"{path} (wanted)", n=2
            )
            found.append(Difference(path, "changed", "".join(lines)))
    return found + [Difference(path, "left over") for path in _left_over(folder, wanted, formats)]


def write(folder: Path, wanted: Mapping[str, str], formats: list[str]) -> list[Difference]:
    """Write what differs, and remove what an earlier run left over. Raises `SettingsError`."""
    changes = compare(folder, wanted, formats)
    try:
        for change in changes:
            path = folder / change.path
            if change.kind == "left over":
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[change.path], "utf-8")
    except OSError as error:
        raise SettingsError(
            sentence("{path} cannot be written: {error}", path=folder, error=error.strerror or str(error))
        ) from None
    return changes


def _left_over(folder: Path, wanted: Mapping[str, str], formats: list[str]) -> list[str]:
    """Files that say that this format made them, and that it would not make now."""
    marks = tuple(f"{_OWN} {name}`" for name in formats)
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name in wanted or not path.is_file() or path.is_symlink():
            continue
        first = (_read(path) or "").partition("\n")[0]
        if any(mark in first for mark in marks):
            found.append(name)
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
