"""Exit codes, and the mapping from errors."""

from enum import IntEnum

from stagepass.errors import (
    Conflict,
    NotFound,
    RequestError,
    SettingsError,
    StagepassError,
    StoreUnavailable,
    Unavailable,
    ValueRefused,
)


class Exit(IntEnum):
    """Exit code of a command."""

    OK = 0
    FAILED = 1
    """The job failed or was cancelled; or a check found something."""
    USAGE = 2
    """The command, the input or a setting is wrong."""
    NOT_FOUND = 3
    CONFLICT = 4
    """It exists, and its state does not allow this: a finished job, a port or a folder in use."""
    UNAVAILABLE = 5
    """A service that this needs does not answer."""
    HELD = 6
    """The job waits for a person."""
    INTERRUPTED = 130
    """Ctrl-C."""


EPILOG = (
    "Exit codes: 0 success · 1 the job failed or was cancelled · 2 wrong usage, input or setting · 3 not found · "
    "4 conflict (also: port or folder in use) · 5 a service is not responding · 6 the job needs a decision"
)


def exit_of(error: StagepassError) -> Exit:
    """The exit code for an error that ends a command."""
    match error:
        case NotFound():
            return Exit.NOT_FOUND
        case Conflict():
            return Exit.CONFLICT
        case StoreUnavailable() | Unavailable():
            return Exit.UNAVAILABLE
        case RequestError() | SettingsError() | ValueRefused():
            return Exit.USAGE
        case _:
            return Exit.FAILED
