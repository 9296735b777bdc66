"""The installation that a command acts on. It must exist; commands never create one implicitly."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from stagepass.sentences import sentence

if TYPE_CHECKING:
    from stagepass.bootstrap import System
    from stagepass.engine.model.actors import Actor


def installation() -> "System":
    """This process's system. Raises `SettingsError` where there is none, or its database is not ready for us."""
    from stagepass.bootstrap import load_system
    from stagepass.engine.model.actors import set_actor
    from stagepass.errors import SettingsError
    from stagepass.settings import Settings
    from stagepass.store import migrate

    settings = Settings.load()
    folder = settings.data_dir.expanduser().resolve()
    if not settings.database_url and not (folder / "stagepass.db").exists():
        raise SettingsError(
            sentence(
                "there is no Stagepass data in {folder}; start one with `stagepass up`, or set DATA_DIR (the "
                "folder given to `up --data`) or DATABASE_URL",
                folder=shown(folder),
            )
        )
    migrate.require(settings.database)
    system = load_system(settings)
    set_actor(_operator())  # whatever the command changes is recorded under this name
    system.engine.clock.refresh()  # use the database's clock, like the stored times
    return system


def _operator() -> "Actor":
    """The person at this terminal."""
    import getpass
    import socket

    from stagepass.engine.model.actors import Actor, Role

    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # an id without a name, as in a container
        name = f"uid {os.getuid()}"
    return Actor(name[:200], Role.OPERATOR, f"cli {socket.gethostname()}"[:200])


def shown(folder: Path) -> str:
    """A folder as short as it can be typed here."""
    here = Path.cwd()
    return f"./{folder.relative_to(here)}" if folder.is_relative_to(here) else str(folder)
