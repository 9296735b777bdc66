"""What happens to a job next: every move, in one place. Works on a `Book`; the caller saves it."""

from stagepass.engine.rules.again import decide, discard, is_stopped, redrive, resume, retry_stage, signal
from stagepass.engine.rules.answers import answer, wake_now
from stagepass.engine.rules.attempts import (
    claim,
    complete,
    describe,
    fail,
    fetch,
    hold,
    park,
    promote,
    release,
    rescue,
    time_left,
    wait,
    wake,
)
from stagepass.engine.rules.graph import accept, advance, start
from stagepass.engine.rules.settling import settle
from stagepass.engine.rules.stopping import cancel, cancelled

__all__ = [
    "accept",
    "advance",
    "answer",
    "cancel",
    "cancelled",
    "claim",
    "complete",
    "decide",
    "describe",
    "discard",
    "fail",
    "fetch",
    "hold",
    "is_stopped",
    "park",
    "promote",
    "redrive",
    "release",
    "rescue",
    "resume",
    "retry_stage",
    "settle",
    "signal",
    "start",
    "time_left",
    "wait",
    "wake",
    "wake_now",
]
