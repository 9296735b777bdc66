"""The routes of the patterns: what each answers, and with which code. See the README beside the pipelines."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from stagepass.declare.registry import Registry
from stagepass.engine.model.ids import new_id
from stagepass.pipelines.patterns.models import SOLO_SECONDS, GroupInput
from stagepass.pipelines.patterns.pipeline import chain, group, mapped, solo
from tests.support.api import Installation, RedisServer, installation, is_problem
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

NOW = {"a": 3, "b": 4, "seconds": 0}
HUGE = {"a": 1e308, "b": 1e308, "seconds": 0}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("patterns"), redis.url, Registry([solo, chain, group, mapped])) as made:
        made.work()
        with made.client("warm") as client:  # starts what starts by itself at the first use
            over(client, f"/result/{start(client, '/solo/add', **NOW)['task_id']}")
        yield made


@pytest.fixture
def kim(world: Installation) -> Iterator[httpx2.Client]:
    with world.client("kim") as client:
        yield client


def start(client: httpx2.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(path, json=body) if body else client.get(path)
    assert answer.status_code == 202, answer.text
    started: dict[str, Any] = answer.json()
    assert started["message"]
    return started


def over(client: httpx2.Client, path: str) -> tuple[int, dict[str, Any]]:
    """The code and the body, once it is not under way any more."""

    def look() -> httpx2.Response | None:
        answer = client.get(path)
        return None if answer.status_code == 202 else answer

    answer = wait_until(look, 20, path)
    assert answer is not None
    return answer.status_code, answer.json()


def test_it_is_alive(kim: httpx2.Client) -> None:
    answer = kim.get("/")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_solo_adds_and_tells_the_sum(kim: httpx2.Client) -> None:
    task = start(kim, "/solo/add", **NOW)["task_id"]
    code, body = over(kim, f"/result/{task}")
    assert code == 200
    assert body == {"task_id": task, "status": "completed", "status_code": 200, "result": 7, "error": None}


def test_solo_takes_its_time_without_a_slot(kim: httpx2.Client) -> None:
    first = start(kim, "/solo/add")  # two random numbers, and twenty seconds
    answer = kim.get(f"/result/{first['task_id']}")
    assert (answer.status_code, answer.json()["result"]) == (202, None)
    state = wait_until(
        lambda: _stage(kim, first["task_id"], "add")["state"] == "waiting" and _stage(kim, first["task_id"], "add")
    )
    assert state["message"] == "adding"
    assert kim.post(f"/api/v1/jobs/{first['task_id']}/cancel").status_code == 202
    code, body = over(kim, f"/result/{first['task_id']}")
    assert (code, body["error"]["type"]) == (500, "Cancelled")


def _stage(client: httpx2.Client, job: str, name: str) -> dict[str, Any]:
    stages = client.get(f"/api/v1/jobs/{job}").json()["stages"]
    return next(stage for stage in stages if stage["name"] == name)


def test_a_chain_shows_each_step(kim: httpx2.Client) -> None:
    started = start(kim, "/solo/chain", **{**NOW, "seconds": 0.5})
    task = started["task_id"]
    assert started["status_code"] == 200
    assert started["first_step_id"] == f"{task}.add"
    answer = kim.get(f"/result/{task}.sum_multiply")
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")  # not begun, and not unknown
    half = wait_until(lambda: (found := kim.get(f"/result/chain/progress/{task}").json())["completed"] == 1 and found)
    assert half["progress"] >= 50
    assert half["steps"][0]["status"] == "completed"
    code, detail = over(kim, f"/result/chain/detail/{task}")
    assert (code, detail["progress"], detail["current_step"]) == (200, 100, None)
    assert [(step["name"], step["status"], step["attempts"]) for step in detail["steps"]] == [
        ("add", "completed", 1),
        ("sum_multiply", "completed", 1),
    ]
    assert detail["steps"][0]["result"] == 7
    assert detail["result"] == {"sum": 7, "by_a": 21, "by_b": 28}
    assert over(kim, f"/result/{task}.add")[1]["result"] == 7
    done = kim.get(f"/result/chain/progress/{task}").json()
    assert (done["progress"], done["completed"], done["total"]) == (100, 2, 2)


def test_a_group_tells_of_each_child(kim: httpx2.Client) -> None:
    started = start(kim, "/solo/group", **NOW)
    assert started["check_result_url"] == f"/result/group/{started['group_id']}"
    code, body = over(kim, started["check_result_url"])
    assert code == 200
    assert (body["ready"], body["completed"], body["total"], body["successful"]) == (True, 2, 2, True)
    assert [child["task_id"] for child in body["children"]] == started["individual_tasks"]
    assert [child["result"] for child in body["children"]] == [7, 12]
    for task, expected in zip(started["individual_tasks"], (7, 12), strict=True):
        assert over(kim, f"/result/{task}") == (200, _done(task, expected))


def test_a_group_takes_its_time(kim: httpx2.Client) -> None:
    started = start(kim, "/solo/group")  # twenty seconds, and two beside them
    assert kim.get(started["check_result_url"]).status_code == 202
    assert (GroupInput().seconds, GroupInput().multiply_seconds) == (SOLO_SECONDS, 2.0)
    assert GroupInput(seconds=0).multiply_seconds == 0
    assert kim.post(f"/api/v1/jobs/{started['group_id']}/cancel").status_code == 202


def test_a_retry_answers_with_its_stage(kim: httpx2.Client) -> None:
    task = start(kim, "/solo/chain", **NOW)["task_id"]
    over(kim, f"/result/{task}")
    answer = kim.post(f"/api/v1/jobs/{task}/stages/sum_multiply/retry")
    assert (answer.status_code, answer.json()["stage"]) == (202, "sum_multiply")


def _done(task: str, result: Any) -> dict[str, Any]:
    return {"task_id": task, "status": "completed", "status_code": 200, "result": result, "error": None}


@pytest.mark.parametrize("numbers", [[], [5], list(range(50))])
def test_a_map_squares_every_item(kim: httpx2.Client, numbers: list[int]) -> None:
    task = start(kim, "/solo/map", numbers=numbers)["task_id"]
    expected = {"count": len(numbers), "total": sum(number**2 for number in numbers)}
    assert over(kim, f"/result/{task}") == (200, _done(task, expected))
    if numbers:
        last = f"{task}.square.{len(numbers) - 1}"
        assert over(kim, f"/result/{last}") == (200, _done(last, numbers[-1] ** 2))


def test_a_failed_task_tells_its_type_and_text(kim: httpx2.Client) -> None:
    task = start(kim, "/solo/add", **HUGE)["task_id"]
    code, body = over(kim, f"/result/{task}")
    assert (code, body["status"], body["result"]) == (500, "failed", None)
    assert body["error"] == {"type": "Permanent", "message": "the result is larger than a number can be"}
    assert over(kim, f"/result/{task}.add")[1]["error"] == body["error"]


def test_a_failed_step_of_a_chain_does_not_break_its_detail(kim: httpx2.Client) -> None:
    task = start(kim, "/solo/chain", a=1e200, b=1e200, seconds=0)["task_id"]
    code, detail = over(kim, f"/result/chain/detail/{task}")
    assert (code, detail["status"], detail["current_step"], detail["progress"]) == (500, "failed", "sum_multiply", 50)
    assert [step["status"] for step in detail["steps"]] == ["completed", "failed"]
    assert detail["error"]["type"] == "Permanent"
    assert kim.get(f"/result/chain/progress/{task}").json()["status"] == "failed"


def test_a_failed_child_does_not_break_its_group(kim: httpx2.Client) -> None:
    started = start(kim, "/solo/group", a=1e200, b=1e200, seconds=0)
    code, body = over(kim, started["check_result_url"])
    assert code == 500
    assert (body["ready"], body["successful"]) == (True, False)
    assert body["children"][1]["error"]["type"] == "Permanent"


def test_a_step_that_will_never_begin_is_over(kim: httpx2.Client) -> None:
    task = start(kim, "/solo/chain", **HUGE)["task_id"]
    assert over(kim, f"/result/{task}")[0] == 500
    code, body = over(kim, f"/result/{task}.sum_multiply")
    assert (code, body["status"]) == (500, "cancelled")


@pytest.mark.parametrize(
    "path",
    [
        "/result/{id}",
        "/result/no-such-thing",
        "/result/{job}.nothing",
        "/result/{map}.square.7",
        "/result/group/{id}",
        "/result/group/{job}",
        "/result/chain/detail/{id}",
        "/result/chain/detail/{job}",
        "/result/chain/progress/{id}",
    ],
)
def test_an_unknown_id_is_404(kim: httpx2.Client, path: str) -> None:
    job = start(kim, "/solo/add", **NOW)["task_id"]
    of_map = start(kim, "/solo/map", numbers=[1])["task_id"]
    is_problem(kim.get(path.format(id=new_id(), job=job, map=of_map)), 404, "not_found")


def test_another_owner_s_task_is_unknown(world: Installation, kim: httpx2.Client) -> None:
    task = start(kim, "/solo/add", **NOW)["task_id"]
    with world.client("lee") as lee:
        is_problem(lee.get(f"/result/{task}"), 404, "not_found")
        is_problem(lee.get(f"/result/{task}.add"), 404, "not_found")


def test_the_same_key_gives_the_same_task(kim: httpx2.Client) -> None:
    tasks = {kim.post("/solo/add", json=NOW, headers={"Idempotency-Key": "sum-1"}).json()["task_id"] for _ in range(2)}
    assert len(tasks) == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"a": "x", "b": 1}, "a: Input should be a number from -1e308 to 1e308"),
        ({"a": 10**309, "b": 1}, "a: Input should be a number from -1e308 to 1e308"),
        ({"a": 1, "b": 2, "seconds": -1}, "seconds: Input should be greater than or equal to 0"),
    ],
)
def test_what_is_no_number_is_refused(kim: httpx2.Client, body: dict[str, Any], told: str) -> None:
    problem = kim.post("/solo/add", json=body)
    is_problem(problem, 422, "invalid_input")
    assert problem.json()["detail"] == told


@pytest.mark.parametrize("path", ["/solo/add", "/solo/chain", "/solo/group"])
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Referer": "https://evil.example/"},
     {"Origin": "https://evil.example"}],
)  # fmt: skip
def test_a_page_of_another_site_starts_nothing_by_a_link(
    kim: httpx2.Client, path: str, headers: dict[str, str]
) -> None:
    is_problem(kim.get(path, headers=headers), 403, "forbidden")
    assert kim.get(path, headers={"Sec-Fetch-Site": "none"}).status_code == 202
