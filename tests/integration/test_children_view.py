"""The API names the jobs that a stage has started, also those begun side by side, and those of the undone."""

from collections.abc import Iterator

import httpx2
import pytest
from pydantic import BaseModel

from stagepass import Blocked, Context, Pipeline
from stagepass.declare.registry import Registry
from stagepass.views.jobs import CHILDREN_SHOWN
from tests.support.api import RedisServer, installation
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)
MANY = CHILDREN_SHOWN + 3


class Part(BaseModel):
    number: int = 0


part, wide = Pipeline("part", input=Part), Pipeline("wide", input=Part, undo_on="failed")


@part.stage
def make(ctx: Context, request: Part) -> int:
    return request.number


@wide.stage
def many(ctx: Context, request: Part) -> int:
    begun = [ctx.begin("part", Part(number=number), type=int) for number in range(request.number)]
    return sum(ctx.gather(begun, at_most="5m", every="1s"))


@many.undo
def unmake(ctx: Context, many: int) -> None: ...


@wide.stage(after=many)
def one(ctx: Context) -> int:
    ctx.run("part", Part(number=1))
    raise Blocked("no")


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[httpx2.Client]:
    with installation(tmp_path_factory.mktemp("children"), redis.url, Registry([wide, part])) as made:
        made.work()
        with made.client("ann") as client:
            client.post("/api/v1/pipelines/part/jobs", json={})  # starts what starts by itself at the first use
            yield client


def test_children_side_by_side_are_named_and_counted(ann: httpx2.Client) -> None:
    job = ann.post("/api/v1/pipelines/wide/jobs", json={"number": MANY}).json()["id"]
    wait_until(lambda: ann.get(f"/api/v1/jobs/{job}").json()["state"] == "failed", 60)
    shown = ann.get(f"/api/v1/jobs/{job}").json()
    stages = {stage["name"]: stage for stage in shown["stages"]}
    assert (len(stages["many"]["children"]), stages["many"]["children_total"]) == (CHILDREN_SHOWN, MANY)
    (child,) = stages["one"]["children"]
    assert ann.get(f"/api/v1/jobs/{child}").json()["parent"] == f"{job}.one"
    first = ann.get(f"/api/v1/jobs/{stages['many']['children'][0]}").json()
    assert (first["pipeline"], first["parent"]) == ("part", f"{job}.many")
    assert (stages["unmake"]["role"], stages["unmake"]["undoes"], stages["unmake"]["state"]) == (
        "undo",
        "many",
        "completed",
    )
    assert (shown["ending"], shown["error"]["undone"]) == (None, ["many"])
    declared = ann.get("/api/v1/pipelines/wide").json()
    assert ([one["name"] for one in declared["handlers"]], declared["undo_on"]) == (["unmake"], ["failed"])
    assert ann.post(f"/api/v1/jobs/{job}/resume").json()["reason"] == "undone"
