"""Work that takes a core: waiting holds no shared thread, and one caller cannot take all turns."""

import threading

import anyio
import anyio.to_thread
import pytest

from stagepass.api import problems
from stagepass.errors import TooManyRequests
from stagepass.providers.fetching.turns import Turns


class Work:
    """Begins, and goes on until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.let_go.wait(30)
        return "done"

    async def begins(self) -> None:
        assert await anyio.to_thread.run_sync(self.begun.wait, 30, limiter=anyio.CapacityLimiter(1))


def test_waiting_takes_no_shared_thread_and_one_caller_cannot_take_all_turns() -> None:
    async def scene() -> None:
        turns = Turns(2, of_one=1, queue=3, patience=20)
        held = [Work() for _ in range(3)]
        async with anyio.create_task_group() as group:
            for work in held:
                group.start_soon(turns.run, "kim", work)
            await held[0].begins()
            with pytest.raises(TooManyRequests, match="3 of your files"):
                await turns.run("kim", lambda: "one more")
            assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
            assert not held[1].begun.is_set()
            assert await turns.run("lee", lambda: "lee's") == "lee's"
            for work in held:
                work.let_go.set()
        assert await turns.run("kim", lambda: "again") == "again"
        assert not turns._there
        assert not turns._own

    anyio.run(scene)


def test_a_turn_that_does_not_come_is_refused_with_when_to_come_back() -> None:
    async def scene() -> None:
        turns = Turns(1, patience=0.01)
        held = Work()
        async with anyio.create_task_group() as group:
            group.start_soon(turns.run, "kim", held)
            await held.begins()
            with pytest.raises(TooManyRequests, match="again in a few seconds"):
                await turns.run("lee", lambda: "x")
            held.let_go.set()
        assert await turns.run("lee", lambda: "x") == "x"  # nothing was kept by the one that gave up

    anyio.run(scene)


def test_the_answer_names_the_limit() -> None:
    answer = problems.of(TooManyRequests("full", retry_after=5, limit="files at once"))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert b'"limit": "files at once"' in answer.body
