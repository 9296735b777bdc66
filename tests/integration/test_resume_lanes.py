"""Both lanes with a model at work: side by side, past the time, refused, limited; the API goes on meanwhile."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from stagepass.declare.registry import Registry
from stagepass.pipelines.resume.local import paths, questions
from stagepass.pipelines.resume.pipeline import resume
from stagepass.providers import builtin  # noqa: F401  (registers the providers)
from tests.support.api import Installation, RedisServer, installation, is_problem
from tests.support.resume import ONE_LINE, profile_of
from tests.support.vendors.gemini import Gemini, said
from tests.support.vendors.server import Call, Reply
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

API = "/api/v1/resume"
KEY = "AIza-planted-key-000000000000000"
PATH = ":generateContent"
PROFILE = profile_of(ONE_LINE)


class Interviewer(Gemini):
    """Answers a call for questions with questions and one for paths with paths, once `gate` lets it."""

    gate: threading.Barrier | threading.Event | None = None

    def generate(self, call: Call) -> Reply:
        if self.gate is not None and self.gate.wait(10) is False:
            return Reply({"error": {"code": 500, "status": "INTERNAL"}}, 500)
        wanted = call.body["generationConfig"]["responseJsonSchema"]["properties"]
        made = questions.compose(PROFILE) if "questions" in wanted else paths.compose(PROFILE)
        return Reply(said(made.model_dump_json()))


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Interviewer]:
    with Interviewer(key=KEY) as server:
        monkeypatch.setenv("TEXT_MODEL", "gemini:m")
        monkeypatch.setenv("GEMINI_API_KEY", KEY)
        monkeypatch.setenv("GEMINI_BASE_URL", server.url)
        yield server


@pytest.fixture
def world(vendor: Interviewer, tmp_path: Path, redis: RedisServer) -> Iterator[Installation]:
    with installation(tmp_path, redis.url, Registry([resume]), fast_lane_seconds=6.0) as made:
        yield made.work()


@pytest.fixture
def kim(world: Installation) -> Iterator[httpx2.Client]:
    with world.client("kim") as client:
        yield client


def post(client: httpx2.Client, lane: str) -> httpx2.Response:
    return client.post(f"{API}/{lane}", json={"resume_text": ONE_LINE})


def status(client: httpx2.Client, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{API}/job-status/{job_id}").json()
    return found


def until(client: httpx2.Client, job_id: str, wanted: str) -> dict[str, Any]:
    wait_until(lambda: status(client, job_id)["status"] == wanted, 20, f"the status is {wanted}")
    return status(client, job_id)


@pytest.mark.parametrize("lane", ["analyze", "analyze-async"])
def test_the_two_calls_are_made_side_by_side(kim: httpx2.Client, vendor: Interviewer, lane: str) -> None:
    vendor.gate = threading.Barrier(2)  # neither is answered before the other was asked
    answer = post(kim, lane)
    result = answer.json() if lane == "analyze" else until(kim, answer.json()["job_id"], "COMPLETED")["result"]
    assert result["interview_questions"] == questions.compose(PROFILE).model_dump(mode="json")["questions"]
    assert {made["provider"] for made in result["made"].values()} == {"gemini"}
    assert len(vendor.asked(PATH)) == 2


def test_past_its_time_a_request_goes_on_as_a_job_and_nothing_is_asked_twice(
    kim: httpx2.Client, vendor: Interviewer
) -> None:
    vendor.gate = gate = threading.Event()
    answer = post(kim, "analyze")
    assert answer.status_code == 202
    job_id = answer.json()["job_id"]
    now = status(kim, job_id)  # the API answers others while the model thinks
    assert (now["status"], now["progress"], now["result"]) == ("PROCESSING", 40, None)
    assert kim.get(f"{API}/profile/{job_id}").json()["profile"]["role"] == "백엔드 개발자"
    gate.set()
    assert until(kim, job_id, "COMPLETED")["progress"] == 100
    assert len(vendor.asked(PATH)) == 2


def test_a_limit_is_waited_out_and_never_told_as_a_failure(kim: httpx2.Client, vendor: Interviewer) -> None:
    limited = {
        "status": 429,
        "headers": {"Retry-After": "3"},
        "body": {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}},
    }
    vendor.will(PATH, limited, limited)
    answer = post(kim, "analyze")
    assert answer.status_code == 202
    now = status(kim, answer.json()["job_id"])
    assert (now["status"], now["error_message"]) == ("PROCESSING", None)
    assert "다시 시도" in now["message"]
    assert until(kim, answer.json()["job_id"], "COMPLETED")["result"]["tokens"] == 36


@pytest.mark.parametrize(
    ("reply", "http_status", "error"),
    [
        ({"status": 200, "body": said(finish="SAFETY")}, 422, "blocked"),
        ({"status": 200, "body": said(finish="MAX_TOKENS")}, 502, "invalid_output"),
        ({"status": 403, "body": {"error": {"code": 403, "status": "PERMISSION_DENIED"}}}, 502, "permanent"),
    ],
    ids=["blocked", "empty", "refused"],
)
def test_a_failure_is_told_with_its_kind_and_what_to_do(
    kim: httpx2.Client, vendor: Interviewer, reply: dict[str, Any], http_status: int, error: str
) -> None:
    vendor.will(PATH, *[reply] * 6)
    told = is_problem(post(kim, "analyze"), http_status, "analysis_failed")
    assert told["error"] == error
    later = until(kim, told["job_id"], "FAILED")
    assert later["error_message"] == told["detail"]
    assert later["error_type"] == told["error"]
    assert later["result"] is None
    assert "커머스" not in json.dumps(told, ensure_ascii=False)
