"""What holds for every request: names, headers, limits, logs, probes, and errors of the router."""

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from stagepass.store.tables import jobs
from tests.support.api import Installation, RedisServer, installation, is_problem, submitted
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures", "tests.support.log_lines")


def test_a_request_keeps_its_name_and_gets_one_if_it_has_none(ann: httpx2.Client) -> None:
    assert ann.get("/health/live", headers={"X-Request-ID": "abc-1.2_3"}).headers["x-request-id"] == "abc-1.2_3"
    for bad in ("", "a b", "x" * 65, "a\tb", "<script>"):
        made = ann.get("/health/live", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f-]{36}", made)


@pytest.mark.parametrize("path", ["/health/live", "/nope", "/api/v1/jobs", "/api/v1/jobs/x", "/docs", "/openapi.json"])
def test_every_answer_has_safe_headers(ann: httpx2.Client, path: str) -> None:
    headers = ann.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].endswith("frame-ancestors 'none'")
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_a_page_of_the_reference_needs_nothing_of_another_sites(ann: httpx2.Client, page: str) -> None:
    found = ann.get(page)
    assert found.headers["content-type"].startswith("text/html")
    assert "'unsafe-inline'" in found.headers["content-security-policy"]
    assert "http" not in found.headers["content-security-policy"]
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", found.text)
    assert loaded
    for address in loaded:
        if address == "data:,":  # no icon
            continue
        assert address.startswith(f"{page}/"), f"{address} lies elsewhere"
        asset = ann.get(address)
        assert asset.status_code == 200
        assert asset.headers["content-type"].split(";")[0] in ("text/javascript", "text/css")
        assert len(asset.content) > 50_000
    assert ann.get("/redoc/logo-mini.svg").headers["content-type"] == "image/svg+xml"
    is_problem(ann.get(f"{page}/LICENSE"), 404, "not_found")
    is_problem(ann.get(f"{page}/..%2F..%2F__init__.py"), 404, "not_found")


def test_cross_origin_requests_get_no_leave(ann: httpx2.Client) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = ann.options("/api/v1/jobs", headers=asked)
    assert answer.status_code == 405
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nope", 404, "not_found"),
        ("GET", "/api/v1/jobs/", 404, "not_found"),
        ("PUT", "/api/v1/jobs", 405, "method_not_allowed"),
        ("GET", "/api/v1/jobs/not-an-id", 404, "not_found"),
        ("GET", "/api/v1/jobs/%00", 404, "not_found"),
        ("GET", "/api/v1/jobs/%2e%2e%2f", 404, "not_found"),
        ("POST", "/api/v1/jobs/01A2017E-7D6B-71A1-A49F-37A6EED09421/cancel", 404, "not_found"),
        ("GET", "/api/v1/jobs?limit=x", 422, "invalid_input"),
    ],
)
def test_errors_of_the_router_are_problems_too(
    ann: httpx2.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = ann.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["code"], body["status"]) == (code, status)
    if status == 405:
        assert "POST" in answer.headers["allow"] or "GET" in answer.headers["allow"]


def test_a_wrong_query_is_told_by_field_and_without_its_value(ann: httpx2.Client) -> None:
    body = ann.get("/api/v1/jobs?limit=secret-value&state=nope").json()
    assert {error["field"] for error in body["errors"]} == {"state.0", "limit"}
    assert body["field"] == body["errors"][0]["field"]
    assert "secret-value" not in json.dumps(body)


def test_a_request_is_logged_without_what_was_asked(place: Installation, ann: httpx2.Client, lines: Any) -> None:
    job_id = submitted(ann, text="a secret text")
    ann.get(
        f"/api/v1/jobs/{job_id}?token=secret", headers={"X-Request-ID": "r1", "Authorization": "Bearer secretsecret"}
    )
    ann.get("/secret-path")

    def accesses() -> list[Any]:
        return [line for line in lines() if line.get("logger") == "stagepass.access"]

    wait_until(lambda: any(line["status"] == 404 for line in accesses()))  # written after the answer was sent
    written = accesses()
    looked = next(line for line in written if line.get("request_id") == "r1")
    assert looked["method"] == "GET"
    assert looked["route"] == "/api/v1/jobs/{job_id}"
    assert looked["status"] == 200
    assert looked["ms"] > 0
    assert any(line["route"] == "/api/v1/pipelines/{name}/jobs" and line["status"] == 202 for line in written)
    assert any(line["route"] == "-" and line["status"] == 404 for line in written)
    assert "secret" not in json.dumps(written)
    assert job_id not in json.dumps(written)


def test_a_bug_is_logged_with_the_requests_name(idle: Installation, lines: Any) -> None:
    with idle.client() as client:
        job_id = submitted(client)
        with idle.system.store._writes.begin() as db:
            db.execute(sa.update(jobs).values(state="nonsense"))
        answer = client.get(f"/api/v1/jobs/{job_id}", headers={"X-Request-ID": "r2"})
    assert answer.status_code == 500
    told = next(line for line in lines() if line.get("request_id") == "r2" and line["level"] == "error")
    assert "KeyError: 'nonsense'" in told["exception"]


# ── probes ──


def test_ready_tells_workers_and_queues_that_nobody_serves(place: Installation, idle: Installation) -> None:
    with place.client() as client:
        assert client.get("/health/ready").json() == {"status": "ok", "workers": 1, "warnings": []}
    with idle.client() as client:
        body = client.get("/health/ready").json()
        assert body["workers"] == 0
        assert "queue demo.draft has no worker" in body["warnings"]


def test_ready_names_what_does_not_answer_while_live_stays(tmp_path: Path, own_redis: RedisServer) -> None:
    database, away = tmp_path / "stagepass.db", tmp_path / "away.db"
    with installation(tmp_path, own_redis.url) as made, made.client() as client:
        assert client.get("/health/ready").status_code == 200
        own_redis.stop()
        database.rename(away)
        answer = client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        body = answer.json()
        assert body["code"] == "not_ready"
        assert set(body["failed"]) == {"database", "redis"}
        assert str(tmp_path) not in answer.text
        assert client.get("/health/live").status_code == 200
        away.rename(database)
        submitted(client)  # accepted without Redis: SQL is the truth
        own_redis.start()
        assert client.get("/health/ready").status_code == 200


def test_ready_tells_a_schema_that_is_not_there(tmp_path: Path, redis: RedisServer) -> None:
    with installation(tmp_path, redis.url) as made, made.client() as client:
        from stagepass.store.tables import metadata

        metadata.drop_all(made.system.store._writes)
        body = client.get("/health/ready").json()
        assert "stagepass db upgrade" in body["failed"]["database"]


def test_metrics_count_requests_by_route(ann: httpx2.Client) -> None:
    ann.get("/api/v1/jobs/00000000-0000-7000-8000-000000000000")
    ann.request("BREW", "/nope")
    text = ann.get("/metrics").text
    assert re.search(
        r'stagepass_http_requests_total\{method="GET",route="/api/v1/jobs/\{job_id\}",status="404"\} [1-9]', text
    )
    assert 'method="other",route="-"' in text
    assert "stagepass_event_followers 0.0" in text
    assert "stagepass_workers 1.0" in text
    assert "process_open_fds" in text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/pipelines/demo/jobs", {"POST"}),
        ("PATCH", "/api/v1/approvals/x.y", {"GET", "POST"}),
        ("POST", "/api/v1/files/x.y", {"GET", "HEAD"}),
        ("DELETE", "/health/live", {"GET"}),
    ],
)
def test_a_method_that_is_not_offered_is_answered_with_all_that_are(
    ann: httpx2.Client, method: str, path: str, allowed: set[str]
) -> None:
    answer = ann.request(method, path)
    is_problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("value", [0, 1, "true", "no"])
def test_what_only_looks_like_a_yes_or_no_is_refused(ann: httpx2.Client, value: object) -> None:
    assert (
        is_problem(ann.post("/api/v1/dead/redrive", json={"dry_run": value}), 422, "invalid_input")["field"]
        == "dry_run"
    )
