"""Slow AI work with several stages that always finishes.

A pipeline is declared with `Pipeline`; its stages are functions. Everything an author needs is here.
"""

from stagepass.engine.context import Context
from stagepass.engine.outcomes import Cancel, NotDone, Wait
from stagepass.engine.pipeline import Again, Pipeline, Retry
from stagepass.engine.signature import Settled
from stagepass.engine.values import File
from stagepass.errors import Blocked, InvalidOutput, Permanent, QuotaExhausted, RateLimited, Transient

__all__ = [
    "Again",
    "Blocked",
    "Cancel",
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
    "Transient",
    "Wait",
]
