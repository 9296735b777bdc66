"""Every wait on somebody else has a deadline: a call that may wait and names none is an exception with its reason here."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "stagepass"

WAITS = {
    # name of what is called: position of its timeout, among the arguments that are not named
    "wait": 0,
    "wait_for": 1,
    "join": 0,
    "result": 0,
    "get": 1,
    "communicate": 1,
    "urlopen": 2,
    "create_connection": 1,
    "flock": 99,
    "run": 99,
    "check_output": 99,
    "check_call": 99,
}
ONLY = {"run": ("subprocess",), "check_output": ("subprocess",), "check_call": ("subprocess",), "flock": ("fcntl",)}
NAMES = {"timeout", "deadline", "wait_seconds"}


def waits() -> Iterator[str]:
    """``file:function:call`` of calls that may wait and name no deadline."""
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        owners = {
            id(node): function.name
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            for node in ast.walk(function)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (name := _without_deadline(node)):
                yield f"{path.relative_to(SOURCE)}:{owners.get(id(node), '-')}:{name}"


def _without_deadline(call: ast.Call) -> str | None:
    if not isinstance(call.func, ast.Attribute) or (place := WAITS.get(call.func.attr)) is None:
        return None
    name, of = call.func.attr, ast.unparse(call.func.value)
    if name in ONLY and of not in ONLY[name]:
        return None
    if name == "flock" and "LOCK_EX" not in ast.unparse(call):
        return None
    if name == "flock" and "LOCK_NB" in ast.unparse(call):
        return None
    if name == "join" and (call.args or call.keywords or of.startswith(("'", '"', "os.path"))):
        return None  # of a text, or with its time
    if name == "get" and (call.args or call.keywords or not of.startswith("self.")):
        return None  # of a mapping or a context variable, or with its time
    if any(keyword.arg in NAMES for keyword in call.keywords) or len(call.args) > place:
        return None
    return f"{of}.{name}"


ALLOWED = {
    "bus/followers.py:next:self._wake.wait": "a client's stream: its end or its sender's deadline wakes it",
    "bus/listen.py:_check:self._look.wait": "inside asyncio.timeout",
    "bus/publish.py:_run:self._wake.wait": "an idle thread that waits for its own process's news",
    "cli/demo.py:_stop:process.wait": "after a kill",
    "embedded/redis.py:_starts:process.wait": "after a kill",
    "engine/execute/settling.py:settle_and_claim:future.result": "an end is kept until it is stored; see `committer`",
    "engine/execute/claiming.py:_fetched:claim.result": "the committer's claims have a patience",
    "engine/execute/event_loop.py:run:future.result": "the lease's watch cancels the coroutine",
    "engine/execute/fastlane.py:_begin_job:claim.result": "the committer's claims have a patience",
    "engine/execute/heartbeat.py:_look_loop:self._looks.get": "an idle thread that waits for its own process's beats",
    "engine/execute/side_by_side.py:_cancel:future.result": "the committer's acts have a patience",
    "pipelines/resume/metering.py:_run:self._waiting.get": "an idle thread that waits for its own process's calls",
    "pipelines/resume/sandbox/start.py:end:self.wait": "after a kill",
    "providers/local/clip/encode.py:encode:process.wait": "its pipe has ended; the watch kills it at its time",
    "providers/local/clip/film.py:__iter__:coming.result": "frames that are drawn by this very process",
    "providers/local/process.py:kill:self._process.wait": "after a kill",
    "store/checkpoint.py:_run:self._change.wait_for": "an idle thread that waits for its own process's writes",
    "store/gate.py:__enter__:self._change.wait_for": "a fork of its own process, which opens it again",
    "store/writer.py:run:fcntl.flock": "in a thread that stands in line; the caller has the deadline",
}
"""Waits without a deadline of their own, each with the reason why it is not one on somebody else."""


def test_no_wait_on_somebody_else_is_without_a_deadline() -> None:
    found = set(waits())
    assert sorted(found - ALLOWED.keys()) == [], "give it a timeout, or say here why it needs none"
    assert sorted(ALLOWED.keys() - found) == [], "take it out of the list"
