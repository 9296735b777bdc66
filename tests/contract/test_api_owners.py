"""Other people's things are not there: over every route that the app has, the new ones too."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi.routing import RouteContext, iter_route_contexts

from stagepass.api.openapi import requires_owner
from stagepass.declare.registry import Registry
from stagepass.pipelines.promo.pipeline import promo
from tests.support.api import Installation, RedisServer, ended, installation, submitted
from tests.support.pipelines.demo.pipeline import demo, quick
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

OPEN = {
    "/openapi.json": "the description of the API",
    "/docs": "the same, to read",
    "/docs/{name}": "its script and style",
    "/redoc": "the same, to read",
    "/redoc/{name}": "its script",
    "/health/live": "a probe",
    "/health/ready": "a probe",
    "/metrics": "its own rule: this machine, or the caller `metrics`",
    "/api/v1/files/{token}": "the signed link is the leave",
    "/api/v1/callbacks/{token}": "the signed address is the leave",
    "/api/v1/callbacks/{token}/{name}": "the signed address is the leave",
    "/api/v1/approvals/{token}": "the signed link is the leave",
}
"""Routes that do not ask who is there, and why that is right."""

BODIES: dict[str, Any] = {
    "/api/v1/pipelines/{name}/jobs": {"text": "x"},
    "/api/v1/dead/redrive": {},
    "/api/v1/demo/count": ["a"],
    "/api/v1/jobs/{job_id}/messages/{name}": {"text": "x"},
    "/api/v1/limits/{scope}/{name}": {"concurrency": 5},
    "/api/v1/jobs/{job_id}/tags": {"a": "b"},
    "/api/v1/bulk": {"act": "cancel", "filter": {"pipeline": "nothing"}},
    "/api/v1/runs/{run_id}/decide": {"name": "buy", "again": True},
    "/api/v1/pipeline/start": {"customer_name": "a", "region": "b"},
    "/api/v1/lyric/generate": {"customer_name": "a", "region": "b"},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Installation]:
    registry = Registry([demo, quick, promo])
    with installation(tmp_path_factory.mktemp("owners"), redis.url, registry) as made:
        made.work("demo.draft", "demo.word", "demo.paper", "quick.only")
        with made.client("warm") as client:
            ended(client, submitted(client))
        yield made


@pytest.fixture(scope="module")
def anns(world: Installation) -> dict[str, list[str]]:
    """By path parameter: Ann's ids, of a job of every kind."""
    with world.client("ann") as ann:
        done, failed, held = (submitted(ann, fail=fail) for fail in ("", "draft", "lost"))
        ended(ann, done)
        ended(ann, failed)
        wait_until(lambda: ann.get(f"/api/v1/jobs/{held}").json()["state"] == "held")
        key = "0d9bd7e0-6d5c-4d4e-9c5c-5f2f1b8a7f10"
        task = ann.post("/api/v1/pipeline/start", json={"customer_name": "a", "region": "b", "task_id": key}).json()
    return {
        "job_id": [done, failed, held, task["job_id"]],
        "run_id": [f"{done}.paper", f"{failed}.draft", f"{held}.draft", f"{done}.word.0"],
        "task_id": [key, task["job_id"], done],
        "scope": ["queue"],
        "stage": ["draft", "lyric"],
        "name": ["demo"],
    }


def routes(app: Any) -> list[RouteContext]:
    return [route for route in iter_route_contexts(app.routes) if route.path]


def test_every_route_asks_who_is_there(world: Installation) -> None:
    silent = {route.path for route in routes(world.app) if not requires_owner(route)}
    assert silent == set(OPEN), "a new route must depend on the owner, or be named in OPEN with the reason"


def test_the_description_says_so_too(world: Installation) -> None:
    """A route with an owner shows its security scheme; one without shows none."""
    paths = world.app.openapi()["paths"]
    for path, operations in paths.items():
        for operation in operations.values():
            assert ("security" in operation) == (path not in OPEN), path


def test_nobody_sees_or_moves_what_is_anothers(world: Installation, anns: dict[str, list[str]]) -> None:
    before = state_of(world, anns)
    asked = 0
    with world.client("bob") as bob:
        for route in routes(world.app):
            path = route.path or ""
            if path in OPEN:
                continue
            for method in sorted((route.methods or set()) - {"HEAD"}):
                for address in filled(path, anns):
                    asked += 1
                    answer = bob.request(method, address, json=BODIES.get(path))
                    if "_id}" not in path:
                        assert not any(one in answer.text for one in anns["job_id"]), f"{method} {address}"
                        continue
                    nobody = bob.request(method, absent(address), json=BODIES.get(path))
                    assert answer.status_code == 404, f"{method} {address}: {answer.status_code} {answer.text}"
                    assert nobody.status_code == 404
                    assert hidden(answer) == hidden(nobody), "that it is there must not be told"
    assert asked > 50
    assert state_of(world, anns) == before
    with world.client("ann") as ann:  # the very same routes are there for her
        assert ann.get(f"/api/v1/jobs/{anns['job_id'][0]}").status_code == 200


def filled(path: str, ids: dict[str, list[str]]) -> list[str]:
    """The path with every choice of ids. A parameter that is new here must be given ids above."""
    found = [path]
    for name, kind in re.findall(r"{(\w+)(:path)?}", path):
        found = [one.replace(f"{{{name}{kind}}}", value) for one in found for value in ids[name]]
    return found


def absent(address: str) -> str:
    """The same address, of what never was."""
    return re.sub(r"[0-9a-f]{12}(?=[./]|$)", "000000000000", address)


def hidden(answer: httpx2.Response) -> str:
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", answer.text)


def state_of(world: Installation, ids: dict[str, list[str]]) -> Any:
    store = world.system.store
    return [
        (job.state, job.seq, sorted((run.id, run.state, run.attempts) for run in store.runs_of(job.id)))
        for job in (store.job(job_id) for job_id in ids["job_id"])
        if job is not None
    ]
