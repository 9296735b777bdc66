"""Ids that sort by the time they were made (UUID version 7, RFC 9562), so new rows land at the end of an index."""

import os
import secrets
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = (0, 0)
"""The last id's milliseconds and number within them."""

_MOST = 0xFFF
"""What the twelve bits after the version hold."""


def _renew() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # a thread of the parent's may have held it
    os.register_at_fork(after_in_child=_renew)


def new_id(at: int | None = None) -> str:
    """A UUIDv7 as text: 48 bits of milliseconds (`at`, or this machine's time), a number, then random bits.

    The number counts the ids of one millisecond (RFC 9562, section 6.2, method 1), so that those of one process sort
    in the order in which they were made. It begins low enough to be counted up two thousand times.
    """
    global _last
    stamp = time.time_ns() // 1_000_000 if at is None else at
    tail = int.from_bytes(os.urandom(10), "big")
    with _lock:
        before, number = _last
        number = min(number + 1, _MOST) if before == stamp else (tail >> 68) & 0x7FF
        _last = stamp, number
    value = (stamp & (1 << 48) - 1) << 80 | 0x7 << 76 | number << 64 | 0x2 << 62 | tail & (1 << 62) - 1
    return str(UUID(int=value))


def first_id(at: int) -> str:
    """The smallest id that can be made at that time, in milliseconds since the epoch."""
    return str(UUID(int=(max(0, at) & (1 << 48) - 1) << 80 | 0x7 << 76 | 0x2 << 62))


def new_token() -> str:
    """A lease's token: unique, and impossible to guess."""
    return secrets.token_hex(12)


def run_id(job_id: str, stage: str, item: int | None = None) -> str:
    """The id of a stage run. It says which one it is, so a job cannot hold the same one twice."""
    return f"{job_id}.{stage}" if item is None else f"{job_id}.{stage}.{item}"


def stage_of(run_id: str) -> str:
    """The stage of a stage run."""
    return run_id.split(".")[1]


def job_of(run_id: str) -> str:
    """The job that a stage run belongs to."""
    return run_id.partition(".")[0]
