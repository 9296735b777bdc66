"""Reads strangers' texts in children that can be stopped: a text that a pattern chokes on costs one child.

A child is kept for the next text, since it takes a third of a second to start.
"""

import json
import os
import socket
import threading
import time
from datetime import date

from stagepass.errors import Permanent, Transient
from stagepass.pipelines.resume.models import Profile
from stagepass.pipelines.resume.request import ResumeRequest
from stagepass.pipelines.resume.sandbox.start import Child
from stagepass.pipelines.resume.sandbox.talk import FAILED, receive, send

TIME_LIMIT = 10.0
"""Seconds for one text; an honest one of 20,000 characters takes a tenth of a second."""

START_LIMIT = 30.0
"""Seconds for a child to be there, on a machine that is busy."""

AT_ONCE = 4
"""Texts that one process has read at the same time."""


def read_apart(text: str, request: ResumeRequest, today: date, *, time_limit: float = TIME_LIMIT) -> Profile:
    """`read_profile`, in a child and within a time limit.

    Raises:
        Permanent: the text took longer than the limit, or its reader died of it.
        Transient: no child came up, or no turn came in time.
    """
    message = json.dumps(
        {"text": text, "language": request.language, "target_role": request.target_role, "today": today.isoformat()}
    ).encode("utf-8", "surrogatepass")
    answer = _pool().ask(message, time_limit)
    if answer.startswith(FAILED):
        raise Permanent(f"the text could not be read ({answer[1:].decode()})", advice="send it in plainer words")
    return Profile.model_validate_json(answer)


class _Reader:
    """One child, and the socket to it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        try:
            self._child = Child("stagepass.pipelines.resume.parsing.child", talks_on=theirs.fileno())
        except OSError:
            self._socket.close()
            raise
        finally:
            theirs.close()

    def ready(self) -> bool:
        """Whether it came up."""
        self._socket.settimeout(START_LIMIT)
        try:
            return receive(self._socket) is not None
        except OSError:
            return False

    def ask(self, message: bytes, time_limit: float) -> bytes | None:
        """The answer; None where it is gone. Raises TimeoutError."""
        until = time.monotonic() + time_limit
        self._socket.settimeout(time_limit)
        try:
            send(self._socket, message)
            self._socket.settimeout(max(0.01, until - time.monotonic()))
            return receive(self._socket)
        except TimeoutError:
            raise
        except OSError:
            return None

    def end(self) -> None:
        self._socket.close()
        self._child.end()


class _Pool:
    """The children of this process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._idle: list[_Reader] = []

    def ask(self, message: bytes, time_limit: float) -> bytes:
        if not self._room.acquire(timeout=START_LIMIT):
            raise Transient("too many résumés are being read at the moment", retry_after=2.0)
        try:
            return self._asked(message, time_limit)
        finally:
            self._room.release()

    def _asked(self, message: bytes, time_limit: float) -> bytes:
        kept = self._idle.pop() if self._idle else None
        if kept is not None:
            answer = self._of(kept, message, time_limit)
            if answer is not None:
                return answer
        fresh = _Reader()  # the one that was kept had ended while it was idle
        if not fresh.ready():
            fresh.end()
            raise Transient("the process that reads résumés did not start", retry_after=2.0)
        answer = self._of(fresh, message, time_limit)
        if answer is None:
            raise _unreadable()
        return answer

    def _of(self, reader: _Reader, message: bytes, time_limit: float) -> bytes | None:
        try:
            answer = reader.ask(message, time_limit)
        except TimeoutError:
            reader.end()
            raise _unreadable() from None
        if answer is None:
            reader.end()
        else:
            self._idle.append(reader)
        return answer


def _unreadable() -> Permanent:
    return Permanent(
        "the text could not be read in time", advice="leave out tables of figures and pasted code, and send it again"
    )


_made: _Pool | None = None
_making = threading.Lock()


def _pool() -> _Pool:
    """This process's own: one that a fork inherited talks to its parent's children."""
    global _made
    with _making:
        if _made is None or _made.pid != os.getpid():
            _made = _Pool()
        return _made
