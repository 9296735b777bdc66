"""Sleep that a signal ends, without a moment in which one could be missed."""

import contextlib
import selectors
import signal
import socket
import threading
from types import FrameType, TracebackType
from typing import Any

STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals that ask a supervisor to end."""


class Wakeup:
    """While it is entered, notes the signals of `STOP` and wakes `sleep` at these and at a child's death.

    The C-level handler writes a byte into a socket (`signal.set_wakeup_fd`), so a signal that comes
    just before the sleep ends it too. SIGCHLD rather than pidfds: it works beyond Linux.
    """

    def __init__(self) -> None:
        self._noted: list[signal.Signals] = []

    def __enter__(self) -> "Wakeup":
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("run this in the main thread: only there does Python take signals")
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        heard = [number for number in STOP if signal.getsignal(number) != signal.SIG_IGN]  # nohup stays in force
        self._handlers: dict[int, Any] = {n: signal.signal(n, self._note) for n in (signal.SIGCHLD, *heard)}
        self._old_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._old_fd)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    def take(self) -> list[signal.Signals]:
        """The `STOP` signals since the last call, in order."""
        noted: list[signal.Signals] = []
        while self._noted:
            noted.append(self._noted.pop(0))
        return noted

    def sleep(self, seconds: float | None) -> None:
        """Sleep until a signal, for at most this many seconds (None: without limit)."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            selector.select(seconds)
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number in STOP:
            self._noted.append(signal.Signals(number))
