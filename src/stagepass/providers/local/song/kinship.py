"""Parent and child processes: a child that dies with its parent, and what of the environment it is given."""

import contextlib
import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1
_PASSED_ON = (
    "PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "IMAGEIO_FFMPEG_EXE", "LANG", "LC_ALL",
)  # fmt: skip


def die_with_parent() -> None:
    """Called first thing in a child whose stdin is a pipe that the parent holds open and never writes to.

    The pipe ends when the parent does, however it ends, on every system. On Linux the kernel is asked as well, since
    a thread cannot look at a pipe while another holds the interpreter in one long call.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_wait_for_end_of_stdin, name="parent-watch", daemon=True).start()


def _wait_for_end_of_stdin() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 64):
            pass
    os._exit(1)


def child_environment() -> dict[str, str]:
    """The environment for a child: what a program needs to start, and no keys or secrets; one thread of arithmetic."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
