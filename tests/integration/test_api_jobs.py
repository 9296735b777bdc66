"""Jobs over HTTP: submit, look, results, and what people ask of a job."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from sqlalchemy import event

from stagepass.engine.model.records import WorkerRow
from stagepass.errors import StoreUnavailable
from tests.support.api import Installation, ended, is_problem, submitted
from tests.support.pipelines.demo.pipeline import gates, reached
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

SUBMIT = "/api/v1/pipelines/demo/jobs"
NO_JOB = "/api/v1/jobs/00000000-0000-7000-8000-000000000000"


# ── submitting ──


def test_a_submit_is_accepted_with_the_jobs_address(ann: httpx2.Client) -> None:
    answer = ann.post(SUBMIT, json={"text": "one two"})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}" == job["links"]["self"]
    assert job["state"] == "queued"
    assert job["pipeline"] == "demo"
    assert job["progress"] == 0
    assert job["current_stage"] == "draft"
    assert [(stage["name"], stage["state"]) for stage in job["stages"]] == [
        ("draft", "ready"),
        ("word", "pending"),
        ("paper", "pending"),
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", job["created_at"])


def test_nothing_internal_is_shown(place: Installation, ann: httpx2.Client) -> None:
    job_id = submitted(ann)
    ended(ann, job_id)
    for path in ("", "/result", "/outputs", "/attempts", "/spend"):
        text = ann.get(f"/api/v1/jobs/{job_id}{path}").text
        assert "file:" not in text
        assert '"uri"' not in text
        assert place.system.settings.folder.name not in text
        assert all(worker.id not in text for worker in place.system.store.workers())
        assert not any(f'"{name}"' in text for name in ("scratch", "notes", "claims", "resumes"))


def test_the_same_key_gives_the_same_job_and_another_body_a_conflict(ann: httpx2.Client, bob: httpx2.Client) -> None:
    first = ann.post(SUBMIT, json={"text": "one two"}, headers={"Idempotency-Key": "k1"})
    again = ann.post(
        SUBMIT, content='{"text":  "one two"}', headers={"X-Idempotency-Key": "k1", "Content-Type": "application/json"}
    )
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["location"] == first.headers["location"]
    quoted = ann.post(SUBMIT, json={"text": "one two"}, headers={"Idempotency-Key": '"k1"'})
    assert quoted.json()["id"] == first.json()["id"]
    body = is_problem(ann.post(SUBMIT, json={"text": "other"}, headers={"Idempotency-Key": "k1"}), 409, "conflict")
    assert body["field"] == "idempotency_key"
    assert body["job_id"] == first.json()["id"]
    other = bob.post(SUBMIT, json={"text": "other"}, headers={"Idempotency-Key": "k1"})
    assert other.status_code == 202


def test_a_key_submitted_from_many_sides_at_once_makes_one_job(place: Installation) -> None:
    def submit(_: int) -> tuple[int, str]:
        with place.client("crowd") as client:
            answer = client.post(SUBMIT, json={"text": "one"}, headers={"Idempotency-Key": "rush"})
            return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(submit, range(24)))
    assert len({job for _, job in answers}) == 1
    assert sorted(status for status, _ in answers) == [200] * 23 + [202]


@pytest.mark.parametrize("key", ["", "with space", "x" * 201, "tab\tkey"])
def test_a_key_that_is_none_is_refused(ann: httpx2.Client, key: str) -> None:
    is_problem(ann.post(SUBMIT, json={"text": "x"}, headers={"Idempotency-Key": key}), 422, "invalid_input")


def test_two_keys_that_differ_are_refused(ann: httpx2.Client) -> None:
    headers = {"Idempotency-Key": "a", "X-Idempotency-Key": "b"}
    is_problem(ann.post(SUBMIT, json={"text": "x"}, headers=headers), 400, "bad_request")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ('{"text": ""}', 422, "invalid_input", "text"),
        ("{}", 422, "invalid_input", "text"),
        ("[]", 422, "invalid_input", "input"),
        ("", 422, "invalid_input", "input"),
        ('{"text": "x", "ticks": "many"}', 422, "invalid_input", "ticks"),
        ('{"text": "x", "photos": [5]}', 422, "invalid_input", "photos.0"),
        ('{"text": "x"', 400, "bad_request", None),
        ('{"text": "\\ud800"}', 400, "bad_request", None),
        ('{"text": "x", "meta": {"n": NaN}}', 400, "bad_request", None),
        ("[" * 100_000, 400, "bad_request", None),
        ("\udcff", 400, "bad_request", None),
    ],
)
def test_an_input_that_does_not_fit_is_refused_with_the_field(
    ann: httpx2.Client, body: str, status: int, code: str, field: str | None
) -> None:
    content = body.encode("utf-8", "surrogateescape")
    problem = is_problem(ann.post(SUBMIT, content=content, headers={"Content-Type": "application/json"}), status, code)
    assert problem.get("field") == field
    if field:
        assert problem["errors"][0]["field"] == field


def test_texts_of_every_kind_survive(place: Installation, ann: httpx2.Client) -> None:
    odd = {"a": "\u0000\u001f 한국어 🎵 \u202e", "b": [1.5, 10**30, None, True], "": {"": ""}}
    job_id = submitted(ann, meta=odd)
    ended(ann, job_id)
    assert ann.get(f"/api/v1/jobs/{job_id}/outputs").json()["outputs"]["draft"]["echo"] == odd


def test_another_content_type_is_refused(ann: httpx2.Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
        answer = ann.post(SUBMIT, content=b'{"text": "x"}', headers={"Content-Type": kind})
        is_problem(answer, 415, "unsupported_type")


def test_an_unknown_pipeline_is_not_found_before_its_body_is_read(ann: httpx2.Client) -> None:
    body = is_problem(ann.post("/api/v1/pipelines/nope/jobs", content=b"{"), 404, "not_found")
    assert "demo" in body["detail"]


@pytest.mark.parametrize(
    "query", ["priority=101", "priority=x", "delay=-1", "delay=nan", "delay=inf", "stepwise=perhaps"]
)
def test_options_out_of_range_are_refused(ann: httpx2.Client, query: str) -> None:
    problem = is_problem(ann.post(f"{SUBMIT}?{query}", json={"text": "x"}), 422, "invalid_input")
    assert problem["field"] == query.partition("=")[0]


def test_a_database_that_is_away_is_told_and_the_same_key_is_safe(
    place: Installation, ann: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> None:
        raise StoreUnavailable("secret host name")

    with monkeypatch.context() as patch:
        patch.setattr(place.system.store, "job", away)
        answer = ann.get(NO_JOB)
    is_problem(answer, 503, "store_unavailable")
    assert answer.headers["retry-after"] == "2"
    assert "secret" not in answer.text


def test_a_bug_is_told_without_what_is_inside(
    place: Installation, ann: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(_: str) -> None:
        raise KeyError("secret")

    with monkeypatch.context() as patch:
        patch.setattr(place.system.store, "job", bug)
        answer = ann.get(NO_JOB)
    is_problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "KeyError" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


# ── looking ──


def test_a_completed_job_shows_its_stages_and_its_result(ann: httpx2.Client) -> None:
    job = ended(ann, submitted(ann, text="one two three"))
    assert job["state"] == "completed"
    assert job["progress"] == 1
    assert job["current_stage"] is None
    assert job["error"] is None
    assert job["finished_at"]
    draft, word, paper = job["stages"]
    assert (draft["state"], draft["attempts"], draft["total"]) == ("completed", 1, None)
    assert (word["state"], word["total"], word["done"], word["attempts"]) == ("completed", 3, 3, 3)
    assert paper["started_at"] <= paper["finished_at"]
    assert job["result"]["words"] == ["ONE", "TWO", "THREE"]
    assert ann.get(job["result"]["file"]["url"]).text == "ONE TWO THREE"
    result = ann.get(job["links"]["result"])
    assert result.status_code == 200
    assert result.json()["result"]["words"] == ["ONE", "TWO", "THREE"]


def test_progress_of_a_running_stage_counts(place: Installation, ann: httpx2.Client) -> None:
    job_id = submitted(ann, gate="progress")
    assert reached["progress"].wait(10)
    job = ann.get(f"/api/v1/jobs/{job_id}").json()
    assert (job["state"], job["current_stage"], job["stages"][0]["state"]) == ("running", "draft", "running")
    token = place.system.store.runs_of(job_id)[0].token
    place.system.store.beat("nobody", 0, [(f"{job_id}.draft", token or "", 0.5, "half of it")])
    job = ann.get(f"/api/v1/jobs/{job_id}").json()
    assert job["progress"] == pytest.approx(0.5 / 3, abs=1e-3)
    assert job["stages"][0]["message"] == "half of it"
    answer = ann.get(f"/api/v1/jobs/{job_id}/result")
    assert answer.status_code == 202
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["state"] == "running"
    gates["progress"].set()
    ended(ann, job_id)


def test_a_job_and_its_stages_are_of_one_moment(idle: Installation) -> None:
    """A job that ends between the two reads: it is not shown as running with everything cancelled."""
    with idle.client() as client:
        job_id = submitted(client)
        reads = idle.system.store._reads
        moved: list[str] = []

        def after_the_first(*_: Any) -> None:
            if not moved:
                moved.append(job_id)
                idle.system.engine.cancel(job_id, None)

        event.listen(reads, "after_cursor_execute", after_the_first)
        shown = client.get(f"/api/v1/jobs/{job_id}").json()
        event.remove(reads, "after_cursor_execute", after_the_first)
        assert moved
        assert (shown["state"], shown["stages"][0]["state"]) == ("cancelled", "cancelled")


def test_a_failed_job_says_where_why_and_what_to_do(ann: httpx2.Client) -> None:
    job = ended(ann, submitted(ann, fail="draft"))
    assert job["state"] == "failed"
    assert job["error"]["code"] == "permanent"
    assert job["error"]["message"] == "this text cannot be drafted"
    assert job["error"]["stage"] == "draft"
    assert job["error"]["advice"] == "write another text"
    assert "trace" not in json.dumps(job)
    problem = is_problem(ann.get(job["links"]["result"]), 409, "job_failed")
    assert problem["detail"] == "this text cannot be drafted"
    assert problem["error"]["stage"] == "draft"


def test_a_failed_item_is_named_and_what_was_made_is_kept(ann: httpx2.Client) -> None:
    job = ended(ann, submitted(ann, text="one two", fail="two"))
    assert (job["error"]["stage"], job["error"]["item"]) == ("word", 1)
    assert next(stage for stage in job["stages"] if stage["name"] == "word")["state"] == "failed"
    outputs = ann.get(f"/api/v1/jobs/{job['id']}/outputs").json()["outputs"]
    assert outputs["draft"]["words"] == ["one", "two"]


def test_attempts_and_spend_are_told(ann: httpx2.Client) -> None:
    job = ended(ann, submitted(ann, text="one two", fail="two"))
    attempts = ann.get(f"/api/v1/jobs/{job['id']}/attempts").json()["attempts"]
    assert (attempts[0]["stage"], attempts[0]["number"], attempts[0]["outcome"]) == ("draft", 1, "completed")
    failed = next(attempt for attempt in attempts if attempt["outcome"] == "failed")
    assert (failed["stage"], failed["item"], failed["error"]["code"]) == ("word", 1, "permanent")
    spend = ann.get(f"/api/v1/jobs/{job['id']}/spend").json()
    assert (spend["usd"], spend["tokens_in"], spend["tokens_out"]) == (0.01, 10, 20)
    assert spend["spends"][0]["stage"] == "draft"


def test_the_list_is_filtered_and_paged(place: Installation) -> None:
    with place.client("lister") as client:
        made = [submitted(client, "quick", text=str(number)) for number in range(5)]
        failed = submitted(client, fail="draft")
        for job_id in [*made, failed]:
            ended(client, job_id)
        everything = client.get("/api/v1/jobs").json()
        assert [job["id"] for job in everything["jobs"]] == [failed, *reversed(made)]
        assert everything["next_cursor"] is None
        seen, cursor = [], None
        while True:
            page = client.get("/api/v1/jobs", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
            assert len(page["jobs"]) <= 2
            seen += [job["id"] for job in page["jobs"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == [failed, *reversed(made)]
        only = client.get("/api/v1/jobs", params={"pipeline": "demo"}).json()["jobs"]
        assert [job["id"] for job in only] == [failed]
        both = client.get("/api/v1/jobs?state=failed&state=completed").json()["jobs"]
        assert len(both) == 6
        assert [job["id"] for job in client.get("/api/v1/jobs?state=failed").json()["jobs"]] == [failed]
        assert client.get("/api/v1/jobs?state=held").json()["jobs"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "state=nope", "cursor=x", "cursor=%00", "pipeline=A%00", "pipeline=%27%20or%201"]
)
def test_a_list_that_cannot_be_is_refused(ann: httpx2.Client, query: str) -> None:
    is_problem(ann.get(f"/api/v1/jobs?{query}"), 422, "invalid_input")


def test_a_queue_that_nobody_serves_is_told(idle: Installation) -> None:
    with idle.client() as client:
        job_id = submitted(client)
        assert client.get(f"/api/v1/jobs/{job_id}").json()["warnings"] == []
        clock = idle.system.engine.clock
        later = clock.now() + 6000
        idle.system.engine.clock = type("Later", (), {"now": lambda _: later, "steady": clock.steady})()
        assert client.get(f"/api/v1/jobs/{job_id}").json()["warnings"] == ["queue demo.draft has no worker"]
        idle.system.store.add_worker(WorkerRow("w1", "h", 1, ("demo.draft",), 1, 0, later, later))
        assert client.get(f"/api/v1/jobs/{job_id}").json()["warnings"] == []


def test_pipelines_tell_their_stages_and_their_input(ann: httpx2.Client) -> None:
    assert [p["name"] for p in ann.get("/api/v1/pipelines").json()["pipelines"]] == ["demo", "quick"]
    demo = ann.get("/api/v1/pipelines/demo", headers={"Accept-Language": "fr, ko-KR;q=0.9, en;q=0.1"}).json()
    assert demo["title"] == "시연"
    assert ann.get("/api/v1/pipelines/demo").json()["title"] == "A demonstration"
    assert ann.get("/api/v1/pipelines/quick").json()["title"] == "quick"
    assert [(stage["name"], stage["after"], stage["each"]) for stage in demo["stages"]] == [
        ("draft", [], None),
        ("word", ["draft"], "draft.words"),
        ("paper", ["word"], None),
    ]
    assert demo["uploads"] == ["photos", "paper", "anything"]
    assert demo["input"]["properties"]["text"]["minLength"] == 1
    assert "uri" not in json.dumps(demo["input"])
    assert demo["examples"] == [{"text": "one two three"}]
    is_problem(ann.get("/api/v1/pipelines/nope"), 404, "not_found")


# ── what people ask of a job ──


def test_a_waiting_job_is_cancelled_at_once_and_can_go_on(place: Installation, ann: httpx2.Client) -> None:
    answer = ann.post(f"{SUBMIT}?delay=3600", json={"text": "one"})
    job_id = answer.json()["id"]
    cancelled = ann.post(f"/api/v1/jobs/{job_id}/cancel")
    assert cancelled.status_code == 202
    assert cancelled.json()["state"] == "cancelled"
    is_problem(ann.post(f"/api/v1/jobs/{job_id}/cancel"), 409, "conflict")
    problem = is_problem(ann.get(f"/api/v1/jobs/{job_id}/result"), 409, "job_cancelled")
    assert "resume" in problem["detail"]
    assert ann.post(f"/api/v1/jobs/{job_id}/resume").status_code == 202
    assert ended(ann, job_id)["state"] == "completed"
    is_problem(ann.post(f"/api/v1/jobs/{job_id}/resume"), 409, "conflict")


def test_a_stage_is_made_again(ann: httpx2.Client) -> None:
    job_id = submitted(ann)
    first = ended(ann, job_id)
    is_problem(ann.post(f"/api/v1/jobs/{job_id}/stages/nope/retry"), 404, "not_found")
    assert ann.post(f"/api/v1/jobs/{job_id}/stages/paper/retry").status_code == 202
    second = ended(ann, job_id)
    assert second["stages"][0] == first["stages"][0]
    assert second["stages"][2]["attempts"] == 2


def test_a_job_goes_step_by_step(ann: httpx2.Client) -> None:
    job_id = ann.post(f"{SUBMIT}?stepwise=true", json={"text": "one"}).json()["id"]
    for stage in ("word", "paper"):
        job = wait_until(
            lambda: (j := ann.get(f"/api/v1/jobs/{job_id}").json())["state"] == "held" and j, saying=f"before {stage}"
        )
        assert job["current_stage"] == stage
        assert ann.post(f"/api/v1/jobs/{job_id}/resume").status_code == 202
    assert ended(ann, job_id)["state"] == "completed"


# ── dead letters and decisions ──


def test_dead_letters_are_listed_sent_again_and_given_up(place: Installation) -> None:
    with place.client("digger") as client, place.client("bob") as stranger:
        jobs = [ended(client, submitted(client, fail="draft"))["id"] for _ in range(3)]
        dead = client.get("/api/v1/dead").json()
        assert [letter["job_id"] for letter in dead["dead"]] == list(reversed(jobs))
        letter = dead["dead"][0]
        assert (letter["stage"], letter["error"]["code"], letter["attempts"]) == ("draft", "permanent", 1)
        page = client.get("/api/v1/dead?limit=2").json()
        rest = client.get("/api/v1/dead", params={"limit": 2, "cursor": page["next_cursor"]}).json()
        assert [one["job_id"] for one in page["dead"] + rest["dead"]] == list(reversed(jobs))
        assert client.get("/api/v1/dead?stage=paper").json()["dead"] == []
        assert client.get("/api/v1/dead?code=permanent&pipeline=demo&stage=draft").json()["dead"]
        assert client.get("/api/v1/dead?code=timed_out").json()["dead"] == []
        assert stranger.get("/api/v1/dead?stage=draft").json()["dead"] == []
        for action in ("redrive", "discard"):
            is_problem(stranger.post(f"/api/v1/dead/{letter['run_id']}/{action}"), 404, "not_found")
            is_problem(client.post(f"/api/v1/dead/{jobs[0]}.paper/{action}"), 404, "not_found")
            is_problem(client.post(f"/api/v1/dead/nonsense/{action}"), 404, "not_found")
        assert client.post(f"/api/v1/dead/{letter['run_id']}/discard").status_code == 202
        assert len(client.get("/api/v1/dead").json()["dead"]) == 2
        assert client.post(f"/api/v1/dead/{jobs[0]}.draft/redrive").status_code == 202
        assert ended(client, jobs[0])["stages"][0]["attempts"] == 2
        body = client.post("/api/v1/dead/redrive", json={"pipeline": "demo", "code": "permanent"}).json()
        assert sorted(body["jobs"]) == sorted(jobs[:2])
        assert (body["runs"], body["refused"], body["more"]) == (2, {}, False)
        for job_id in jobs[:2]:
            ended(client, job_id)
        assert stranger.post("/api/v1/dead/redrive", json={}).json()["jobs"] == []
        one = client.post("/api/v1/dead/redrive", json={"limit": 1}).json()
        assert (len(one["jobs"]), one["more"]) == (1, True)
        is_problem(client.post("/api/v1/dead/redrive", json={"limit": 101}), 422, "invalid_input")
        is_problem(client.post("/api/v1/dead/redrive", json={"owner": "bob"}), 422, "invalid_input")


def test_a_call_whose_answer_was_lost_is_decided_by_its_owner_alone(place: Installation, bob: httpx2.Client) -> None:
    with place.client("buyer") as client:
        job_id = submitted(client, fail="lost")
        job = wait_until(lambda: (j := client.get(f"/api/v1/jobs/{job_id}").json())["state"] == "held" and j)
        run_id = job["stages"][0]["run_id"]
        path = f"/api/v1/runs/{run_id}/decide"
        strange, absent = (
            is_problem(bob.post(path, json={"name": "buy", "again": True}), 404, "not_found"),
            is_problem(bob.post(path.replace("draft", "nope"), json={"name": "buy", "again": True}), 404, "not_found"),
        )
        assert strange["detail"].replace("draft", "nope") == absent["detail"]  # whether it is there is not told
        is_problem(client.post(path, json={"name": "other", "again": True}), 404, "not_found")
        is_problem(client.post(path, json={"name": "buy"}), 422, "invalid_input")
        is_problem(client.post(path, json={"name": "buy", "value": "x", "again": True}), 422, "invalid_input")
        is_problem(
            client.post(
                path, content=b'{"name": "buy", "value": "\\ud800"}', headers={"Content-Type": "application/json"}
            ),
            400,
            "bad_request",
        )
        assert client.post(path, json={"name": "buy", "value": "r-1"}).status_code == 202
        assert ended(client, job_id)["state"] == "completed"
        is_problem(client.post(path, json={"name": "buy", "value": "r-1"}), 404, "not_found")


# ── a person's data ──


def test_a_person_deletes_all_that_is_theirs_and_nothing_else(place: Installation, ann: httpx2.Client) -> None:
    with place.client("leaver") as client:
        job = ended(client, submitted(client))
        kept = ended(ann, submitted(ann))
        url = job["result"]["file"]["url"]
        assert client.delete("/api/v1/me/data").json() == {"jobs": 1}
        is_problem(client.get(f"/api/v1/jobs/{job['id']}"), 404, "not_found")
        is_problem(client.get(url), 404, "not_found")
        assert client.head(url).status_code == 404
        assert client.get("/api/v1/jobs").json()["jobs"] == []
        assert ann.get(kept["result"]["file"]["url"]).status_code == 200
        assert client.delete("/api/v1/me/data").json() == {"jobs": 0}


# ── what does not change ──


def test_a_pipelines_description_is_sent_once_to_a_client_that_keeps_it(ann: httpx2.Client) -> None:
    first = ann.get("/api/v1/pipelines/demo", headers={"Accept-Language": "ko"})
    assert first.json()["name"] == "demo"
    tag = first.headers["etag"]
    again = ann.get("/api/v1/pipelines/demo", headers={"Accept-Language": "ko", "If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = ann.get("/api/v1/pipelines/demo", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200
    assert other.headers["vary"] == "Accept-Language"
