"""The work of every side: write down that it begins, and the first time go on until somebody kills it."""

import os
import time
from pathlib import Path

LONGEST = 900.0
"""Seconds after which even a body that nobody killed ends."""


def body(diary: str, key: str) -> None:
    """Append ``key pid seconds`` (of the machine's steady clock) to the diary; the second time, end at once."""
    descriptor = os.open(diary, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{key} {os.getpid()} {time.monotonic():.6f}\n".encode())
    finally:
        os.close(descriptor)
    if Path(diary).read_text().count(f"{key} ") == 1:
        time.sleep(LONGEST)
