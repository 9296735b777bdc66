"""The two state machines: the enums, the tables of moves, the drawing and the code agree."""

import re
from dataclasses import fields
from typing import Any

import pytest

from stagepass.declare.registry import Registry
from stagepass.engine.model import states
from stagepass.engine.model.records import TERMINAL, Job, StageRun
from stagepass.engine.model.run_notes import RunNotes
from stagepass.engine.model.states import (
    DONE,
    ENDED,
    JOB_MOVES,
    OPEN,
    RUN_MOVES,
    STOPPED,
    TIMED,
    JobState,
    RunState,
)
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.testing import HandClock


def test_every_state_has_its_moves_and_can_be_reached() -> None:
    for kind, moves, first in ((RunState, RUN_MOVES, {"ready", "waiting", "held"}), (JobState, JOB_MOVES, {"queued"})):
        assert set(moves) == set(kind)
        reached = {to for targets in moves.values() for to in targets} | first
        assert reached == set(kind)
        assert all(state not in targets for state, targets in moves.items())


def test_the_groups_of_states_cover_every_state_once() -> None:
    assert sorted([*DONE, *STOPPED, *OPEN]) == sorted(RunState)
    assert TIMED < OPEN
    assert {f"job.{state.value}" for state in ENDED} == TERMINAL


def test_the_drawing_names_every_state_and_no_other() -> None:
    drawing, _, _ = (states.__doc__ or "").partition("Facts that decide")
    drawn = set(re.findall(r"[a-z]+", drawing.split("\n", 2)[2]))
    assert {state.value for state in (*RunState, *JobState)} - {"discarded"} <= drawn
    words = {
        *("stage", "run", "job", "claim", "released", "rescued", "due", "a", "person", "redrive", "resume", "retry"),
        *("from", "any", "state", "in", "which", "nothing", "runs"),
    }
    assert drawn - {state.value for state in (*RunState, *JobState)} <= words


def test_the_facts_beside_the_state_are_fields_of_the_records() -> None:
    _, _, facts = (states.__doc__ or "").partition("Facts that decide")
    runs, _, jobs = facts.partition("\njob ")
    named = set(re.findall(r"notes\.(\w+)", runs))
    assert named <= {note.name for note in fields(RunNotes)}
    plain = set(re.findall(r"^(?:stage run)? +([a-z_]+)  ", runs, re.MULTILINE))
    assert plain == {"due_at", "token", "crashes"} <= {field.name for field in fields(StageRun)}
    of_job = set(re.findall(r"^ +([a-z_]+)  ", jobs, re.MULTILINE))
    assert (
        of_job == {"tally", "cancel_requested", "ending", "stepwise", "parent"} <= {field.name for field in fields(Job)}
    )
    only_counted = {"claims", "parked", "idle", "idle_attempt", "idle_since", "waits", "signal", "children", "unknown"}
    only_counted |= {"memoless", "looked", "begun", "keeps_orders", "lost_at"}
    assert {note.name for note in fields(RunNotes)} == named | only_counted, "a new note is drawn, or is named here"


@pytest.mark.parametrize(("row", "moves"), [
    ("ready ──claim──▶ running ──▶ completed, skipped", {("ready", "running"), ("running", "completed"), ("running", "skipped")}),
    ("├──▶ waiting, retrying, parked ──due──▶ ready", {(a, b) for s in ("waiting", "retrying", "parked") for a, b in (("running", s), (s, "ready"))}),
    ("├──▶ held ──a person──▶ ready", {("running", "held"), ("held", "ready")}),
    ("├──▶ failed ──redrive, resume──▶ ready", {("running", "failed"), ("failed", "ready")}),
    ("cancelled ──resume──▶ ready", {("ready", "cancelled"), ("running", "cancelled"), ("cancelled", "ready")}),
])  # fmt: skip
def test_what_is_drawn_is_allowed(row: str, moves: set[tuple[str, str]]) -> None:
    assert row in (states.__doc__ or "")
    for here, there in moves:
        assert RunState(there) in RUN_MOVES[RunState(here)], f"{here} → {there}"


def uow() -> Any:
    return UnitOfWork(None, HandClock(), Registry())  # type: ignore[arg-type]


@pytest.mark.parametrize("here", RunState)
@pytest.mark.parametrize("there", RunState)
def test_no_run_makes_a_move_that_the_table_lacks(here: RunState, there: RunState) -> None:
    run = StageRun("j.s", "j", "p", 1, "s", "p.s", "o", 1, state=here)
    if there in RUN_MOVES[here]:
        made = uow()
        made.move_run(run, there)
        assert run.state is there
        assert ("j.s" in made.ready) == (there is RunState.READY)
    else:
        with pytest.raises(AssertionError, match="is not a move"):
            uow().move_run(run, there)
        assert run.state is here


@pytest.mark.parametrize("here", JobState)
@pytest.mark.parametrize("there", JobState)
def test_no_job_makes_a_move_that_the_table_lacks(here: JobState, there: JobState) -> None:
    job = Job("j", "p", 1, "o", "{}", 1, 1, state=here)
    if there in JOB_MOVES[here] or there is here:
        uow().move_job(job, there)
        assert job.state is there
    else:
        with pytest.raises(AssertionError, match="is not a move"):
            uow().move_job(job, there)
        assert job.state is here
