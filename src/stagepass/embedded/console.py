"""The one terminal that all children share: each line under its child's name."""

import os
import sys
import threading
from typing import TextIO

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)  # ANSI foregrounds that read well on dark and on light
_RED = 31


class Console:
    """Writes whole lines, from any thread, each after the coloured name of who said it.

    Args:
        stream: where to; standard output if not given.
        colour: whether to colour; if not given, where `stream` is a terminal and ``NO_COLOR`` is unset.
    """

    def __init__(self, stream: TextIO | None = None, colour: bool | None = None) -> None:
        self._stream = stream or sys.stdout
        self._colour = self._stream.isatty() and "NO_COLOR" not in os.environ if colour is None else colour
        self._encoding = self._stream.encoding or "utf-8"
        self._lock = threading.Lock()
        self._names: dict[str, int] = {}
        self._width = 0

    def register(self, *names: str) -> None:
        """Assign colours to names, and set the width of the column."""
        for name in names:
            self._names.setdefault(name, _COLOURS[len(self._names) % len(_COLOURS)])
            self._width = max(self._width, len(name))

    def line(self, name: str, text: str, *, alarm: bool = False) -> None:
        """Writes one line. A terminal that is gone is no reason to fail: the line is dropped."""
        start = f"{name:<{self._width}} |"
        if self._colour:
            start = f"\x1b[{_RED if alarm else self._names.get(name, 0)}m{start}\x1b[0m"
        safe = f"{start} {text}\n".encode(self._encoding, "replace").decode(self._encoding)
        with self._lock:
            try:
                self._stream.write(safe)
                self._stream.flush()
            except (OSError, ValueError):
                pass
