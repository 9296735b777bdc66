"""The engine's notes of a stage run: what is written, and that the rows of other releases are read."""

import json
from dataclasses import fields
from typing import Any

import pytest

from stagepass.engine.model import run_notes
from stagepass.engine.model.ids import run_id
from stagepass.engine.model.records import Job, StageRun, Tally
from stagepass.engine.model.run_notes import RunNotes
from stagepass.sentences import sentence
from stagepass.store import rows, texts
from stagepass.store.tables import jobs, stage_runs

VALUES: dict[str, Any] = {
    **dict.fromkeys(("claims", "failures", "parked", "idle", "idle_attempt", "idle_since", "lost_at"), 3),
    **dict.fromkeys(("resumes", "alone", "unread", "cancelling", "counted", "step", "keeps_orders", "cleanup"), True),
    "codes": {"transient": 2},
    "streaks": {"~wait:song": {"transient": 2}},
    "memoless": 3,
    "looked": 7,
    "begun": True,
    "awaits_all": True,
    "again": ["square#2"],
    "waits": {"song: generating": 60_000},
    "busy": "suno: quota_exhausted",
    "blocked_by": "suno",
    "signal": {"data": [1]},
    "children": ["j"],
    "unknown": {"of_another_release": {"a": 1}},
}


def test_every_note_comes_back_and_none_is_written_at_its_default() -> None:
    assert set(VALUES) == {note.name for note in fields(RunNotes)}
    notes = RunNotes(**VALUES)
    stored = run_notes.to_json(notes)
    assert run_notes.from_json(json.loads(json.dumps(stored))) == notes
    assert run_notes.to_json(RunNotes()) == {}
    for name in VALUES.keys() - {"unknown", "blocked_by"}:
        assert run_notes.to_json(RunNotes(**{name: VALUES[name]})) == {name: VALUES[name]}


def test_a_run_that_went_through_writes_one_number() -> None:
    run = StageRun(run_id("j", "s"), "j", "p", 1, "s", "p.s", "kim", 1)
    run.notes.claims = 1
    assert rows.run_row(run)["scratch"] == '{"claims":1}'


def test_what_the_release_before_wrote_is_read() -> None:
    notes = run_notes.from_json(
        {"claims": 2, "resumes": True, "busy": "suno: down", "codes": {"x": 1}, "waits": {"w": 5}, "signal": None}
    )
    assert notes == RunNotes(claims=2, resumes=True, busy="suno: down", codes={"x": 1}, waits={"w": 5})


def test_the_release_before_forgets_what_blocked_a_run_by_dropping_the_reason_alone() -> None:
    assert run_notes.from_json({"blocked_by": "suno"}).blocked_by is None


@pytest.mark.parametrize(
    ("tally", "stored"),
    [(Tally(3, 1), [3, 1]), (Tally(3, 1, 2), [3, 1, 1, 2]), (Tally(3, 1, None), [3, 1, 1])],
)
def test_a_tally_is_written_as_every_release_reads_it(tally: Tally, stored: list[int]) -> None:
    job = Job("j", "p", 1, "kim", "{}", 1, 1, tally={"s": tally})
    row = rows.job_row(job)
    assert json.loads(row["tally"]) == {"s": stored}
    assert rows.job_of([row[name] for name in rows.job_of.columns]) == job


def test_a_record_is_read_by_the_names_of_its_columns() -> None:
    run = StageRun(run_id("j", "s"), "j", "p", 1, "s", "p.s", "kim", 1, error={"code": "x"}, notes=RunNotes(claims=2))
    row = rows.run_row(run)
    assert (row["error_code"], row["counted"], row["blocked_by"]) == ("x", False, None)
    assert {*rows.run_of.columns, "error_code", "counted", "blocked_by"} == set(row) == set(stage_runs.c.keys())
    assert rows.run_of([row[name] for name in rows.run_of.columns]) == run
    assert set(rows.job_of.columns) == set(jobs.c.keys())


def test_a_message_with_a_code_is_the_same_after_the_database() -> None:
    """And an author's own text is left as it is, also one that looks like ours."""
    for text in (sentence("photo {n} of {m}", n=1, m=3), "plain", '["not", "ours', '["a"]', None):
        run = StageRun(run_id("j", "s"), "j", "p", 1, "s", "p.s", "kim", 1, message=text)
        stored = rows.run_row(run)
        found = rows.run_of([stored.get(column) for column in rows.run_of.columns])
        assert found.message == text
        assert getattr(found.message, "template", None) == getattr(text, "template", None)
        assert getattr(found.message, "parameters", None) == getattr(text, "parameters", None)
    long = sentence("{x}", x="y" * 600)
    assert len(texts.message_text(long) or "") <= 500
