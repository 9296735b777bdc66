"""How many files and sockets this process may have open, and how near it is to that."""

import os
from contextlib import suppress

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

ENOUGH = 65_536
RESERVE = 64
"""Descriptors for everything that is no client: database, broker, Redis, files, logs."""


def limit() -> int:
    """How many this process may have."""
    return ENOUGH if resource is None else min(ENOUGH, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def raise_limit() -> int:
    """Take as many as the system lets this process have. Returns how many."""
    if resource is not None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return limit()


def streams() -> int:
    """How many clients may hold a stream open at once: each has a descriptor, and others need some."""
    return max(8, (limit() - RESERVE) * 3 // 4)


def connections() -> int:
    """How many connections are served at once; one more is answered 503."""
    return max(16, limit() - RESERVE * 3 // 4)


def are_left() -> bool:
    """Whether a file can be opened now."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    return True
