"""The half that runs inside a child: from here on it opens no files, starts no process and has no network.

Everything that it needs must be imported before. Each measure is taken where the system knows it; a system that
refuses one (a container without user namespaces) still has the others.
"""

import contextlib
import ctypes
import os
import resource
import sys

MEMORY = 1024**3
"""Bytes of address space."""

_NEW_NETWORK, _NEW_USER = 0x40000000, 0x10000000
_NO_NEW_PRIVILEGES = 38


def confine(memory: int = MEMORY) -> None:
    """Give up the network, new files, new descriptors, new processes and most memory."""
    _leave_the_network()
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),  # those that are open stay; no file and no socket can be opened
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def allow_seconds(seconds: int) -> None:
    """Make the system end this process after this much more CPU time, in case its parent is gone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds + 1
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _leave_the_network() -> None:
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        system = ctypes.CDLL(None, use_errno=True)
        system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        system.unshare(_NEW_NETWORK if os.geteuid() == 0 else _NEW_USER | _NEW_NETWORK)
