"""`why` through the command line and over HTTP: the same answer, in the reader's language, for those who may see it."""

import json
import os

import pytest

from tests.doctor.conftest import Stack
from tests.doctor.test_why import cases, idle_worker
from tests.support.api import is_problem
from tests.support.cli import run_here


def asked(stack: Stack, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    for name, value in stack.given.items():
        monkeypatch.setenv(name, value)
    code, out, _ = run_here("why", *arguments)
    return code, out


def test_the_command_and_the_route_give_the_same_answer(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    job = stack.submit("hold", owner="ann", key="order-4711")
    stack.work()
    stack.reaches(job, "running")
    stack.serve()
    assert stack._server is not None
    with stack._server.client("ann") as ann, stack._server.client("bea") as bea:
        answer = ann.get(f"/api/v1/jobs/{job}/why")
        assert answer.status_code == 200
        told = answer.json()
        is_problem(bea.get(f"/api/v1/jobs/{job}/why"), 404, "not_found")
        korean = ann.get(f"/api/v1/jobs/{job}/why", headers={"Accept-Language": "ko"}).json()
    code, out = asked(stack, monkeypatch, "order-4711", "--json")
    assert code == 0
    mine = json.loads(out)
    assert mine["reasons"][0]["code"] == told["reasons"][0]["code"] == "working"
    names = {fact["name"] for fact in told["reasons"][0]["evidence"]}
    assert names == {fact["name"] for fact in mine["reasons"][0]["evidence"]} - {"worker"}, "hosts are the operator's"
    assert korean["reasons"][0]["text"] == "실행 중이에요."
    stack.open("hold")


def test_the_answer_fits_a_screen_in_both_languages(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for case, word in (("no_worker", "워커가 없어요"), ("parked", "버전"), ("child", "기다려요")):
        job = cases[case][0](stack)
        for language in ("en", "ko"):
            code, out = asked(stack, monkeypatch, job, "--lang", language)
            assert code == 0
            assert len(out.splitlines()) <= 24, out
            assert (word in out) == (language == "ko")
        stack.rest()


def test_a_job_that_is_not_there(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(stack, monkeypatch, "order-0")[0] == 3


def test_items_alike_are_one_reason_and_what_needs_a_hand_comes_first(stack: Stack) -> None:
    idle_worker(stack, os.getpid())
    job = stack.submit()
    stack.sql(
        "INSERT INTO stage_runs SELECT id || '.' || n.x, job_id, pipeline, version, stage, n.x, 'walk.gone', owner, state,"
        " priority, turn, due_at, attempts, crashes, token, worker, created_at, started_at, attempt_at, finished_at,"
        " item_input, output, error, scratch, progress, message, error_code, blocked_by, counted, urgency"
        " FROM stage_runs, (SELECT 1 AS x UNION SELECT 2 UNION SELECT 3) n"
    )
    answer = stack.why(job)
    assert [(reason.code, reason.count) for reason in answer.reasons] == [("no_worker", 3), ("starting", 1)]
