"""Strangers' bytes and texts are read by children that know nothing, reach nothing, and are stopped in time."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from stagepass.api import problems
from stagepass.errors import Permanent, TooManyRequests
from stagepass.pipelines.resume.parsing import apart
from stagepass.pipelines.resume.parsing.profile import read_profile
from stagepass.pipelines.resume.reading.places import Places
from stagepass.pipelines.resume.request import ResumeRequest
from stagepass.pipelines.resume.sandbox.start import Child
from tests.support.resume import DATA, ONE_LINE

TODAY = date(2026, 11, 30)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_child_has_no_secret_and_can_open_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEYS", "kim:secret")
    with open(os.devnull) as inherited:
        os.set_inheritable(inherited.fileno(), True)
        child = Child("tests.support.prying", "one", talks_on=subprocess.PIPE, answers_on=subprocess.PIPE)
        folder = Path(child._folder.name)
        said, _ = child.communicate(b"", timeout=30)
    seen = json.loads(said)
    assert seen["environment"] == {}
    assert (seen["folder"], seen["descriptors"], seen["arguments"]) == ([], [0, 1, 2], ["one"])
    assert seen["session"]
    assert set(seen["tries"].values()) == {"OSError"}, "too many open files, each time"
    child.end()
    assert not folder.exists()


# ── texts ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("resume", DATA[::7], ids=lambda r: f"{r['field']}-{r['language']}")
def test_a_child_reads_a_text_as_this_process_does(resume: dict[str, str]) -> None:
    request = ResumeRequest(resume_text=resume["text"], target_role="Data engineer", language="en")
    assert apart.read_apart(resume["text"], request, TODAY) == read_profile(resume["text"], request, TODAY)


def test_a_text_that_takes_too_long_costs_its_child_and_nothing_else() -> None:
    request = ResumeRequest(resume_text=ONE_LINE)
    pool = apart._Pool()
    message = json.dumps({"text": ONE_LINE, "today": "2026-11-30"}).encode()
    assert pool.ask(message, 20)
    (kept,) = pool._idle
    os.kill(kept._child.pid, signal.SIGSTOP)  # it answers as little as one that a pattern holds
    with pytest.raises(Permanent, match="in time"):
        pool.ask(message, 0.05)
    assert kept._child.returncode == -signal.SIGKILL
    assert pool._idle == []
    assert pool.ask(message, 20)
    assert read_profile(ONE_LINE, request, TODAY).field == "backend"


def test_a_child_that_ended_while_it_was_idle_is_replaced() -> None:
    pool = apart._Pool()
    message = json.dumps({"text": ONE_LINE, "today": "2026-11-30"}).encode()
    first = pool.ask(message, 20)
    (kept,) = pool._idle
    kept._child.kill()
    kept._child.wait()
    assert pool.ask(message, 20) == first
    (fresh,) = pool._idle
    assert fresh is not kept
    fresh.end()


# ── places ───────────────────────────────────────────────────────────────────────────────────────


class Held(io.BytesIO):
    """An upload that takes as long to read as the test wants."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.begun, self.let_go = threading.Event(), threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        self.begun.set()
        self.let_go.wait(30)
        return super().read(size)


async def begins(file: Held) -> None:
    """Wait until it is read, on a thread that nobody shares."""
    assert await anyio.to_thread.run_sync(file.begun.wait, 30, limiter=anyio.CapacityLimiter(1))


def test_waiting_files_hold_no_shared_thread_and_one_caller_cannot_take_all_places() -> None:
    async def scene() -> None:
        places = Places(at_once=2, of_one=1, queue=3, patience=20)
        held = [Held(ONE_LINE.encode()) for _ in range(3)]
        texts: list[str] = []

        async def send(file: Held) -> None:
            texts.append(await places.read("kim", file))

        async with anyio.create_task_group() as group:
            for file in held:
                group.start_soon(send, file)
            await begins(held[0])
            with pytest.raises(TooManyRequests, match="3 of your files"):
                await places.read("kim", io.BytesIO(b"one more"))
            assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
            assert await places.read("lee", io.BytesIO(ONE_LINE.encode())) == ONE_LINE
            for file in held:
                file.let_go.set()
        assert texts == [ONE_LINE] * 3
        assert await places.read("kim", io.BytesIO(ONE_LINE.encode())) == ONE_LINE

    anyio.run(scene)


def test_a_turn_that_does_not_come_is_refused_with_when_to_come_back() -> None:
    async def scene() -> None:
        places = Places(at_once=1, of_one=1, queue=3, patience=0.01)
        held = Held(ONE_LINE.encode())
        async with anyio.create_task_group() as group:
            group.start_soon(places.read, "kim", held)
            await begins(held)
            with pytest.raises(TooManyRequests, match="a few seconds"):
                await places.read("lee", io.BytesIO(b"text"))
            held.let_go.set()

    anyio.run(scene)
    answer = problems.of(TooManyRequests("full", retry_after=5))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
