"""Approvals: a signed link, a form in two languages, one answer, a deadline; and looking changes nothing."""

import base64
import json
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

import httpx2
import pytest
from pydantic import BaseModel, Field

from stagepass import Context, Pipeline
from stagepass.declare.registry import Registry
from stagepass.errors import Conflict
from stagepass.testing import Crash, Lab
from tests.support.api import Installation, RedisServer, ended, installation, is_problem
from tests.support.processes import at_once, raised
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

links: list[str] = []


class Draft(BaseModel):
    text: str


ask = Pipeline("ask", input=Draft)


@ask.stage(time_limit="2s", run_limit="4s")  # a person's time is not the stage's
def publish(ctx: Context, request: Draft) -> dict[str, Any]:
    verdict = ctx.approval("Publish <this>?", who="Kim & Lee", tell=links.append, details=request.text, at_most="2d")
    return verdict.model_dump(mode="json")


class Payment(BaseModel):
    amount: int = Field(description="Amount in won")
    method: Literal["card", "transfer"] = "card"
    express: bool = False
    remark: str | None = None


pay = Pipeline("pay", input=Draft)


@pay.stage()
def paid(ctx: Context, request: Draft) -> Payment:
    answer = ctx.approval("Pay?", who="boss", tell=links.append, details=request.text, type=Payment).answer
    assert isinstance(answer, Payment)
    return answer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("approvals"), redis.url, Registry([ask, pay])) as made:
        made.work()
        with made.client("warm") as client:  # starts what starts by itself at the first use
            waiting(client, "warm")
        yield made


@pytest.fixture
def ann(world: Installation) -> Iterator[httpx2.Client]:
    with world.client("ann") as client:
        yield client


@pytest.fixture
def nobody(world: Installation) -> Iterator[httpx2.Client]:
    """Somebody with the link and nothing else."""
    with httpx2.Client(base_url=world.server.url, trust_env=False) as client:
        yield client


def waiting(client: httpx2.Client, text: str) -> tuple[str, str]:
    """A job that waits, and the link that was told."""
    links.clear()
    job = client.post("/api/v1/pipelines/ask/jobs", json={"text": text}).json()["id"]
    state = lambda: client.get(f"/api/v1/jobs/{job}").json()["stages"][0]["state"]  # noqa: E731
    wait_until(lambda: links and state() == "waiting", saying="it waits")
    return job, links[-1]


YES = {"decision": "approve"}


def events(client: httpx2.Client, job: str) -> str:
    return client.get(f"/api/v1/jobs/{job}/events").text


@pytest.mark.parametrize(("language", "button"), [("ko-KR,ko;q=0.9", "승인"), ("en", "Approve"), (None, "Approve")])
def test_the_form_speaks_korean_and_english(
    ann: httpx2.Client, nobody: httpx2.Client, language: str | None, button: str
) -> None:
    _, link = waiting(ann, "a <b>bold</b> text")
    page = nobody.get(link, headers={"Accept-Language": language} if language else {})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f'value="approve">{button}<' in page.text
    assert "a &lt;b&gt;bold&lt;/b&gt; text" in page.text
    assert "Kim &amp; Lee" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize(("decision", "approved"), [("approve", True), ("reject", False)])
def test_an_answer_wakes_the_stage_and_is_recorded(
    ann: httpx2.Client, nobody: httpx2.Client, decision: str, approved: bool
) -> None:
    job, link = waiting(ann, "text")
    answer = nobody.post(link, data={"decision": decision, "note": "쉼표를 고쳐 주세요"})
    assert answer.status_code == 200
    done = ended(ann, job)
    result = done["result"]
    assert (result["approved"], result["note"], result["who"]) == (approved, "쉼표를 고쳐 주세요", "Kim & Lee")
    assert result["at"]
    told = events(ann, job)
    assert told.count("event: stage.answered") == 1
    assert "Kim" not in told.replace(str(result), "")
    assert "쉼표" not in told


def test_looking_changes_nothing(ann: httpx2.Client, nobody: httpx2.Client) -> None:
    job, link = waiting(ann, "text")
    before = ann.get(f"/api/v1/jobs/{job}").json()
    for _ in range(3):
        assert nobody.get(link).status_code == 200
        assert nobody.get(f"{link}?decision=approve").status_code == 200
    assert ann.get(f"/api/v1/jobs/{job}").json() == before


def test_a_link_takes_one_answer(ann: httpx2.Client, nobody: httpx2.Client) -> None:
    job, link = waiting(ann, "text")
    assert nobody.post(link, data={"decision": "reject"}).status_code == 200
    again = nobody.post(link, data={"decision": "approve"})
    assert again.status_code == 409
    assert "already answered" in again.text or "is closed" in again.text
    assert ended(ann, job)["result"]["approved"] is False
    assert "<form" not in nobody.get(link).text


def test_an_answer_to_a_cancelled_job_is_refused(ann: httpx2.Client, nobody: httpx2.Client) -> None:
    job, link = waiting(ann, "text")
    ann.post(f"/api/v1/jobs/{job}/cancel")
    answer = nobody.post(link, data={"decision": "approve"})
    assert (answer.status_code, "is closed" in answer.text) == (409, True)


def test_a_token_that_was_altered_is_refused(ann: httpx2.Client, nobody: httpx2.Client) -> None:
    job, link = waiting(ann, "text")
    body, mac = link.rsplit(".", 1)
    forged = f"{body}.{mac[::-1]}"
    is_problem(nobody.get(forged), 403, "forbidden")
    for wrong, code in ((forged, 403), (link[:-3], 403), (link.rsplit(".", 1)[0], 404)):
        browser = {"Accept": "text/html,*/*", "Accept-Language": "ko"}
        for page in (nobody.get(wrong, headers=browser), nobody.post(wrong, data=YES, headers=browser)):
            assert (page.status_code, "링크를 열 수 없어요" in page.text, "<form" in page.text) == (code, True, False)
    is_problem(nobody.post(forged, data=YES), 403, "forbidden")
    assert ann.get(f"/api/v1/jobs/{job}").json()["state"] == "running"


def test_the_link_leads_to_a_page_for_a_month_after_the_deadline(ann: httpx2.Client, nobody: httpx2.Client) -> None:
    job, link = waiting(ann, "text")
    body = link.rsplit("/", 1)[1].partition(".")[0]
    expires = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))[0]
    assert 31.9 < (expires - time.time()) / 86_400 <= 32.1  # two days to answer, thirty more to be told
    ann.post(f"/api/v1/jobs/{job}/cancel")
    page = nobody.get(link, headers={"Accept-Language": "en"})
    assert (page.status_code, "the deadline passed or the job ended" in page.text) == (200, True)


def test_the_deadline_is_told_in_the_reader_s_time(ann: httpx2.Client, nobody: httpx2.Client) -> None:
    _, link = waiting(ann, "text")
    told = [
        re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d", nobody.get(link, headers={"Accept-Language": language}).text)
        for language in ("ko", "en")
    ]
    korean, english = (datetime.fromisoformat(found[0]) for found in told if found)
    assert korean - english == timedelta(hours=9)


@pytest.mark.parametrize("data", [{}, {"decision": "perhaps"}, {"decision": "approve", "note": "x" * 2001}])
def test_a_form_that_says_nothing_is_refused(ann: httpx2.Client, nobody: httpx2.Client, data: dict[str, str]) -> None:
    job, link = waiting(ann, "text")
    assert nobody.post(link, data=data or {"note": "hm"}).status_code == 422
    assert ann.get(f"/api/v1/jobs/{job}").json()["state"] == "running"


# ── what the engine promises ──


def test_a_typed_question_is_a_form(ann: httpx2.Client, nobody: httpx2.Client) -> None:
    before = len(links)
    job = ann.post("/api/v1/pipelines/pay/jobs", json={"text": "rent"}).json()["id"]
    wait_until(lambda: len(links) > before)
    link = links[-1]
    page = nobody.get(link).text
    for part in (
        "Amount in won",
        'type="number" step="1"',
        "<option selected>card</option>",
        'type="checkbox"',
        "(optional)",
    ):
        assert part in page
    wrong = nobody.post(link, data={"decision": "approve", "field.amount": "ten", "field.remark": "<b>"})
    assert wrong.status_code == 422
    assert "Amount in won" in wrong.text
    assert "&lt;b&gt;" in wrong.text, "what was filled in is still there"
    assert (
        nobody.post(link, data={"decision": "approve", "field.amount": "1", "field.method": "gold"}).status_code == 422
    )
    filled = {"decision": "approve", "field.amount": "10000", "field.method": "transfer", "field.express": "1"}
    assert nobody.post(link, data=filled).status_code == 200
    ended(ann, job)
    result = ann.get(f"/api/v1/jobs/{job}/result").json()["result"]
    assert result == {"amount": 10000, "method": "transfer", "express": True, "remark": None}


def asked(lab: Lab) -> dict[str, str]:
    while lab.step():
        pass
    run, name, token = links[-1].rsplit("/", 3)[1:]
    return {"run_id": run, "name": name, "ask": token}


def test_of_two_answers_at_once_one_counts() -> None:
    with Lab(ask) as lab:
        job = lab.submit({"text": "a"})
        given = asked(lab)
        results = at_once([lambda yes=yes: lab.engine.answer(**given, approved=yes) for yes in (True, False)])
        refused = raised(results)
        assert [type(problem) for problem in refused] == [Conflict]
        assert lab.finish(job).state == "completed"


def test_after_the_deadline_there_is_no_answer_and_resume_asks_anew() -> None:
    with Lab(ask) as lab:
        job = lab.submit({"text": "a"})
        old = asked(lab)
        lab.clock.advance(2 * 86400)
        with pytest.raises(Conflict, match="deadline"):
            lab.engine.answer(**old, approved=True)
        failed = lab.finish(job)
        assert failed.error is not None
        assert (failed.error["code"], "no answer within the time limit" in failed.error["message"]) == (
            "permanent",
            True,
        )
        lab.engine.resume(job.id, None)
        new = asked(lab)
        assert new["ask"] != old["ask"]
        with pytest.raises(Conflict, match="this request is closed"):
            lab.engine.answer(**old, approved=True)
        lab.engine.answer(**new, approved=True)
        assert lab.finish(job).state == "completed"


@pytest.mark.parametrize("point", ["settle.before_commit", "body.after"])
def test_an_answer_outlives_a_crash(point: str) -> None:
    with Lab(ask) as lab:
        job = lab.submit({"text": "a"})
        given = asked(lab)
        lab.engine.answer(**given, approved=True)
        lab.crash(point)
        with pytest.raises(Crash):
            lab.step()
        lab.recover()
        assert lab.finish(job).state == "completed"
        assert lab.result(job)["approved"] is True
