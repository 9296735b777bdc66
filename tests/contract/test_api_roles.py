"""Every route that the app has, asked by a stranger, a user, a viewer and an operator; and what each act leaves."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi.routing import RouteContext, iter_route_contexts

from stagepass.api.openapi import requires_owner
from stagepass.declare.registry import Registry
from stagepass.pipelines.promo.pipeline import promo
from tests.contract.test_api_owners import BODIES, filled
from tests.support.api import Installation, RedisServer, ended, installation, is_problem, submitted
from tests.support.pipelines.demo.pipeline import demo, quick
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

KEYS = {
    "ann": "ann-key-1234567890abc",
    "bob": "bob-key-1234567890abc",
    "vera": "vera-key-1234567890ab",
    "otto": "otto-key:1234567890ab",
}
ROLES = {"vera": "viewer", "otto": "operator", "bob": "user"}
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
PAYLOADS = ("/result", "/outputs")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Installation]:
    keys = ",".join(f"{name}:{key}" + (f":{ROLES[name]}" if name in ROLES else "") for name, key in KEYS.items())
    folder = tmp_path_factory.mktemp("roles")
    with installation(folder, redis.url, Registry([demo, quick, promo]), auth_mode="api_key", api_keys=keys) as made:
        made.work("demo.draft", "demo.word", "demo.paper", "quick.only")
        yield made


def as_(place: Installation, name: str) -> httpx2.Client:
    return place.client(headers={"Authorization": f"Bearer {KEYS[name]}"} if name in KEYS else {})


@pytest.fixture(scope="module")
def anns(place: Installation) -> dict[str, list[str]]:
    with as_(place, "ann") as ann:
        done, failed, held = (submitted(ann, fail=fail) for fail in ("", "draft", "lost"))
        ended(ann, done)
        ended(ann, failed)
        wait_until(lambda: ann.get(f"/api/v1/jobs/{held}").json()["state"] == "held")
    return {
        "job_id": [done, failed],
        "run_id": [f"{failed}.draft", f"{held}.draft"],
        "task_id": ["0d9bd7e0-6d5c-4d4e-9c5c-5f2f1b8a7f10"],
        "scope": ["queue"],
        "stage": ["draft"],
        "name": ["demo"],
    }


def routes(place: Installation) -> list[tuple[str, RouteContext]]:
    found = []
    for route in iter_route_contexts(place.app.routes):
        if route.path and requires_owner(route):
            found += [(method, route) for method in sorted((route.methods or set()) - {"HEAD"})]
    assert len(found) > 40
    return found


def asked(
    place: Installation, client: httpx2.Client, ids: dict[str, list[str]], only: set[str]
) -> Iterator[tuple[str, httpx2.Response]]:
    for method, route in routes(place):
        path = route.path or ""
        if method in only:
            for address in filled(path, {**{n: ["x"] for n in re.findall(r"{(\w+)", path)}, **ids}):
                yield f"{method} {address}", client.request(method, address, json=BODIES.get(path, {}))


def test_a_stranger_is_refused_everywhere(place: Installation, anns: dict[str, list[str]]) -> None:
    with as_(place, "nobody") as client:
        for what, answer in asked(place, client, anns, UNSAFE | {"GET"}):
            assert answer.status_code == 401, what


def test_a_viewer_acts_on_nothing(place: Installation, anns: dict[str, list[str]]) -> None:
    before = len(place.system.store.audit(_everything()))
    with as_(place, "vera") as client:
        for what, answer in asked(place, client, anns, UNSAFE):
            assert answer.status_code == 403, f"{what}: {answer.status_code} {answer.text}"
            assert "viewer" in answer.text, what
    assert len(place.system.store.audit(_everything())) == before


def test_a_viewer_sees_everything_but_payloads(place: Installation, anns: dict[str, list[str]]) -> None:
    done = anns["job_id"][0]
    with as_(place, "vera") as client:
        for what, answer in asked(place, client, anns, {"GET"}):
            if what.endswith("/events") or "/pipeline" in what or "/status" in what:
                continue  # a stream; and a pipeline's own routes, which know the caller's own things only
            wanted = (
                403
                if what.endswith(PAYLOADS)
                else (404 if f"/dead/{anns['run_id'][1]}" in what or "/bulk/" in what else 200)
            )
            assert answer.status_code == wanted, f"{what}: {answer.text}"
        job = client.get(f"/api/v1/jobs/{done}", params={"full": True}).json()
        assert (job["redacted"], job["input"], job["outputs"], job["result"]) == (True, None, {}, None)
        assert job["attempts"]
        assert job["spend"]["usd"] > 0
        dead = client.get(f"/api/v1/dead/{anns['run_id'][0]}").json()
        assert (dead["redacted"], dead["input"]) == (True, None)
        assert {job["id"] for job in client.get("/api/v1/jobs", params={"owner": "ann"}).json()["jobs"]} >= {done}
        assert client.get("/api/v1/jobs", params={"owner": "bob"}).json()["jobs"] == []


def test_a_user_has_only_their_own(place: Installation, anns: dict[str, list[str]]) -> None:
    with as_(place, "bob") as client:
        assert client.get("/api/v1/jobs").json()["jobs"] == []
        is_problem(client.get("/api/v1/jobs", params={"owner": "ann"}), 403, "forbidden")
        for path in ("dead", "held", "audit"):
            is_problem(client.get(f"/api/v1/{path}", params={"owner": "ann"}), 403, "forbidden")
        assert client.get("/api/v1/audit").json()["entries"] == []
        is_problem(client.get(f"/api/v1/jobs/{anns['job_id'][0]}"), 404, "not_found")


def test_an_operator_acts_on_anyones_job_and_it_is_recorded(place: Installation) -> None:
    with as_(place, "ann") as ann, as_(place, "otto") as otto:
        failed = submitted(ann, fail="draft")
        ended(ann, failed)
        answer = otto.post(f"/api/v1/jobs/{failed}/resume", params={"why": "  the text was\u200b fixed "})
        assert answer.status_code == 202
        ended(ann, failed)
        assert otto.post(f"/api/v1/dead/{failed}.draft/discard").status_code == 202
        entries = otto.get("/api/v1/audit", params={"job_id": failed}).json()["entries"]
        discard, resume = entries
        assert (resume["actor"], resume["role"], resume["act"]) == ("otto", "operator", "resume")
        assert (resume["subject"], resume["owner"], resume["why"]) == (f"job:{failed}", "ann", "the text was fixed")
        assert (resume["before"], resume["after"]) == ({"state": "failed"}, {"state": "running"})
        assert resume["origin"] == "api 127.0.0.1"
        assert (discard["act"], discard["subject"]) == ("discard", f"run:{failed}.draft")
        own = ann.get("/api/v1/audit", params={"job_id": failed}).json()["entries"]
        assert [(entry["act"], entry["origin"]) for entry in own] == [("discard", ""), ("resume", "")]
        is_problem(otto.post(f"/api/v1/jobs/{failed}/cancel"), 409, "conflict")
        assert len(otto.get("/api/v1/audit", params={"job_id": failed}).json()["entries"]) == 2, "a refusal is no act"


def test_what_is_an_operators_is_refused_to_a_user(place: Installation) -> None:
    operators = ("/pauses", "/limits", "/queues", "/workers", "/providers/{name}/")
    count = 0
    with as_(place, "bob") as client:
        for method, route in routes(place):
            path = (route.path or "").removeprefix("/api/v1")
            if path.startswith(operators):
                count += 1
                address = "/api/v1" + path.replace("{name:path}", "x").replace("{name}", "x").replace(
                    "{scope}", "queue"
                )
                answer = client.request(method, re.sub(r"{\w+}", "x", address), json=BODIES.get(route.path or "", {}))
                assert answer.status_code == 403, f"{method} {path}: {answer.text}"
                assert "your role is user" in answer.text
    assert count >= 10


def test_an_operator_pauses_limits_and_closes_and_all_see_it(place: Installation) -> None:
    with as_(place, "ann") as ann, as_(place, "otto") as otto:
        put = otto.put("/api/v1/pauses/queue/quick.only", params={"why": "maintenance"})
        assert put.status_code == 200, put.text
        assert {k: put.json()[k] for k in ("scope", "name", "actor", "why")} == {
            "scope": "queue",
            "name": "quick.only",
            "actor": "otto",
            "why": "maintenance",
        }
        job = submitted(ann, "quick")
        seen = ann.get(f"/api/v1/jobs/{job}").json()
        assert seen["state"] == "queued"
        assert (seen["paused"]["name"], seen["paused"]["why"]) == ("quick.only", "maintenance")
        assert "actor" not in seen["paused"]
        (listed,) = [one for one in ann.get("/api/v1/jobs").json()["jobs"] if one["id"] == job]
        assert listed["paused"] == seen["paused"]
        queue = {one["name"]: one for one in otto.get("/api/v1/queues").json()["queues"]}["quick.only"]
        assert (queue["ready"], queue["workers"], queue["paused"]["name"]) == (1, 1, "quick.only")
        assert [one["name"] for one in otto.get("/api/v1/pauses").json()["pauses"]] == ["quick.only"]
        assert "quick.only" in ann.get("/health/ready").text
        assert otto.delete("/api/v1/pauses/queue/quick.only").status_code == 200
        assert ended(ann, job)["paused"] is None
        is_problem(otto.delete("/api/v1/pauses/queue/quick.only"), 404, "not_found")
        is_problem(otto.put("/api/v1/pauses/queue/quick.onli"), 404, "not_found")

        limit = otto.put("/api/v1/limits/queue/quick.only", json={"concurrency": 2}, params={"why": "slow"})
        assert (limit.json()["concurrency"], limit.json()["source"], limit.json()["why"]) == (2, "operator", "slow")
        is_problem(otto.put("/api/v1/limits/queue/quick.only", json={"rate": 2}), 422, "invalid_input")
        assert otto.put("/api/v1/limits/provider/suno", json={"rate": 10, "per_seconds": 10}).status_code == 200
        assert [one["name"] for one in otto.get("/api/v1/limits").json()["limits"]] == ["suno", "quick.only"]
        for path in ("queue/quick.only", "provider/suno"):
            assert otto.delete(f"/api/v1/limits/{path}").status_code == 200

        assert otto.post("/api/v1/providers/suno/close", params={"why": "broken"}).status_code == 202
        (closed,) = ann.get("/api/v1/providers").json()["providers"]
        assert (closed["provider"], closed["reason"], closed["state"]) == ("suno", "operator", "open")
        assert otto.post("/api/v1/providers/suno/open").status_code == 204
        assert ann.get("/api/v1/providers").json()["providers"] == []
        is_problem(otto.post("/api/v1/providers/suno/open"), 404, "not_found")
        acts = [
            entry["act"] for entry in otto.get("/api/v1/audit", params={"actor": "otto", "limit": 8}).json()["entries"]
        ]
        assert acts == ["resume", "pause", "limit", "limit", "limit", "limit", "resume", "pause"]


def test_the_log_is_read_in_pages(place: Installation) -> None:
    with as_(place, "ann") as ann:
        job = submitted(ann, fail="draft")
        ended(ann, job)
        for _ in range(3):
            ann.post(f"/api/v1/jobs/{job}/resume")
            ended(ann, job)
        seen: list[int] = []
        page: dict[str, Any] = {"next_cursor": None}
        while not seen or page["next_cursor"]:
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
            page = ann.get("/api/v1/audit", params={"job_id": job, "limit": 2, **cursor}).json()
            seen += [entry["id"] for entry in page["entries"]]
    assert len(seen) == 3
    assert seen == sorted(seen, reverse=True)


def test_who_deletes_their_data_leaves_no_name(place: Installation) -> None:
    with as_(place, "bob") as bob, as_(place, "otto") as otto:
        job = submitted(bob, fail="draft")
        ended(bob, job)
        bob.post(f"/api/v1/jobs/{job}/resume", params={"why": "I am bob"})
        ended(bob, job)
        assert bob.delete("/api/v1/me/data").json() == {"jobs": 1}
        assert bob.get("/api/v1/audit").json()["entries"] == []
        entries = otto.get("/api/v1/audit", params={"limit": 200}).json()["entries"]
        assert not [entry for entry in entries if "bob" in (entry["actor"], entry["owner"], entry["why"])]
        left = [entry for entry in entries if entry["act"] == "delete_data"]
        assert [(entry["after"], entry["origin"]) for entry in left] == [({"jobs": 1}, "")]
        assert left[0]["actor"].startswith("deleted-")


def _everything() -> Any:
    from stagepass.engine.model.filters import AuditFilter

    return AuditFilter(limit=1000)


def test_jobs_are_found_by_tag_key_code_and_age(place: Installation) -> None:
    with as_(place, "ann") as ann:
        url = "/api/v1/pipelines/demo/jobs"
        made = ann.post(
            url, json={"text": "a"}, params={"tag": ["customer=acme", "order=4711"]}, headers={"Idempotency-Key": "k-1"}
        )
        assert made.status_code == 202, made.text
        job = made.json()["id"]
        assert ann.get(f"/api/v1/jobs/{job}").json()["tags"] == {"customer": "acme", "order": "4711"}

        def found(**params: Any) -> list[str]:
            answer = ann.get("/api/v1/jobs", params=params)
            assert answer.status_code == 200, answer.text
            return [one["id"] for one in answer.json()["jobs"]]

        assert found(tag="customer=acme") == found(tag=["customer", "order=4711"]) == found(key="k-1") == [job]
        assert found(tag="customer=other") == found(key="k-2") == []
        failed = submitted(ann, fail="draft")
        ended(ann, failed)
        at = ann.get(f"/api/v1/jobs/{failed}").json()["created_at"]
        assert found(code="failed") == found(code="nothing_like_it") == []
        code = ann.get(f"/api/v1/jobs/{failed}").json()["error"]["code"]
        assert failed in found(code=code)
        assert failed in found(since=at)
        assert job not in found(since=at)
        assert failed not in found(until=at)
        changed = ann.patch(f"/api/v1/jobs/{job}/tags", json={"order": None, "state": "vip"}, params={"why": "asked"})
        assert changed.json()["tags"] == {"customer": "acme", "state": "vip"}
        entry = ann.get("/api/v1/audit", params={"job_id": job}).json()["entries"][0]
        assert (entry["act"], entry["after"]["tags"], entry["why"]) == ("tag", {"order": None, "state": "vip"}, "asked")
        is_problem(ann.patch(f"/api/v1/jobs/{job}/tags", json={"order": 5}), 422, "invalid_input")
        is_problem(ann.post(url, json={"text": "a"}, params={"tag": "Customer=acme"}), 422, "invalid_input")
        is_problem(ann.get("/api/v1/jobs", params={"tag": "a b"}), 422, "invalid_input")


def test_many_are_redriven_after_the_price_was_seen(place: Installation) -> None:
    with as_(place, "ann") as ann, as_(place, "bob") as bob, as_(place, "otto") as otto, as_(place, "vera") as vera:
        failed = [submitted(ann, fail="draft", text=f"bulk {number}") for number in range(5)]
        for job in failed:
            ended(ann, job)
            ann.patch(f"/api/v1/jobs/{job}/tags", json={"batch": "five"})
        asked: dict[str, Any] = {"act": "redrive", "filter": {"pipeline": "demo", "tag": ["batch=five"]}}
        assert bob.post("/api/v1/bulk", json=asked).json()["total"] == 0, "a user has only their own"
        is_problem(bob.post("/api/v1/bulk", json={**asked, "filter": {"owner": "ann"}}), 403, "forbidden")
        is_problem(vera.post("/api/v1/bulk", json=asked), 403, "forbidden")

        seen = otto.post("/api/v1/bulk", json=asked)
        assert seen.status_code == 200, seen.text
        assert (seen.json()["total"], seen.json()["usd"]) == (5, 0.01 * 5)
        assert ann.get(f"/api/v1/jobs/{failed[0]}").json()["state"] == "failed", "nothing has been changed"
        confirm = seen.json()["confirm"]
        is_problem(otto.post("/api/v1/bulk", json={**asked, "act": "discard", "confirm": confirm}), 409, "conflict")
        is_problem(ann.post("/api/v1/bulk", json={**asked, "confirm": confirm}), 409, "conflict")
        is_problem(otto.post("/api/v1/bulk", json={**asked, "confirm": confirm[:-3] + "abc"}), 409, "conflict")

        params = {"why": "the text was fixed"}
        made = otto.post("/api/v1/bulk", json={**asked, "confirm": confirm}, params=params)
        again = otto.post("/api/v1/bulk", json={**asked, "confirm": confirm}, params=params)
        assert (made.status_code, again.json()["id"]) == (202, made.json()["id"])
        where = f"/api/v1/bulk/{made.json()['id']}"
        done = wait_until(lambda: (one := otto.get(where).json())["state"] == "done" and one)
        assert (done["done"], done["refused"], done["progress"], done["why"]) == (5, 0, 1.0, "the text was fixed")
        is_problem(bob.get(where), 404, "not_found")
        assert bob.get("/api/v1/bulk").json()["bulk"] == []
        assert [one["id"] for one in vera.get("/api/v1/bulk").json()["bulk"]] == [done["id"]]
        is_problem(otto.post(f"{where}/stop"), 409, "conflict")
        entries = otto.get("/api/v1/audit", params={"bulk_id": done["id"]}).json()["entries"]
        assert [entry["act"] for entry in entries] == ["redrive"] * 5 + ["bulk"]
        assert {entry["job_id"] for entry in entries[:5]} == set(failed)
        own = ann.get("/api/v1/audit", params={"job_id": failed[0]}).json()["entries"][0]
        assert (own["act"], own["bulk_id"], own["why"]) == ("redrive", done["id"], "the text was fixed")
