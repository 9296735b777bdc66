"""Quotas of one owner: jobs in a minute, open jobs, stored bytes, open streams. The defaults stand far above normal use.

Submits and streams are counted in this process; open jobs and bytes are asked of the database, and seldom.
"""

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stagepass.errors import TooManyRequests
from stagepass.sentences import Sentence, sentence
from stagepass.settings import Settings
from stagepass.store import SqlStore

FRESH = 60.0
"""Seconds for which a figure of the database is used again; what comes on top meanwhile is added to it."""


@dataclass(slots=True)
class _Known:
    """A figure of the database, and when it was asked for."""

    value: int
    at: float


class Quotas:
    """The quotas of one process. 0 in a setting is no limit."""

    def __init__(self, settings: Settings, store: SqlStore) -> None:
        self._settings = settings
        self._store = store
        self._lock = threading.Lock()
        self._submits: dict[str, deque[float]] = defaultdict(deque)
        self._jobs: dict[str, _Known] = {}
        self._bytes: dict[str, _Known] = {}
        self._streams: Counter[str] = Counter()

    def admit(self, owner: str) -> None:
        """One more job of the owner's. Raises `TooManyRequests`."""
        self._count_submit(owner)
        if (most := self._settings.max_open_jobs) and self._open_jobs(owner, most) > most:
            text = sentence("you have {limit} open jobs, which is the limit; wait for some to finish", limit=most)
            raise _refusal(text, "MAX_OPEN_JOBS", 30)

    def check_bytes(self, owner: str) -> None:
        """Whether the owner may store more. Raises `TooManyRequests`."""
        most = self._settings.max_stored_bytes
        if not most:
            return
        known = self._bytes.get(owner)
        if known is None or time.monotonic() - known.at > FRESH:
            known = self._bytes[owner] = _Known(self._store.stored_bytes(owner), time.monotonic())
        if known.value >= most:
            text = sentence(
                "your files take {size} MiB, which is the limit; delete some jobs", size=f"{most / 2**20:g}"
            )
            raise _refusal(text, "MAX_STORED_BYTES", 60)

    def check_streams(self, owner: str) -> None:
        """Whether the owner may open one more stream of events. Raises `TooManyRequests`."""
        most = self._settings.max_streams
        if most and self._streams[owner] >= most:
            text = sentence("you have {limit} open event streams, which is the limit; close some", limit=most)
            raise _refusal(text, "MAX_STREAMS", 5)

    @contextmanager
    def streaming(self, owner: str) -> Iterator[None]:
        """While a stream of the owner's is open."""
        self._streams[owner] += 1
        try:
            yield
        finally:
            self._streams[owner] -= 1
            if not self._streams[owner]:
                del self._streams[owner]

    def _count_submit(self, owner: str) -> None:
        most = self._settings.max_submits_per_minute
        if not most:
            return
        now = time.monotonic()
        with self._lock:
            times = self._submits[owner]
            while times and times[0] <= now - 60:
                times.popleft()
            if len(times) >= most:
                text = sentence("you submitted {limit} jobs in a minute, which is the limit", limit=most)
                raise _refusal(text, "MAX_SUBMITS_PER_MINUTE", max(1, round(times[0] + 60 - now)))
            times.append(now)
            if len(self._submits) > 10_000:  # owners who come no more
                for other in [name for name, found in self._submits.items() if found[-1] <= now - 60]:
                    del self._submits[other]

    def _open_jobs(self, owner: str, most: int) -> int:
        known = self._jobs.get(owner)
        if known is None or known.value > most or time.monotonic() - known.at > FRESH:
            known = self._jobs[owner] = _Known(self._store.open_jobs(owner, most + 1), time.monotonic())
            if len(self._jobs) > 10_000:
                self._jobs = {owner: known}
        known.value += 1
        return known.value


def _refusal(text: Sentence, setting: str, again: int) -> TooManyRequests:
    return TooManyRequests(text, limit=setting.lower(), retry_after=again)
