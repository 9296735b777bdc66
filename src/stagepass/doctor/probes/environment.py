"""The environment and ``.env``: names, lines, and who may read the file."""

import os
import subprocess
from pathlib import Path

from dotenv import dotenv_values

from stagepass.doctor.facts import EnvironmentFacts
from stagepass.doctor.manifests.variables import read_lines
from stagepass.doctor.sources import Sources
from stagepass.providers import registry
from stagepass.settings import Settings


def look(sources: Sources) -> EnvironmentFacts:
    """Look at the environment of this process, and at ``.env`` beside it."""
    return of_file(Path(".env"), known_names(sources))


def of_file(file: Path, known: frozenset[str], problem: str = "") -> EnvironmentFacts:
    """The same, for an ``.env`` that is named."""
    if not file.is_file():
        return EnvironmentFacts(names=frozenset(os.environ), known=known, problem=problem)
    values = dotenv_values(file)
    return EnvironmentFacts(
        file=str(file),
        lines=read_lines(file.read_text("utf-8", "replace")),
        names=frozenset(os.environ),
        mode=file.stat().st_mode & 0o777,
        tracked=_tracked(file),
        known=known,
        problem=problem,
        conflicts=[name for name, value in values.items() if name in known and os.environ.get(name, value) != value],
    )


def known_names(sources: Sources | None) -> frozenset[str]:
    """Every name that Stagepass, a port or a provider reads."""
    names = {name.upper() for name in Settings.model_fields} | registry.settings() | {"DEAF_AFTER_SECONDS"}
    if sources is not None:
        for stage in sources.registry.stages():
            names |= {f"{stage.pipeline}_{stage.name}_{setting}".upper() for setting in registry.port_settings()}
    return frozenset(names)


def _tracked(file: Path) -> bool:
    try:
        asked = subprocess.run(
            ["git", "ls-files", "--error-unmatch", file.name],
            cwd=file.resolve().parent,
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            capture_output=True,
            timeout=2,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return asked.returncode == 0
