"""`why` on every state of the run machine: it names the state, and the command that it gives moves the job."""

import os
import subprocess
from collections.abc import Callable

import pytest

from stagepass.declare.registry import Registry
from stagepass.doctor.texts import catalogue
from stagepass.engine.model.clock import SystemClock
from stagepass.engine.model.limits import Limit
from stagepass.engine.model.machine import place
from stagepass.engine.model.records import WorkerRow
from stagepass.engine.model.states import JobState, RunState
from tests.doctor.conftest import Stack
from tests.support.waiting import wait_until

Plant = Callable[[Stack], str]
MINUTE = 60_000

cases: dict[str, tuple[Plant, bool]] = {}
"""By the reason's code: how a job gets there, and whether the first command moves it at once."""
seen_runs: set[RunState] = set()
seen_jobs: set[JobState] = set()


def case(code: str, *, moves: bool = True) -> Callable[[Plant], Plant]:
    def keep(plant: Plant) -> Plant:
        cases[code] = (plant, moves)
        return plant

    return keep


def idle_worker(stack: Stack, pid: int, *, beat_ago: int = 0, slots: int = 4) -> str:
    """The row of a worker that claims nothing."""
    now = SystemClock().now()
    row = WorkerRow(f"w-{pid}", place(), pid, ("walk.act", "walk.pack"), slots, 1, now - MINUTE, now - beat_ago)
    stack.system.store.add_worker(row)
    return row.id


def dead_process() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


# ── ready ──


@case("no_worker")
def no_worker(stack: Stack) -> str:
    return stack.submit()


@case("starting", moves=False)
def starting(stack: Stack) -> str:
    idle_worker(stack, os.getpid())
    return stack.submit()


@case("stalled", moves=False)  # ends this process: the row is ours
def stalled(stack: Stack) -> str:
    idle_worker(stack, os.getpid())
    job = stack.submit()
    stack.sql("UPDATE stage_runs SET due_at = due_at - 60000")
    return job


@case("broker_away")
def broker_away(stack: Stack) -> str:
    job = stalled(stack)
    stack.redis.stop()
    return job


@case("workers_full")
def workers_full(stack: Stack) -> str:
    stack.work(slots=1)
    stack.reaches(stack.submit("hold"), "running")
    return stack.submit(owner="bea")


@case("in_line", moves=False)  # the command is the same as of `workers_full`
def in_line(stack: Stack) -> str:
    stack.work()
    stack.reaches(stack.submit(), "completed")
    stack.rest()
    idle_worker(stack, os.getpid())
    stack.submit(owner="bea")
    job = stack.submit(owner="cat")
    stack.sql("UPDATE stage_runs SET due_at = due_at - 60000 WHERE state = 'ready'")
    return job


@case("gathering", moves=False)
def gathering(stack: Stack) -> str:
    stack.work()
    return stack.reaches(stack.submit(), "ready", "pack")


@case("paused")
def paused(stack: Stack) -> str:
    stack.carry_out("stagepass pause walk.act --why maintenance")
    stack.work()
    return stack.submit()


@case("limited", moves=False)
def limited(stack: Stack) -> str:
    stack.work()
    stack.reaches(stack.submit("hold"), "running")
    stack.carry_out("stagepass limit walk.act 1")
    return stack.submit(owner="bea")


# ── running ──


@case("working", moves=False)
def working(stack: Stack) -> str:
    stack.work()
    return stack.reaches(stack.submit("hold"), "running")


@case("cancelling", moves=False)
def cancelling(stack: Stack) -> str:
    job = stack.reaches(stack.submit("hold"), "ready")
    worker = idle_worker(stack, os.getpid())
    stack.sql(
        "UPDATE stage_runs SET state = 'running', worker = :worker, token = 't', attempt_at = created_at", worker=worker
    )
    stack.system.engine.cancel(job, None)
    return job


@case("past_limit", moves=False)
def past_limit(stack: Stack) -> str:
    job = working(stack)
    stack.sql("UPDATE stage_runs SET attempt_at = attempt_at - 86400000 WHERE state = 'running'")
    return job


@case("lost")
def lost(stack: Stack) -> str:
    job = stack.submit()
    worker = idle_worker(stack, dead_process())
    stack.sql("UPDATE stage_runs SET state = 'running', worker = :worker, token = 't'", worker=worker)
    return job


@case("lost_no_relay")
def lost_no_relay(stack: Stack) -> str:
    job = lost(stack)
    stack.sql("UPDATE workers SET beat_at = beat_at - 60000")
    return job


# ── waiting ──


@case("no_relay")
def no_relay(stack: Stack) -> str:
    job = stack.submit(delay=3600)
    stack.sql("UPDATE stage_runs SET due_at = due_at - 3700000")
    return job


@case("delayed")
def delayed(stack: Stack) -> str:
    return stack.submit(delay=3600)


def _waits(how: str, state: str = "waiting") -> Plant:
    def plant(stack: Stack) -> str:
        stack.work()
        return stack.reaches(stack.submit(how), state)

    return plant


case("order")(_waits("order"))
case("waiting")(_waits("look"))
case("sleep", moves=False)(_waits("sleep"))
case("message")(_waits("message"))
case("approval")(_waits("approval"))
case("child", moves=False)(_waits("child"))
case("provider_closed", moves=False)(_waits("closed"))
case("retrying")(_waits("flaky", "retrying"))


@case("unknown_outcome", moves=False)  # a person has to fill in the id; the test below does
def unknown_outcome(stack: Stack) -> str:
    job = _waits("lose", "retrying")(stack)
    stack.sql("UPDATE stage_runs SET due_at = created_at")
    stack.system.relay().promote()
    return stack.reaches(job, "held")


@case("provider_paused", moves=False)  # a relay wakes what waited; none runs here
def provider_paused(stack: Stack) -> str:
    job = _waits("closed")(stack)
    stack.carry_out("stagepass providers close suno --why maintenance")
    return job


@case("provider_open_again")
def provider_open_again(stack: Stack) -> str:
    job = _waits("closed")(stack)
    stack.system.provider_limits._client.flushdb()
    return job


@case("provider_line")
def provider_line(stack: Stack) -> str:
    stack.system.provider_limits.enter("narrow", Limit(concurrency=1), "other", at_most=3600)
    return _waits("line")(stack)


# ── parked, held, ended ──


@case("parked")
def parked(stack: Stack) -> str:
    job = stack.submit()
    stack.sql("UPDATE stage_runs SET version = 2")
    stack.work()
    stack.reaches(job, "parked")
    stack.sql("UPDATE stage_runs SET version = 1, due_at = due_at + 3600000")  # the code of that version is deployed
    stack.rest()
    return job


@case("stepwise")
def stepwise(stack: Stack) -> str:
    stack.work()
    return stack.reaches(stack.submit(stepwise=True), "held", "pack")


@case("held")
def held(stack: Stack) -> str:
    job = stepwise(stack)
    stack.sql("UPDATE stage_runs SET scratch = '{}' WHERE state = 'held'")
    return job


@case("nothing_open")
def nothing_open(stack: Stack) -> str:
    job = stack.submit()
    elsewhere = stack.work(registry=Registry())
    assert elsewhere is not None
    stack.sql("UPDATE stage_runs SET state = 'completed', output = '{\"text\": \"made\"}', finished_at = created_at")
    stack.sql("UPDATE jobs SET state = 'running', tally = '{\"act\": [1, 1, 0]}'")
    return job


@case("completed", moves=False)
def completed(stack: Stack) -> str:
    job = gathering(stack)
    stack.sql("UPDATE stage_runs SET due_at = due_at - 7200000 WHERE stage = 'pack'")
    return stack.reaches(job, "completed", "pack")


@case("cancelled")
def cancelled(stack: Stack) -> str:
    job = stack.submit()
    stack.system.engine.cancel(job, None)
    return job


UNWALK = ("unwalk.step", "unwalk.halt", "unwalk.back")


@case("undone", moves=False)
def undone(stack: Stack) -> str:
    stack.open("back")
    return _unwalk(stack)


@case("not_undone")
def not_undone(stack: Stack) -> str:
    (stack.folder / "flag-back").unlink(missing_ok=True)
    return _unwalk(stack)


def _unwalk(stack: Stack) -> str:
    stack.work(*UNWALK)
    job = stack.system.engine.submit("unwalk", {"flag": str(stack.folder / "flag-back")}).job.id
    wait_until(lambda: stack.system.engine.job(job, None).state is JobState.FAILED, 10, "it has cleaned up")
    return job


@case("failed")
def failed(stack: Stack) -> str:
    stack.work()
    return stack.reaches(stack.submit("fail"), "failed")


@case("discarded")
def discarded(stack: Stack) -> str:
    job = failed(stack)
    stack.system.engine.discard(f"{job}.act", None)
    return job


@pytest.mark.parametrize("code", cases)
def test_why_names_it_and_its_command_moves_it(stack: Stack, code: str) -> None:
    plant, moves = cases[code]
    job = plant(stack)
    try:
        _note(stack, job)
        answer = stack.why(job)
        reason = answer.reasons[0]
        assert reason.code == code, answer
        assert reason.evidence
        assert reason.at or reason.acts, "neither a time nor a command"
        if not moves:
            return
        before = stack.where(job)
        if "curl" in reason.acts[0].command:
            stack.serve()
    finally:
        if code == "broker_away":
            stack.redis.start()
    stack.carry_out(reason.acts[0].command)
    wait_until(lambda: stack.where(job) != before, 20, f"{reason.acts[0].command} moves it")


def _note(stack: Stack, job: str) -> None:
    found = stack.system.store.look(job)
    assert found is not None
    seen_jobs.add(found[0].state)
    seen_runs.update(run.state for run in found[1])


def test_the_walk_is_whole() -> None:
    told = {code.removeprefix("why.") for code in catalogue().codes("en") if code.startswith("why.")}
    assert told == set(cases)
    assert catalogue().problems() == []


def test_every_state_is_walked() -> None:
    """Each state of a run and of a job was met by a case above, except a skipped run, which waits for nothing."""
    assert set(RunState) - seen_runs == {RunState.SKIPPED}
    assert set(JobState) - seen_jobs == set()


def test_both_answers_to_an_unknown_outcome_move_the_job(stack: Stack) -> None:
    for number in (0, 1):
        job = unknown_outcome(stack)
        before = stack.where(job)
        stack.open("lose")
        stack.carry_out(stack.why(job).reasons[0].acts[number].command)
        assert stack.where(job) != before
        stack.rest()
        (stack.folder / "flag-lose").unlink()
