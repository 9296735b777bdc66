"""Named places at which a test can make a process die, fail or wait.

Every boundary between two commits, and around each, has a name in `NAMES`. Off, one costs a look at
a dictionary. `STAGEPASS_FAILPOINT="settle.before_commit=kill@2"` kills this process by SIGKILL the
second time it comes by; `=error` raises `InjectedFailure` there.
"""

import os
import signal
import threading
from collections.abc import Callable, Sequence

from stagepass.errors import Transient

NAMES = (
    "submit.before_commit",
    "submit.after_commit",
    "bell.before_send",
    "bell.after_send",
    "claim.before_commit",
    "claim.after_commit",
    "body.before",
    "once.before_intent",
    "once.after_intent",
    "once.after_call",
    "once.after_record",
    "call.before_record",
    "call.after_record",
    "body.after",
    "settle.before_commit",
    "settle.after_commit",
    "relay.before_promote",
    "relay.after_promote",
    "relay.before_rescue",
    "relay.before_commit",
    "relay.after_commit",
    "relay.after_rescue",
    "relay.before_ring",
    "bulk.before_commit",
    "bulk.after_commit",
)


class InjectedFailure(Transient):
    """Raised by a failpoint that a test armed."""

    code = "injected"


_armed: dict[str, Callable[[], None]] = {}


def hit(name: str) -> None:
    """Come by the failpoint `name`; does nothing unless a test armed it."""
    action = _armed.get(name)
    if action is not None:
        action()


def arm(name: str | Sequence[str], action: str | Callable[[], None] = "kill", *, at: int = 1) -> None:
    """Arm a failpoint: ``"kill"``, ``"error"`` or a function, when it is come by for the `at`-th time.

    Several are armed as one: they count together.
    """
    names = [name] if isinstance(name, str) else list(name)
    for name in names:
        if name not in NAMES:
            raise ValueError(f"there is no failpoint {name!r}; there are: {', '.join(NAMES)}")
    do = {"kill": _kill, "error": _error}[action] if isinstance(action, str) else action
    count, lock = [0], threading.Lock()

    def once() -> None:
        with lock:
            count[0] += 1
            due = count[0] == at
        if due:
            do()

    _armed.update(dict.fromkeys(names, once))


def disarm() -> None:
    """Take all failpoints off."""
    _armed.clear()


def arm_from_environment() -> None:
    """Arm what ``STAGEPASS_FAILPOINT`` names: ``name=action@count``, separated by commas."""
    for part in filter(None, os.environ.get("STAGEPASS_FAILPOINT", "").split(",")):
        name, _, rest = part.strip().partition("=")
        action, _, at = rest.partition("@")
        arm(name, action or "kill", at=int(at or 1))


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _error() -> None:
    raise InjectedFailure("a failpoint fired")
