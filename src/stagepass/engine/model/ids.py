"""Ids that sort by the time they were made (UUID version 7, RFC 9562), so new rows land at the end of an index."""

import os
import secrets
import time
from uuid import UUID


def new_id(at: int | None = None) -> str:
    """A UUIDv7 as text: 48 bits of milliseconds (`at`, or this machine's time), then random bits."""
    stamp = time.time_ns() // 1_000_000 if at is None else at
    tail = int.from_bytes(os.urandom(10), "big")
    value = (stamp & (1 << 48) - 1) << 80 | tail
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=value))


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
