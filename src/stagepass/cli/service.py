"""Start of every single service: end with the supervisor, and set up logging."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stagepass.bootstrap import System


def begin() -> "System":
    """This process's system, with the database checked. Raises `SettingsError` or `StoreUnavailable`."""
    from stagepass.bootstrap import load_system
    from stagepass.embedded import parent
    from stagepass.engine.model import failpoints

    parent.watch()
    logging.getLogger("stagepass").setLevel(logging.NOTSET)
    system = load_system()
    system.configure_logging()
    failpoints.arm_from_environment()
    return system
