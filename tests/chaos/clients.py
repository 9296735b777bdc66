"""The clients: they submit by HTTP, ask again with their key until they are answered, and some change their mind."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx2

from tests.chaos.history import Told
from tests.chaos.plan import Submission

AT_ONCE = 8
AGAIN_AFTER, AT_MOST = 0.3, 3.0
"""Seconds after which a request without an answer is sent again: twice as many each time, up to so many."""

TIMEOUT = 10.0


class Clients:
    """All clients of a run.

    Args:
        more: what every order is completed with: ports and paths.
    """

    def __init__(self, port: int, submissions: Sequence[Submission], more: dict[str, Any]) -> None:
        self.told = {submission.job.number: Told() for submission in submissions}
        self.requests = self.unanswered = 0
        self._http = httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=TIMEOUT)
        self._more = more
        self._began = time.monotonic()
        self._todo: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._open = 0
        self._change = threading.Condition()
        self._closing = False
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="client")
        self._thread = threading.Thread(target=self._run, name="clients", daemon=True)
        for submission in submissions:
            for _ in range(2 if submission.twice else 1):
                self._at(submission.at, partial(self._submit, submission))

    def start(self) -> None:
        self._began = time.monotonic()
        self._thread.start()

    @property
    def open(self) -> int:
        """Requests that are still to be made, or to be answered."""
        with self._change:
            return self._open

    def close(self) -> None:
        with self._change:
            self._closing = True
            self._change.notify_all()
        self._thread.join(10)
        self._pool.shutdown(cancel_futures=True)
        self._http.close()

    # ── what a client asks ──

    def _submit(self, submission: Submission, tries: int = 0) -> None:
        job = submission.job
        headers = {"Idempotency-Key": job.key, "X-User-ID": job.owner.encode()}
        answer = self._send("POST", f"/pipelines/{job.pipeline}/jobs", headers, {**submission.order, **self._more})
        if answer is None:
            return self._later(_pause(tries), partial(self._submit, submission, tries + 1))
        if answer.status_code not in (200, 202):
            raise AssertionError(f"a submit was answered {answer.status_code}: {answer.text[:500]}")
        job_id = answer.json()["id"]
        told = self.told[job.number]
        with self._change:
            first = not told.jobs
            told.jobs.add(job_id)
        if first and submission.cancel_after is not None:
            self._later(submission.cancel_after, partial(self._cancel, submission, job_id))
        return None

    def _cancel(self, submission: Submission, job_id: str, tries: int = 0) -> None:
        told = self.told[submission.job.number]
        asked_before, told.cancel = bool(told.cancel), "unknown"
        answer = self._send("POST", f"/jobs/{job_id}/cancel", {"X-User-ID": submission.job.owner.encode()})
        if answer is None:
            return self._later(_pause(tries), partial(self._cancel, submission, job_id, tries + 1))
        if answer.status_code == 202:
            told.cancel = "accepted"
        elif answer.status_code == 409:
            told.cancel = "unknown" if asked_before else "refused"  # it may have been our own first word
        elif answer.status_code != 404:
            raise AssertionError(f"a cancel was answered {answer.status_code}: {answer.text[:500]}")
        return None

    def _send(self, method: str, path: str, headers: Any, body: Any = None) -> httpx2.Response | None:
        """The answer; None where there was none, or one that says to come again."""
        self.requests += 1
        try:
            answer = self._http.request(method, path, headers=headers, json=body)
        except httpx2.HTTPError:
            answer = None
        if answer is None or answer.status_code >= 500 or answer.status_code == 429:
            self.unanswered += 1
            return None
        return answer

    # ── when ──

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self._at(time.monotonic() - self._began + seconds, act)

    def _at(self, at: float, act: Callable[[], None]) -> None:
        with self._change:
            self._open += 1
            heapq.heappush(self._todo, (at, next(self._numbers), act))
            self._change.notify_all()

    def _run(self) -> None:
        while True:
            with self._change:
                if self._closing:
                    return
                pause = self._todo[0][0] - (time.monotonic() - self._began) if self._todo else None
                if pause is None or pause > 0:
                    self._change.wait(pause)
                    continue
                _, _, act = heapq.heappop(self._todo)
            self._pool.submit(self._do, act)

    def _do(self, act: Callable[[], None]) -> None:
        try:
            act()
        except AssertionError as problem:  # told at the end: that job was refused
            print(problem, flush=True)
        finally:
            with self._change:
                self._open -= 1


def _pause(tries: int) -> float:
    return min(AT_MOST, AGAIN_AFTER * 2**tries)
