"""The routes of `scan` with a worker behind them, the local models, and a vendor that says what it likes."""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from PIL import Image

from stagepass.declare.registry import Registry
from tests.support.api import Installation, RedisServer, installation, is_problem
from tests.support.scan import BOTTLE, HASTY, plain
from tests.support.scan_vendor import Mouth, scan_vendor
from tests.support.sse import Sent, Stream
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

API = "/api/v1"
PAPER = {"major_category": "재활용폐기물", "middle_category": "종이", "minor_category": "책"}
SIGHT = {"objects": [{"classification": PAPER, "situation_tags": [], "confidence": 0.9}], "alternatives": []}
ANSWER = {"disposal_steps": ["묶어요."], "insufficiencies": [], "user_answer": "종이로 내놓아요."}


@pytest.fixture(scope="module")
def vendor() -> Iterator[Mouth]:
    with scan_vendor() as mouth:
        yield mouth


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, vendor: Mouth) -> Iterator[Installation]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCAN_MODELS", "local=local,clever=compatible:clever-1")
        patch.setenv("COMPATIBLE_BASE_URL", vendor.url)
        patch.setenv("COMPATIBLE_API_KEY", "a-key-of-a-test")
        with installation(tmp_path_factory.mktemp("scan"), redis.url, Registry(HASTY)) as made:
            made.work()
            with made.client("warm") as client:
                ended(client, post(client))
            yield made


@pytest.fixture
def ann(world: Installation, request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    with world.client(f"ann-{request.node.name[:60]}".encode("ascii", "replace").decode()) as client:
        yield client


def post(client: httpx2.Client, photo: bytes = BOTTLE, key: str | None = None, **fields: str) -> dict[str, Any]:
    headers = {"X-Idempotency-Key": key} if key else {}
    answer = client.post(f"{API}/scan", files={"image": ("a.jpg", photo)}, data=fields, headers=headers)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(client: httpx2.Client, accepted: dict[str, Any]) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        answer = client.get(accepted["result_url"])
        assert answer.is_success, answer.text
        return answer.json() if answer.status_code == 200 else None

    found = wait_until(look, timeout=30, saying="the scan ends")
    assert found is not None
    return found


def watched(client: httpx2.Client, url: str, last: int | None = None) -> list[Sent]:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with client.stream("GET", url, headers=headers, timeout=30) as response:
        assert response.status_code == 200
        return list(Stream(response))


# ── the way of a scan ────────────────────────────────────────────────────────────────────────────


def test_a_photo_from_post_to_reward(ann: httpx2.Client) -> None:
    accepted = post(ann)
    assert accepted["status"] == "queued"
    job = accepted["job_id"]
    assert accepted["stream_url"] == f"{API}/scan/{job}/events"
    result = ended(ann, accepted)
    assert (result["task_id"], result["status"], result["error"]) == (job, "completed", None)
    made = result["pipeline_result"]
    assert made["classification_result"]["classification"]["minor_category"] == "와인병"
    assert made["classification_result"]["meta"]["user_input"] == "이 폐기물을 어떻게 분리배출해야 하나요?"
    assert made["disposal_rules"]["sources"][0]["publisher"] == "기후에너지환경부"
    assert made["final_answer"]["user_answer"].startswith("와인병은 유리병으로 분리배출해요.")
    assert result["reward"]["received"] is True
    assert result["queue_wait_ms"] >= 0
    assert ann.get(f"{API}/scan/result/{job}").json() == result
    mine = ann.get(f"{API}/users/me/characters").json()
    assert [(one["code"], one["scan_id"]) for one in mine] == [("glass", job)]


def test_the_stream_tells_each_stage_in_order_and_ends(ann: httpx2.Client) -> None:
    accepted = post(ann)
    sent = watched(ann, accepted["stream_url"])
    ids = [int(one.id or 0) for one in sent]
    assert ids == sorted(set(ids))
    started = [one.event for one in sent if one.data["status"] == "started"]
    assert started == ["vision", "rule", "answer", "reward"]  # once each, also the one that waits for its character
    done = [(one.event, one.data["progress"]) for one in sent if one.data["status"] == "completed"]
    assert done == [("queued", 0), ("vision", 25), ("rule", 50), ("answer", 75), ("reward", 100), ("done", 100)]
    assert {"job_id", "stage", "status", "seq", "ts", "progress", "result"} <= sent[0].data.keys()
    progress = [one.data["progress"] for one in sent]
    assert progress == sorted(progress)
    result = ann.get(accepted["result_url"]).json()
    assert sent[-1].data["result"] == result  # it was there before `done`
    made = {one.event: one.data["result"] for one in sent[:-1] if one.data["result"]}
    assert list(made) == ["vision", "rule", "answer", "reward"]
    parts = {**result["pipeline_result"], "reward": result["reward"], "reward_reason": result["reward_reason"]}
    assert {name: part for told in made.values() for name, part in told.items()} == parts
    again = watched(ann, f"{API}/stream?job_id={accepted['job_id']}")
    assert [one.data for one in again] == [one.data for one in sent]  # replayed as it was live
    rest = watched(ann, accepted["stream_url"], last=4)
    later = [one for one in sent if int(one.id or 0) > 4]
    assert [one.id for one in rest] == [one.id for one in later]
    assert rest[0].data["progress"] == later[0].data["progress"]


def test_a_photo_put_ahead(ann: httpx2.Client, world: Installation) -> None:
    ticket = ann.post(f"{API}/images/scan", json={"filename": "a.jpg", "content_type": "image/jpeg"}).json()
    assert ticket["required_headers"] == {"Content-Type": "image/jpeg"}
    assert ann.post(f"{API}/scan", json={"image_key": ticket["key"]}).status_code == 404  # not there yet
    wrong = ann.put(ticket["upload_url"], content=plain(), headers=ticket["required_headers"])
    assert is_problem(wrong, 422, "invalid_input")["field"] == "image"
    is_problem(
        ann.put(ticket["upload_url"], content=BOTTLE, headers={"Content-Type": "image/png"}), 422, "invalid_input"
    )
    assert ann.put(ticket["upload_url"], content=BOTTLE, headers=ticket["required_headers"]).status_code == 204
    is_problem(ann.put(ticket["upload_url"], content=BOTTLE, headers=ticket["required_headers"]), 403, "forbidden")
    assert ann.get(ticket["cdn_url"]).content == BOTTLE
    is_problem(ann.put(ticket["upload_url"][:-3] + "abc", content=BOTTLE), 403, "forbidden")
    with world.client("eve") as eve:
        is_problem(eve.post(f"{API}/scan", json={"image_key": ticket["key"]}), 404, "not_found")
    accepted = ann.post(f"{API}/scan", json={"image_key": ticket["key"], "user_input": "Where?"})
    assert accepted.status_code == 202
    assert ended(ann, accepted.json())["status"] == "completed"


def test_a_photo_put_ahead_may_be_as_large_as_any_and_its_link_is_looked_at_first(ann: httpx2.Client) -> None:
    made = io.BytesIO()
    Image.effect_noise((1400, 1400), 90).save(made, "jpeg", quality=98)
    large = made.getvalue()
    assert len(large) > 1_000_000
    ticket = ann.post(f"{API}/images/scan", json={"filename": "a.jpg", "content_type": "image/jpeg"}).json()
    headers = ticket["required_headers"]
    assert ann.put(ticket["upload_url"], content=large, headers=headers).status_code == 204
    is_problem(ann.put(ticket["upload_url"][:-3] + "abc", content=b"x" * 20_000_000), 403, "forbidden")
    again = ann.post(f"{API}/images/scan", json={"filename": "a.jpg", "content_type": "image/jpeg"}).json()
    is_problem(ann.put(again["upload_url"], content=b"x" * 16_000_000, headers=headers), 413, "too_large")


def test_where_the_api_has_a_public_address_the_upload_has_it_too(redis: RedisServer, tmp_path: Any) -> None:
    public = "https://scan.example.com/"
    with (
        installation(tmp_path, redis.url, Registry(HASTY), public_url=public) as made,
        made.client() as client,
    ):
        ticket = client.post(f"{API}/images/scan", json={"filename": "a.jpg", "content_type": "image/jpeg"}).json()
    assert ticket["upload_url"].startswith("https://scan.example.com/api/v1/images/scan/files/")
    assert ticket["cdn_url"] == ticket["upload_url"]


def test_while_it_is_made_the_result_says_how_far(redis: RedisServer, tmp_path: Any) -> None:
    with installation(tmp_path, redis.url, Registry(HASTY)) as idle, idle.client() as client:
        answer = client.get(post(client)["result_url"])
    assert answer.status_code == 202
    assert answer.headers["Retry-After"] == "1"
    assert answer.json() == {"status": "queued", "message": "vision is next", "current_stage": "vision", "progress": 0}


# ── whose it is ──────────────────────────────────────────────────────────────────────────────────


def test_fifty_posts_with_one_key_are_one_job(ann: httpx2.Client) -> None:
    with ThreadPoolExecutor(50) as pool:
        jobs = list(pool.map(lambda _: post(ann, key="k1")["job_id"], range(50)))
    assert len(set(jobs)) == 1
    other = ann.post(f"{API}/scan", files={"image": ("a.jpg", plain())}, headers={"X-Idempotency-Key": "k1"})
    is_problem(other, 409, "conflict")


def test_another_users_scan_is_not_there(ann: httpx2.Client, world: Installation) -> None:
    accepted = post(ann, key="mine")
    with world.client("eve") as eve:
        for path in (
            accepted["result_url"],
            accepted["stream_url"],
            f"{API}/scan/result/{accepted['job_id']}",
            f"{API}/stream?job_id={accepted['job_id']}",
        ):
            is_problem(eve.get(path), 404, "not_found")
        assert post(eve, key="mine")["job_id"] != accepted["job_id"]


def test_jobs_of_other_pipelines_are_no_scans(ann: httpx2.Client) -> None:
    ended(ann, post(ann))
    owned = ann.get(f"{API}/jobs?pipeline=users").json()["jobs"][0]["id"]
    is_problem(ann.get(f"{API}/scan/{owned}/result"), 404, "not_found")
    is_problem(ann.get(f"{API}/scan/nope/result"), 404, "not_found")


def test_two_scans_at_once_earn_a_character_once(ann: httpx2.Client) -> None:
    first, second = post(ann), post(ann)
    received = [ended(ann, one)["reward"]["received"] for one in (first, second)]
    assert sorted(received) == [False, True]


def test_a_character_cannot_be_claimed_without_its_scan(ann: httpx2.Client) -> None:
    mine = post(ann)["job_id"]
    for scan_id in (mine, "00000000-0000-7000-8000-000000000000"):
        claim = {"character": "battery" if scan_id == mine else "lamp", "scan": scan_id}
        assert ann.post(f"{API}/pipelines/users/jobs", json=claim).status_code == 202
    ended(ann, {"result_url": f"{API}/scan/{mine}/result"})
    assert [one["code"] for one in ann.get(f"{API}/users/me/characters").json()] == ["glass"]


# ── what is refused ──────────────────────────────────────────────────────────────────────────────


def test_a_model_that_is_not_offered_names_those_that_are(ann: httpx2.Client) -> None:
    answer = ann.post(f"{API}/scan", json={"image_url": "https://example.com/a.jpg", "model": "gpt-9"})
    assert is_problem(answer, 400, "bad_request")["supported_models"] == ["local", "clever"]


@pytest.mark.parametrize(
    "body", [{}, {"image_url": "http://127.0.0.1/"}, {"image_url": "https://a.example/a.jpg", "image_key": "x"}]
)
def test_a_request_without_one_good_photo_is_refused(ann: httpx2.Client, body: dict[str, str]) -> None:
    told = is_problem(ann.post(f"{API}/scan", json=body), 422, "invalid_input")
    assert "Value error" not in told["detail"]  # a sentence for people, not Pydantic's


def test_an_address_that_cannot_be_fetched_fails_with_its_reason(ann: httpx2.Client) -> None:
    accepted = ann.post(f"{API}/scan", json={"image_url": "http://nowhere.invalid/a.jpg"}).json()
    result = ended(ann, accepted)
    assert result["status"] == "failed"
    assert result["error"]["stage"] == "vision"
    assert "there is no host named nowhere.invalid" in result["error"]["message"]
    assert result["pipeline_result"]["classification_result"] is None


# ── what models say ──────────────────────────────────────────────────────────────────────────────


def failed(client: httpx2.Client, code: str) -> dict[str, Any]:
    """A scan with the vendor's model that fails, told by one terminal event."""
    accepted = post(client, model="clever")
    sent = watched(client, accepted["stream_url"])
    assert [one.event for one in sent if one.event == "done"] == ["done"]
    assert (sent[-1].event, sent[-1].data["status"], sent[-1].data["error"]["code"]) == ("done", "failed", code)
    result = ended(client, accepted)
    assert (result["status"], result["error"]["code"], result["error"]["stage"]) == ("failed", code, "vision")
    return result


def test_a_vendors_model_is_shown_the_photo_and_answers(ann: httpx2.Client, vendor: Mouth) -> None:
    vendor.text(json.dumps(SIGHT), json.dumps(ANSWER))
    result = ended(ann, post(ann, model="clever"))
    assert result["pipeline_result"]["classification_result"]["meta"]["model"] == "clever-1"
    assert result["pipeline_result"]["final_answer"]["user_answer"] == "종이로 내놓아요."
    assert result["reward"]["name"] == "사각이"
    assert len(vendor.asked) == 2
    assert "data:image/jpeg;base64," in json.dumps(vendor.asked[0])
    assert "KR.paper" in json.dumps(vendor.asked[1])


@pytest.mark.parametrize(
    "bad",
    [
        json.dumps(
            {
                **SIGHT,
                "objects": [
                    {"classification": {**PAPER, "middle_category": "나무"}, "situation_tags": [], "confidence": 1}
                ],
            }
        ),
        json.dumps(SIGHT)[:60],
        "I think it is a book.",
    ],
    ids=["outside-the-vocabulary", "cut", "prose"],
)
def test_what_does_not_fit_is_repaired_once(ann: httpx2.Client, vendor: Mouth, bad: str) -> None:
    vendor.text(bad, json.dumps(SIGHT), json.dumps(ANSWER))
    assert ended(ann, post(ann, model="clever"))["status"] == "completed"
    assert len(vendor.asked) == 3
    vendor.text(bad)
    failed(ann, "invalid_output")
    assert len(vendor.asked) == 2


def test_fenced_json_is_read(ann: httpx2.Client, vendor: Mouth) -> None:
    vendor.text(f"```json\n{json.dumps(SIGHT)}\n```", f"```\n{json.dumps(ANSWER)}\n```")
    assert ended(ann, post(ann, model="clever"))["status"] == "completed"


def test_a_refusal_is_told(ann: httpx2.Client, vendor: Mouth) -> None:
    vendor.refuse()
    failed(ann, "blocked")
    assert len(vendor.asked) == 1


# ── vocabulary ───────────────────────────────────────────────────────────────────────────────────


def test_the_vocabulary_and_the_catalogue_are_shown(ann: httpx2.Client) -> None:
    shown = ann.get(f"{API}/scan/categories").json()
    assert len(shown["majors"]) == 8
    assert len(shown["groups"]) == 18
    assert shown["models"] == ["local", "clever"]
    assert shown["regions"] == ["seoul", "jeju"]
    assert sum(map(len, shown["situation_tags"].values())) >= 80
    assert len(ann.get(f"{API}/characters").json()) == 13
    assert ann.get(f"{API}/users/me/characters").json() == []
