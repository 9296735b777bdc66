"""One program under the supervisor: its definition, and its process while it runs."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from stagepass.embedded import parent
from stagepass.embedded.console import Console

_TAIL = 20  # lines of output kept for a report
_LONGEST_LINE = 64 * 1024
_LAST_WORDS = 0.5  # seconds to wait for the rest of a dead child's output


@dataclass(frozen=True, slots=True)
class Child:
    """A program that the supervisor keeps running.

    Attributes:
        name: its name before each line of its output.
        argv: the program and its arguments.
        env: its whole environment (the supervisor's own, if None).
        ready: whether it can be used; the children after it in the list wait for the first True. It is
            asked about 20 times a second and must answer within a second; an exception means "not yet".
        before: called before each start (folders, left-overs); if it raises, that start has failed.
        lost: what makes it of no use although it runs, in a sentence, or None. It is asked once a second when it
            was ready; the child is then ended and started again.
        stop_signal: what asks it to end.
        grace: seconds from `stop_signal` to SIGKILL.
        hold: descriptors that it inherits, and so keeps open as long as it lives (`FolderLock.fd`).
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    ready: Callable[[], bool] | None = None
    before: Callable[[], None] | None = None
    lost: Callable[[], str | None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    hold: tuple[int, ...] = ()


@dataclass(slots=True, eq=False)
class Keeper:
    """The state of one child: its process if it lives, and its record of deaths.

    Attributes:
        was_ready: whether `Child.ready` has ever said yes (or there is nothing to ask).
        failures: deaths in a row, each within a short life.
        due: when to start it next, on the monotonic clock.
        deadline: when to kill it, once it was asked to stop.
        next_word: when to complain next that it is not ready.
        killed: whether this process was sent SIGKILL from here.
        tail: the last lines of its output.
    """

    child: Child
    process: "subprocess.Popen[bytes] | None" = None
    was_ready: bool = False
    failures: int = 0
    due: float = 0.0
    started: float = 0.0
    deadline: float | None = None
    next_word: float = 0.0
    killed: bool = False
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))
    _pump: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether it has a process that was not yet found dead."""
        return self.process is not None

    def start(self, pipe: int, console: Console) -> None:
        """Start the program in its own session and process group (Ctrl-C is handled by the supervisor).

        Args:
            pipe: the read end of the supervisor's pipe.
            console: where its output goes.
        """
        if self.child.before is not None:
            self.child.before()
        env = dict(os.environ if self.child.env is None else self.child.env)
        self.tail.clear()
        self.killed = False
        self.process = subprocess.Popen(
            parent.launcher(pipe, self.child.argv),
            env={**env, parent.PARENT_FD: str(pipe)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(pipe, *self.child.hold),
            start_new_session=True,
        )
        self.started = time.monotonic()
        self._pump = threading.Thread(
            target=self._print, args=(self.process, console), name=f"output-{self.child.name}", daemon=True
        )
        self._pump.start()

    def ended(self) -> "subprocess.Popen[bytes] | None":
        """The process if it has just died: reaped, its group swept, its last words printed."""
        process = self.process
        if process is None or process.poll() is None:
            return None
        self.process, self.deadline = None, None
        # What it leaves behind: its guardian, and grandchildren whose work now goes to others.
        parent.kill_group(process.pid)
        if self._pump is not None:
            self._pump.join(_LAST_WORDS)
        return process

    def ask_to_stop(self) -> None:
        """Sends `Child.stop_signal` to the program (not to its group: pools stop their own processes)."""
        if self.process is not None and self.deadline is None:
            self.deadline = time.monotonic() + self.child.grace
            self.process.send_signal(self.child.stop_signal)

    def kill(self) -> None:
        """Kills the program and its group."""
        if self.process is not None:
            self.killed = True
            parent.kill_group(self.process.pid)

    def _print(self, process: "subprocess.Popen[bytes]", console: Console) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            while raw := output.readline(_LONGEST_LINE):
                text = raw.decode("utf-8", "replace").rstrip("\r\n")
                self.tail.append(text)
                console.line(self.child.name, text)
