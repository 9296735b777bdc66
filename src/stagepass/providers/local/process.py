"""Child processes of the local makers: each dies with its parent, and says how it went in JSON lines.

A maker starts a `Child`; the child module's last lines are ``sys.exit(child_main(body))``. The child
writes ``{"progress": 0.4}`` while it works and ``{"error": {"code": …, "message": …}}`` when it fails.
Programs that the child starts itself (ffmpeg) are wrapped by `dying_with_parent`.
"""

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import IO, Any

from stagepass.errors import InvalidOutput, Permanent, StageError, TimedOut, Transient
from stagepass.spans import in_words

TELL_EVERY = 0.5
"""Seconds between two words about how far a child is."""

_TAIL_LINES = 12
_PASSED_ON = frozenset(
    [
        "PATH",
        "HOME",
        "LANG",
        "TZ",
        "TMPDIR",
        "TEMP",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPYCACHEPREFIX",
        "LD_LIBRARY_PATH",
        "SYSTEMROOT",
        "VIRTUAL_ENV",
        "IMAGEIO_FFMPEG_EXE",
        "OPENBLAS_CORETYPE",
        "OPENBLAS_L2_SIZE",
        "OMP_NUM_THREADS",
    ]
)
_PR_SET_PDEATHSIG = 1
_ERRORS: dict[str, type[StageError]] = {kind.code: kind for kind in (Permanent, InvalidOutput, Transient, TimedOut)}

# Run by a bare interpreter (15 ms) that then becomes the program: prctl survives exec, and unlike
# preexec_fn this is safe in a process with threads. argv: the parent's pid, the program, its arguments.
_TRAMPOLINE = f"""
import os, sys
try:
    import ctypes
    ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, {int(signal.SIGKILL)})
except Exception:
    pass
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def dying_with_parent(command: Sequence[str]) -> list[str]:
    """The same command, wrapped so that Linux kills it when the process (and thread) that starts it ends."""
    if not sys.platform.startswith("linux"):
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _TRAMPOLINE, str(os.getpid()), *command]


def without_paths(text: str) -> str:
    """`text` with absolute paths cut down to their last part: messages must not tell where things lie."""
    return re.sub(r"""(?<![\w./])(?:/[^/\s:'",\])]+)+/([^/\s:'",\])]+)""", r"\1", text)


def tail(lines: Sequence[str], limit: int = 600) -> str:
    """The last `limit` characters of `lines`, joined by `` | `` and without paths."""
    return without_paths(" | ".join(line.strip() for line in lines if line.strip()))[-limit:]


# ── the parent's side ────────────────────────────────────────────────────────────────────────────


class Child:
    """A running Python module of this package, in its own process group.

    Args:
        module: run as ``python -m module``.
        args: its arguments.
        keep_open: file descriptors that the child inherits, such as a lock that is to live as long as it does.
        on_progress: called with each fraction (0–1) that the child reports, in a separate thread.
    """

    def __init__(
        self,
        module: str,
        args: Sequence[str],
        keep_open: Sequence[int] = (),
        on_progress: Callable[[float], None] | None = None,
    ) -> None:
        # stdin stays open and silent: its end tells the child that this process is gone.
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=tuple(keep_open),
            env={**plain_environment(), "STAGEPASS_PARENT": str(os.getpid()), "PYTHONUNBUFFERED": "1"},
        )
        self.progress = 0.0
        self._on_progress = on_progress
        self._ending = threading.Lock()
        self._error: dict[str, str] | None = None
        self._stderr: deque[str] = deque(maxlen=_TAIL_LINES)
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout, self._take_line), daemon=True),
            threading.Thread(target=self._read, args=(self._process.stderr, self._stderr.append), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Its process number, which is its group's too."""
        return self._process.pid

    def wait(self, time_limit: float, provider: str, tell: Callable[[float], None] | None = None) -> None:
        """Wait for success. Raises the error the child reported, `TimedOut` past `time_limit` seconds, or `Transient`.

        `tell` is called from this thread with the child's progress, 0–1; an exception from it ends the child.
        """
        try:
            code = self._wait(time_limit, tell)
        except subprocess.TimeoutExpired:
            raise TimedOut(f"not done within {in_words(time_limit)}", provider=provider) from None
        finally:
            self.kill()
            for reader in self._readers:
                reader.join(5)
            self._close()
        if self._error is not None:
            kind = _ERRORS.get(self._error.get("code", ""), Permanent)
            raise kind(self._error.get("message", ""), provider=provider)
        if code != 0:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
            raise Transient(f"the child process {how}: {tail(self._stderr)}", provider=provider)

    def _wait(self, time_limit: float, tell: Callable[[float], None] | None) -> int:
        deadline = time.monotonic() + time_limit
        while True:
            left = deadline - time.monotonic()
            try:
                return self._process.wait(min(left, TELL_EVERY) if tell else left)
            except subprocess.TimeoutExpired:
                if tell is None or left <= TELL_EVERY:
                    raise
                tell(self.progress)

    def kill(self) -> None:
        """End the child and all that it started; harmless when it has ended."""
        with self._ending:
            # Once it is reaped, its pid may belong to another process.
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def _take_line(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            return  # a library's own print
        if not isinstance(said, dict):
            return
        if "error" in said:
            self._error = dict(said["error"])
        elif "progress" in said:
            self.progress = min(1.0, max(self.progress, float(said["progress"])))
            if self._on_progress is not None:
                self._on_progress(self.progress)

    @staticmethod
    def _read(stream: IO[bytes], take: Callable[[str], Any]) -> None:
        for line in stream:
            take(line.decode("utf-8", "replace").rstrip("\n"))

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()


def plain_environment() -> dict[str, str]:
    """The minimal environment of a child process, without keys and passwords."""
    return {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("LC_")}


# ── the child's side ─────────────────────────────────────────────────────────────────────────────


def child_main(body: Callable[[], None]) -> int:
    """Run `body` as the whole of a child process, and tell its parent how it failed.

    Returns:
        The exit status: 0, or 3 after a reported failure. A bug ends with its traceback on stderr.
    """
    die_with_parent()
    try:
        body()
    except StageError as error:
        _say({"error": {"code": error.code, "message": without_paths(error.message)}})
        return 3
    except MemoryError:
        _say({"error": {"code": Transient.code, "message": "not enough memory"}})
        return 3
    except OSError as error:
        _say({"error": {"code": Transient.code, "message": without_paths(str(error))}})
        return 3
    return 0


def report_progress(fraction: float) -> None:
    """Tell the parent how much is done, 0–1."""
    _say({"progress": round(fraction, 3)})


def die_with_parent() -> None:
    """Make this process, and its group, end when the parent that started it by `Child` ends, however it ends."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    parent = os.environ.get("STAGEPASS_PARENT")
    if parent is None:
        return  # started by hand
    if os.getppid() != int(parent):
        os._exit(1)
    threading.Thread(target=_end_with_stdin, daemon=True).start()


def _end_with_stdin() -> None:
    # Where there is no prctl (macOS), and where the parent's thread outlives its process's usefulness.
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _say(what: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(what, ensure_ascii=False) + "\n")
        sys.stdout.flush()
