"""Stands for a process of ours inside a test: an engine with a store of its own, whose slots the test plays."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from stagepass.declare.pipeline import Pipeline
from stagepass.declare.registry import Registry
from stagepass.engine.commit.claims import Claim, Claimed, ClaimResult
from stagepass.engine.commit.operations import Settle
from stagepass.engine.engine import Engine
from stagepass.engine.model.ids import new_id
from stagepass.engine.model.outcomes import Completed, Outcome
from stagepass.engine.model.records import WorkerRow
from stagepass.store import SqlStore
from stagepass.testing import HandClock, Recorder


class Process:
    """An engine, and the id of a worker whose attempts the test claims and settles by hand."""

    def __init__(self, url: str, pipelines: Sequence[Pipeline], clock: HandClock | None = None, **options: Any) -> None:
        self.store = SqlStore(url, **options)
        self.registry = Registry(pipelines)
        self.recorder = Recorder()
        self.clock = clock or HandClock()
        self.engine = Engine(self.store, self.registry, self.recorder, self.recorder, clock=self.clock)
        self.worker = new_id()
        self.queues = tuple(self.registry.queues())

    def register(self) -> None:
        now = self.clock.now()
        self.store.add_worker(WorkerRow(self.worker, "nowhere", 1, self.queues, 1, 0, now, now))

    def claim(self, limit: int = 1, *queues: str) -> list[Claimed]:
        return self.claim_result(limit, *queues).claimed

    def claim_result(self, limit: int = 1, *queues: str) -> ClaimResult:
        claim_result: ClaimResult = self.engine.committer.do(Claim(queues or self.queues, limit, self.worker))
        return claim_result

    def settle(self, claimed: Claimed, outcome: Outcome | None = None) -> None:
        self.engine.committer.do(Settle(claimed, outcome or Completed('{"text":"x"}')))

    def close(self) -> None:
        self.engine.close()


@contextmanager
def processes(url: str, count: int, *pipelines: Pipeline) -> Iterator[list[Process]]:
    """So many processes on one database, with one clock."""
    clock = HandClock()
    made = [Process(url, pipelines, clock) for _ in range(count)]
    try:
        yield made
    finally:
        for process in made:
            process.close()


def at_once(acts: Sequence[Callable[[], Any]], timeout: float = 60) -> list[Any]:
    """Run these in threads that start together; their results, or what they raised, in order."""
    barrier = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results[number] = act()
        except BaseException as problem:
            results[number] = problem

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
    assert not any(thread.is_alive() for thread in threads), "a thread did not come to its end"
    return results


def raised(results: Sequence[Any]) -> list[BaseException]:
    return [result for result in results if isinstance(result, BaseException)]
