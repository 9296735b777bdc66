"""Gathers what ``stagepass doctor`` reports: live, or from manifests, with settings that may be wrong themselves."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from stagepass.sentences import sentence

if TYPE_CHECKING:
    from stagepass.bootstrap import System
    from stagepass.doctor.check import Report
    from stagepass.doctor.facts import Facts


def live_report(*, reach: bool, providers: bool) -> "Report":
    """Look at the installation of these settings.

    Args:
        reach: contact services; otherwise only the code and the settings are read.
        providers: also ask each provider whether it takes the key.
    """
    from stagepass.doctor.check import examine
    from stagepass.doctor.gather import live, without_services
    from stagepass.errors import SettingsError

    try:
        system = _system(must_exist=reach)
    except SettingsError as problem:
        return examine(_unreadable(str(problem.args[0])))
    if not reach:
        with _no_trace(system):
            return examine(without_services(system.sources, int(time.time() * 1000)))
    return examine(live(system.sources, _now(system), providers=providers))


def manifest_report(paths: Sequence[Path], *, reach: bool) -> "Report":
    """Look at deployment files; with a database in reach, also at what a deploy of this code would park."""
    from stagepass.doctor.check import examine
    from stagepass.doctor.facts import Facts
    from stagepass.doctor.gather import for_manifests
    from stagepass.doctor.manifests.read import read_manifests
    from stagepass.errors import NotFound, SettingsError

    if missing := [path for path in paths if not path.exists()]:
        raise NotFound(sentence("there is no file or folder {path}", path=missing[0]))
    deployment = read_manifests(paths)
    now = int(time.time() * 1000)
    try:
        system = _system(must_exist=False)
    except SettingsError as problem:
        return examine(_unreadable(str(problem.args[0])), manifests=True)
    with _no_trace(system):
        facts: Facts = for_manifests(system.sources, now, deployment, reach=reach)
        return examine(facts, manifests=True)


@contextmanager
def _no_trace(system: "System") -> Iterator[None]:
    """The parts of a system make its data folder when they are made: take it away again if it was not there."""
    folder = system.settings.data_dir.expanduser().resolve()
    there = folder.exists()
    try:
        yield
    finally:
        if not there:
            with suppress(OSError):  # not empty: another process uses it by now
                folder.rmdir()


def _system(*, must_exist: bool) -> "System":
    """This process's system; nothing is created for a look."""
    from stagepass.bootstrap import load_system
    from stagepass.cli.installation import shown
    from stagepass.errors import SettingsError
    from stagepass.settings import Settings

    settings = Settings.load()
    folder = settings.data_dir.expanduser().resolve()
    if must_exist and not settings.database_url and not (folder / "stagepass.db").exists():
        raise SettingsError(
            sentence(
                "there is no Stagepass data in {folder}; start one with `stagepass up`, or set DATA_DIR (the "
                "folder given to `up --data`) or DATABASE_URL",
                folder=shown(folder),
            )
        )
    return load_system(settings)


def _now(system: "System") -> int:
    """The database's time, or this machine's where it does not answer."""
    from stagepass.errors import StagepassError

    try:
        system.engine.clock.refresh()
    except StagepassError:
        return int(time.time() * 1000)
    return system.engine.clock.now()


def _unreadable(problem: str) -> "Facts":
    """All that is known if the settings cannot be read."""
    from stagepass.doctor.facts import Facts
    from stagepass.doctor.probes.environment import known_names, of_file

    environment = of_file(Path(".env"), known_names(None), problem)
    return Facts(int(time.time() * 1000), {"environment": environment})
