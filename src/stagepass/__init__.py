"""Multi-stage AI jobs that survive crashes, restarts and vendor outages.

A pipeline is declared with `Pipeline`; its stages are functions. This module has everything an author needs.
Names are imported on first use, so that the command line and the supervisor, which need none of them, start fast
and stay small.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stagepass.declare.parameter import Settled
    from stagepass.declare.pipeline import Pipeline
    from stagepass.declare.retry import Again, Retry
    from stagepass.declare.values import File
    from stagepass.engine.execute.context import Context
    from stagepass.engine.model.outcomes import Cancel, NotDone, Wait
    from stagepass.errors import (
        Blocked,
        ChildFailed,
        InvalidOutput,
        Permanent,
        QuotaExhausted,
        RateLimited,
        TaskFailed,
        TimedOut,
        Transient,
    )

__all__ = [
    "Again",
    "Blocked",
    "Cancel",
    "ChildFailed",
    "Context",
    "File",
    "InvalidOutput",
    "NotDone",
    "Permanent",
    "Pipeline",
    "QuotaExhausted",
    "RateLimited",
    "Retry",
    "Settled",
    "TaskFailed",
    "TimedOut",
    "Transient",
    "Wait",
]

_HOMES = {
    "engine.execute.context": ("Context",),
    "engine.model.outcomes": ("Cancel", "NotDone", "Wait"),
    "declare.pipeline": ("Pipeline",),
    "declare.retry": ("Again", "Retry"),
    "declare.parameter": ("Settled",),
    "declare.values": ("File",),
    "errors": (
        "Blocked",
        "ChildFailed",
        "InvalidOutput",
        "Permanent",
        "QuotaExhausted",
        "RateLimited",
        "TaskFailed",
        "TimedOut",
        "Transient",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
