"""Nothing outlives `stagepass up`: how its children end when it is gone, a ``kill -9`` included.

The supervisor holds the only write end of one pipe, and every child inherits a read end, so its end
of file means "the supervisor is no more". Each child is started through this file, run as a script
(standard library only, about 20 ms), which lays three nets and then becomes the child's program:

* ``PR_SET_PDEATHSIG`` (Linux): the kernel itself sends SIGTERM, also while a program still loads.
* the guardian: a ``/bin/sh`` in the child's process group that blocks on the pipe; at its end it
  sends SIGTERM to the child, and after `ORPHAN_GRACE` SIGKILL to the whole group. It serves programs
  that cannot watch (the Redis server), and reaches grandchildren (pool processes, ffmpeg). The
  supervisor kills the group after each child's death, so no guardian lingers.
* `watch`: the same from inside a Python program, which needs no shell.
"""

import contextlib
import ctypes
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Sequence

PARENT_FD = "STAGEPASS_PARENT_FD"
"""The environment variable that tells a child its read end of the supervisor's pipe."""

ORPHAN_GRACE = 2.0
"""Seconds that a child without a supervisor may take to end."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

# $1: the child, which leads its process group (so its number is not given away while this runs).
_GUARDIAN = """
trap '' TERM INT HUP
read -r _
kill -s TERM "$1"
n=0
while kill -s 0 "$1" && [ "$n" -lt "$2" ]; do sleep 0.1; n=$((n + 1)); done
kill -s KILL -- "-$1"
"""


def watch(grace: float = ORPHAN_GRACE) -> bool:
    """Ends this process when its supervisor is gone: SIGTERM to itself, then an exit at once.

    Call it early in a child's main program. It starts one thread that blocks in a read. The pipe is
    not passed on to programs that this process starts.

    Args:
        grace: seconds between the two.

    Returns:
        Whether there is a supervisor to watch; without one, nothing is done.
    """
    fd = _pipe_from(os.environ.pop(PARENT_FD, ""))
    if fd is None:
        return False
    os.set_inheritable(fd, False)
    threading.Thread(target=_end_with_parent, args=(fd, grace), name="parent-watch", daemon=True).start()
    return True


def launcher(fd: int, argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` under the nets; for the thread that forks it (see `_die_with`).

    Args:
        fd: the inherited read end of the supervisor's pipe.
        argv: the program and its arguments.
    """
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), str(fd), str(os.getpid()), *argv]


def kill_group(pid: int) -> None:
    """Kills what `launcher` started, if it still runs, and all that is left of its process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM where all are zombies
        os.killpg(pid, signal.SIGKILL)


def _pipe_from(text: str) -> int | None:
    """The descriptor that `text` names, if it is one and is a pipe (the variable may be a stale copy)."""
    try:
        fd = int(text)
        return fd if stat.S_ISFIFO(os.fstat(fd).st_mode) else None
    except (ValueError, OSError):
        return None


def _end_with_parent(fd: int, grace: float) -> None:
    os.read(fd, 1)  # there is no writer: read returns at the end of file
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os._exit(1)


def _die_with(supervisor: int) -> None:
    """Asks Linux for SIGTERM at the supervisor's death.

    The kernel counts the death of the *thread* that forked, which is why the supervisor starts its
    children from its main thread.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != supervisor:  # it died before the kernel was asked
        sys.exit(1)


def _main(fd: int, supervisor: int, argv: list[str]) -> None:
    """Runs in the new process: lays the nets, then becomes `argv`."""
    _die_with(supervisor)
    guardian = ["sh", "-c", _GUARDIAN, "stagepass-guardian", str(os.getpid()), str(int(ORPHAN_GRACE * 10))]
    quiet = [(os.POSIX_SPAWN_OPEN, out, os.devnull, os.O_WRONLY, 0) for out in (1, 2)]
    os.posix_spawn("/bin/sh", guardian, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, fd, 0), *quiet])
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - the point of this file: to become the program
    except OSError as error:
        sys.exit(f"cannot run {argv[0]}: {error.strerror}")


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
