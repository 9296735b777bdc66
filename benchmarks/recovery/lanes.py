"""Kills, several at a time: each lane has its own queue and its own workers, so that none disturbs another."""

import contextlib
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.recovery.sides import Side

WITHIN = 120.0
"""Seconds after which a piece of work that did not begin again is given up."""


@dataclass
class Seen:
    """What a scenario showed: seconds from the kill to the next begin, and how many never came."""

    seconds: list[float] = field(default_factory=list)
    never: int = 0
    starts: list[float] = field(default_factory=list)
    """Of those, until the worker that was started again says that it serves; only where the one died."""

    @property
    def kills(self) -> int:
        return len(self.seconds) + self.never


def measure(side: Side, kills: int, *, lanes: int, another: bool, seed: int) -> Seen:
    """Kill so many workers in the middle of a piece of work.

    Args:
        another: a second worker is alive and idle; else the only one is started again right after the kill.
    """
    seen, lock = Seen(), threading.Lock()
    shares = [kills // lanes + (number < kills % lanes) for number in range(lanes)]

    def run(lane: int) -> None:
        moments = random.Random(f"{seed}-{lane}")
        if another:
            side.worker(lane)
        _start_victim(side, lane)
        for number in range(shares[lane]):
            took, start = _kill(side, lane, f"{lane}-{number}", moments.random(), another)
            with lock:
                seen.starts += start
                if took is None:
                    seen.never += 1
                else:
                    seen.seconds.append(took)
            if took is None:
                break  # what does not come back blocks the lane; the others say how often
            if number + 1 < shares[lane] and another:
                _start_victim(side, lane)

    with ThreadPoolExecutor(lanes) as pool:
        for future in [pool.submit(run, lane) for lane in range(lanes) if shares[lane]]:
            future.result()
    return seen


def _start_victim(side: Side, lane: int) -> None:
    if side.name != "DBOS":  # there an order brings its own executor
        side.worker(lane)


def _kill(side: Side, lane: int, key: str, moment: float, another: bool) -> tuple[float | None, list[float]]:
    """Order, wait until it has begun, kill its worker a moment later.

    Returns:
        Seconds until it began again; and until a worker that was started again served.
    """
    place = side.place
    side.order(lane, key)
    first = place.wait_begun(key, 1, 60)
    assert first is not None, f"{side.name}: {key} never began"
    time.sleep(moment)  # so that kills fall anywhere between two heartbeats
    group = os.getpgid(first[0])
    killed = time.monotonic()
    os.killpg(group, signal.SIGKILL)
    for process in place.processes:
        if process.pid == group:
            with contextlib.suppress(ChildProcessError):
                process.wait(20)
    start = []
    if not another:
        side.worker(lane)
        start.append(time.monotonic() - killed)
    again = place.wait_begun(key, 2, WITHIN)
    return None if again is None else again[1] - killed, start
