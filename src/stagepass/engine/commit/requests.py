"""Pending operations of the committer, in the order in which they are tried and retried."""

import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operation import Operation
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.transaction import Stale
from stagepass.errors import StoreUnavailable

BATCH = 64
"""Maximum number of operations per transaction: enough to share a commit's cost, and a burst of a hundred
ends does not wait as a whole for its last one."""

PAUSE = 0.2
"""Pause in seconds after a store failed to answer. Requests made meanwhile share the next attempt."""

LONGEST_PAUSE = 2.0
"""Seconds between two tries of an operation that a server refuses while it carries out others."""

SOON, LONGEST_SOON = 0.002, 0.25
"""The same where another transaction was first, or holds a row."""

CLOSING = 25.0
"""Seconds for which a stopping process keeps retrying."""


class Pending(Future[Any]):
    """The result of an operation, which its caller may give up waiting for."""

    abandoned = False

    def within(self, seconds: float | None) -> Any:
        """The result. Raises `StoreUnavailable` past that time; what has not begun by then is not done at all."""
        try:
            return self.result(seconds)
        except TimeoutError:
            if self.done():
                raise  # it is the operation's own
            self.abandoned = True
            raise StoreUnavailable("the database did not answer in time") from None


@dataclass(slots=True)
class Request:
    """One operation or claim under way."""

    asked: Operation | Claim
    future: Pending = field(default_factory=Pending)
    since: float = 0.0
    tries: int = 0
    due: float = 0.0
    alone: bool = False
    """It failed together with others: try it alone, without waiting for locks."""


class Requests:
    """A queue that also holds what is tried again later; for many askers and one committing thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: deque[Request] = deque()
        self._later: list[Request] = []
        self._wake = threading.Condition()
        self._closes: float | None = None
        self._taken = False
        """A batch is being carried out; there is one at a time."""
        self._resumes = 0.0
        """Time of the next attempt, after the store failed to answer."""

    def put(self, asked: Iterable[Operation | Claim]) -> list[Pending]:
        requests = [Request(one, since=self._clock.steady()) for one in asked]
        with self._wake:
            if self._closes is not None:
                raise StoreUnavailable("this process is shutting down")
            self._queue.extend(requests)
            if not self._taken:  # else `done` does
                self._wake.notify()
        return [request.future for request in requests]

    def close(self) -> None:
        """Take no more. What is in here is still tried, for a while."""
        with self._wake:
            self._closes = time.monotonic() + CLOSING
            self._wake.notify()

    def next(self) -> list[Request]:
        """The next operations to try together; waits for them. Empty if nothing is left and nothing can come.

        A batch is the caller's until `done`.
        """
        with self._wake:
            while True:
                self._bring_back()
                while self._queue and self._queue[0].future.abandoned:
                    self._queue.popleft()
                if self._queue and not self._taken and time.monotonic() >= self._resumes:
                    self._taken = True
                    return self._batch()
                if not self._queue and not self._later and not self._taken and self._closes is not None:
                    return []
                self._wake.wait(None if self._taken else self._pause())

    def take(self, asked: Iterable[Operation | Claim]) -> list[Request] | None:
        """These, for the caller to carry out at once; None unless nothing else is asked or under way."""
        with self._wake:
            idle = not (self._taken or self._queue or self._later or self._closes is not None)
            if not idle or time.monotonic() < self._resumes:
                return None
            self._taken = True
        return [Request(one, since=self._clock.steady()) for one in asked]

    def done(self) -> None:
        """What was taken is carried out."""
        with self._wake:
            self._taken = False
            if self._queue or self._later or self._closes is not None:
                self._wake.notify()

    def again(self, batch: Sequence[Request], problem: StoreUnavailable) -> None:
        """These could not be carried out now. Keep what has patience, and fail the others."""
        now = time.monotonic()
        keep = [request for request in batch if self._may_wait(request, now)]
        for request in batch:
            request.tries += 1
            if request not in keep:
                request.future.set_exception(problem)
            elif isinstance(request.asked, Operation):
                request.asked.again = True
        with self._wake:
            if not problem.reached and not isinstance(problem, Stale):
                self._resumes = now + PAUSE
                self._queue.extendleft(reversed(keep))
                return
            for request in keep:
                first, longest = (SOON, LONGEST_SOON) if isinstance(problem, Stale) else (PAUSE, LONGEST_PAUSE)
                alone_already, request.alone = request.alone, True
                pause = min(first * 2 ** min(request.tries, 10), longest) * random.uniform(0.5, 1.0)
                request.due = now + (pause if alone_already or len(batch) == 1 else 0.0)
            self._later.extend(keep)

    def _batch(self) -> list[Request]:
        first = self._queue.popleft()
        batch = [first]
        while not first.alone and self._queue and not self._queue[0].alone and len(batch) < BATCH:
            request = self._queue.popleft()
            if not request.future.abandoned:
                batch.append(request)
        return batch

    def _bring_back(self) -> None:
        now = time.monotonic()
        due = [request for request in self._later if request.due <= now]
        if due:
            self._later = [request for request in self._later if request.due > now]
            self._queue.extend(due)

    def _pause(self) -> float | None:
        ends = [request.due for request in self._later]
        ends += [self._resumes] if self._queue else []
        return max(0.001, min(ends) - time.monotonic()) if ends else None

    def _may_wait(self, request: Request, now: float) -> bool:
        if request.future.abandoned or (self._closes is not None and now >= self._closes):
            return False
        return self._clock.steady() - request.since < request.asked.patience
