"""Start of every single service: end with the supervisor, set up logging, and check settings and services."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stagepass.bootstrap import System


def begin() -> "System":
    """This process's system, with its settings checked. Raises `SettingsError`."""
    from stagepass import preflight
    from stagepass.bootstrap import load_system
    from stagepass.embedded import parent
    from stagepass.engine.model import failpoints

    parent.watch()
    logging.getLogger("stagepass").setLevel(logging.NOTSET)
    system = load_system()
    system.configure_logging()
    failpoints.arm_from_environment()
    preflight.check(system)
    for warning in preflight.warnings(system):
        logging.getLogger("stagepass.settings").warning("%s", warning)
    return system
