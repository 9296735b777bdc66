"""Finds pipelines: in this package, in installed packages, in ``./pipelines`` and where `PIPELINES` points.

A pipeline is a folder with a `pipeline.py`; importing that makes one or more `Pipeline` objects.
"""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import stagepass.pipelines
from stagepass.declare.pipeline import Pipeline
from stagepass.declare.registry import Registry
from stagepass.errors import SettingsError
from stagepass.pipelines.time_limits import set_time_limits
from stagepass.sentences import sentence

ENTRY_POINTS = "stagepass.pipelines"


def discover(more: tuple[str, ...] = (), time_limits: str = "", *, cwd: Path | None = None) -> Registry:
    """A registry of every pipeline that can be found.

    Args:
        more: names of modules, or folders of pipeline folders.
        time_limits: those that this installation gives its stages; see `set_time_limits`.

    Raises:
        DeclarationError: one of them is declared wrongly. SettingsError: `more` or `time_limits` names something
            that is not there.
    """
    registry = Registry()
    seen: set[int] = set()
    for module in _modules(more, cwd or Path.cwd()):
        for value in vars(module).values():
            if isinstance(value, Pipeline) and id(value) not in seen:
                seen.add(id(value))
                registry.add(value)
    set_time_limits(registry, time_limits)
    return registry


def _modules(more: tuple[str, ...], cwd: Path) -> Iterator[ModuleType]:
    package = stagepass.pipelines
    for found in pkgutil.iter_modules(package.__path__):
        if found.ispkg and importlib.util.find_spec(f"{package.__name__}.{found.name}.pipeline"):
            yield importlib.import_module(f"{package.__name__}.{found.name}.pipeline")
    for entry in entry_points(group=ENTRY_POINTS):
        yield importlib.import_module(entry.value.partition(":")[0])
    folders = [cwd / "pipelines"]
    for name in more:
        if "/" in name or Path(name).is_dir():
            if not Path(name).is_dir():
                raise SettingsError(sentence("PIPELINES: there is no folder {name}", name=f"{name!r}"))
            if (Path(name) / "pipeline.py").is_file():
                raise SettingsError(
                    sentence(
                        "PIPELINES: {name} is a pipeline's own folder; name the folder that holds it: {parent}",
                        name=f"{name!r}",
                        parent=Path(name).resolve().parent,
                    )
                )
            folders.append(Path(name).resolve())
        else:
            yield _imported(name)
    for folder in dict.fromkeys(folders):
        if folder.is_dir() and folder != Path(package.__path__[0]).resolve():
            yield from _in_folder(folder)


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name and name.startswith(problem.name):
            raise SettingsError(
                sentence("PIPELINES: there is no module {name}; check the name and PYTHONPATH", name=f"{name!r}")
            ) from None
        raise


def _refuse_taken_name(folder: Path) -> None:
    """The folder's name is the name of its modules: another module of that name would be found first."""
    taken = folder.name in sys.stdlib_module_names or folder.name in sys.builtin_module_names
    known = sys.modules.get(folder.name)
    # a folder without a file of its own is found in several places, and so may this one be
    if taken or getattr(known, "__file__", None) is not None:
        raise SettingsError(
            sentence(
                "PIPELINES: the folder {folder} has the name of an installed module; rename it",
                folder=repr(str(folder)),
            )
        )


def _in_folder(folder: Path) -> Iterator[ModuleType]:
    """Each ``<name>/pipeline.py`` below `folder`, imported as ``<folder>.<name>.pipeline``."""
    found = sorted(path for path in folder.glob("*/pipeline.py") if not path.parent.name.startswith((".", "_")))
    if not found:
        return
    _refuse_taken_name(folder)
    root = str(folder.parent)
    if root not in sys.path:
        sys.path.insert(0, root)
    for path in found:
        yield importlib.import_module(f"{folder.name}.{path.parent.name}.pipeline")
