"""What happens to a job next: every move, in one place. Works on a `Book`; the caller saves it."""

from stagepass.engine.rules.again import decide, discard, resume, retry_stage, signal
from stagepass.engine.rules.attempts import (
    claim,
    complete,
    describe,
    fail,
    hold,
    park,
    promote,
    release,
    rescue,
    time_left,
    wait,
)
from stagepass.engine.rules.graph import accept, advance, start
from stagepass.engine.rules.stopping import cancel, cancelled

__all__ = [
    "accept",
    "advance",
    "cancel",
    "cancelled",
    "claim",
    "complete",
    "decide",
    "describe",
    "discard",
    "fail",
    "hold",
    "park",
    "promote",
    "release",
    "rescue",
    "resume",
    "retry_stage",
    "signal",
    "start",
    "time_left",
    "wait",
]
