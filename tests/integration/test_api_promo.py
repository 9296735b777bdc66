"""The routes of `promo`, as clients have known them: spec/promo.md, "HTTP"."""

import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from stagepass.declare.registry import Registry
from stagepass.declare.values import File
from stagepass.engine.model.records import Job, StageRun, Tally
from stagepass.engine.model.run_notes import RunNotes
from stagepass.engine.model.states import JobState, RunState
from stagepass.files.links import Links
from stagepass.pipelines.promo.routes import _shown
from stagepass.pipelines.promo.status import Results, stage_status, task_status
from stagepass.pipelines.promo.texts import message, say, texts
from stagepass.views.files import FOREVER
from tests.support.api import Installation, RedisServer, installation, is_problem, picture
from tests.support.pipelines.demo.pipeline import gates, reached
from tests.support.pipelines.promo.pipeline import promo
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

API = "/api/v1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("promo"), redis.url, Registry([promo])) as made:
        made.work()
        with made.client("warm") as client:
            task = start(client)["task_id"]
            reaches(client, task, "completed")
        yield made


@pytest.fixture
def kim(world: Installation) -> Iterator[httpx2.Client]:
    with world.client("kim") as client:
        yield client


def request(**changes: Any) -> dict[str, Any]:
    return {"customer_name": "머뭄", "region": "군산", **changes}


def start(client: httpx2.Client, path: str = "/pipeline/start", **changes: Any) -> dict[str, Any]:
    answer = client.post(f"{API}{path}", json=request(**changes))
    assert answer.status_code == 202, answer.text
    started: dict[str, Any] = answer.json()
    assert started["success"] is True
    assert started["message"]
    return started


def status(client: httpx2.Client, task: str) -> dict[str, Any]:
    answer = client.get(f"{API}/pipeline/status/{task}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def reaches(
    client: httpx2.Client, task: str, overall: str, stage: str | None = None, at: str | None = None
) -> dict[str, Any]:
    """The status, once it is so."""

    def look() -> dict[str, Any] | None:
        found = status(client, task)
        fits = found["overall_status"] == overall and (stage is None or found["stages"][stage]["status"] == at)
        return found if fits else None

    return wait_until(look, saying=f"{task}: {overall} {stage} {at}")


def test_a_task_runs_to_its_clip(world: Installation, kim: httpx2.Client) -> None:
    task_id = str(uuid.uuid4())
    started = start(kim, task_id=task_id)
    assert started["task_id"] == task_id
    assert started["auto_continue"] is True
    done = reaches(kim, task_id, "completed")
    assert done["task_id"] == task_id
    assert done["job_id"] == started["job_id"]
    assert done["current_stage"] == "video"
    assert done["progress"] == 1
    assert list(done["stages"]) == ["lyric", "song", "video"]
    assert {stage["status"] for stage in done["stages"].values()} == {"completed"}
    clip = done["stages"]["video"]["result"]["file"]
    assert kim.get(clip["url"]).content == b"film"
    assert "uri" not in clip
    one = kim.get(f"{API}/song/status/{task_id}").json()
    assert (one["stage"], one["status"], one["task_id"]) == ("song", "completed", task_id)
    assert kim.get(one["result"]["file"]["url"]).content == b"sound"
    assert kim.get(done["song_result_url"]).content == b"sound"
    assert kim.get(done["result_movie_url"]).content == b"film"
    assert done["lyric_result"] == done["stages"]["lyric"]["result"]["text"]
    assert (done["resumed_from"], done["retry_reason"]) == (None, None)
    assert kim.get(f"{API}/jobs/{started['job_id']}").json()["state"] == "completed"  # it is a job like any other


def test_without_an_id_of_its_own_a_task_goes_by_its_jobs(kim: httpx2.Client) -> None:
    started = start(kim)
    assert started["task_id"] == started["job_id"]
    reaches(kim, started["job_id"], "completed")


def test_a_task_id_makes_a_request_idempotent(kim: httpx2.Client) -> None:
    task_id = str(uuid.uuid4())
    first = start(kim, task_id=task_id)
    assert start(kim, task_id=task_id.upper())["job_id"] == first["job_id"]
    assert (
        kim.post(
            f"{API}/pipeline/start", json=request(task_id=task_id), headers={"Idempotency-Key": task_id}
        ).status_code
        == 202
    )
    is_problem(kim.post(f"{API}/pipeline/start", json=request(task_id=task_id, region="제주")), 409, "conflict")
    other = kim.post(f"{API}/pipeline/start", json=request(task_id=task_id), headers={"Idempotency-Key": "other"})
    assert is_problem(other, 422, "invalid_input")["field"] == "idempotency_key"
    assert status(kim, task_id.upper())["job_id"] == first["job_id"]
    reaches(kim, task_id, "completed")


@pytest.mark.parametrize("task_id", ["load-test-0-1764500000", "주문 12", "a", "x" * 100, "50%?#&;=+", "é"])
def test_any_printable_text_is_a_task_id(kim: httpx2.Client, task_id: str) -> None:
    assert start(kim, task_id=task_id)["task_id"] == task_id
    found = kim.get(f"{API}/pipeline/status/{quote(task_id, safe='')}")
    assert found.json()["task_id"] == task_id
    assert start(kim, task_id=task_id)["job_id"] == found.json()["job_id"]


@pytest.mark.parametrize("task_id", ["", " a", "a ", "a\n", "a\u200b", "x" * 101, "a/b", ".", "..", 7])
def test_a_task_id_that_no_address_can_hold_is_refused(kim: httpx2.Client, task_id: Any) -> None:
    answer = kim.post(f"{API}/pipeline/start", json=request(task_id=task_id))
    assert is_problem(answer, 422, "invalid_input")["field"] == "task_id"


def test_the_houses_prompt_is_no_part_of_a_status(world: Installation) -> None:
    outputs = {"lyric": {"text": "la", "prompt": "the house's own", "prompt_version": "lyric.ko 1"}}
    assert "the house's own" not in str({name: _shown(output) for name, output in outputs.items()})


def test_lasting_links_are_absolute_where_the_public_address_is_set(world: Installation) -> None:
    links = Links(b"s" * 40, base_url="https://us.example/api/v1/files/")
    file = File(uri="a/b", sha256="0" * 64, size=1, type="audio/mpeg")
    link = links.make(file, FOREVER * 86_400)
    assert link.startswith("https://us.example/api/v1/files/")
    assert links.read(link.rpartition("/")[2]).file == file


def test_a_key_in_the_header_is_the_tasks_id(kim: httpx2.Client) -> None:
    answer = kim.post(f"{API}/pipeline/start", json=request(), headers={"Idempotency-Key": "order-77"})
    assert answer.json()["task_id"] == "order-77"
    assert reaches(kim, "order-77", "completed")["task_id"] == "order-77"


def test_photos_come_by_form_and_addresses_are_only_looked_at(world: Installation, kim: httpx2.Client) -> None:
    photos = [("images", (f"{n}.jpg", picture(), "image/jpeg")) for n in range(10)]
    answer = kim.post(f"{API}/pipeline/start", data=request(language="English"), files=photos)
    assert answer.status_code == 202, answer.text
    done = reaches(kim, answer.json()["task_id"], "completed")
    assert done["stages"]["lyric"]["result"]["text"].endswith("10 photos")
    too_many = kim.post(f"{API}/pipeline/start", data=request(), files=[*photos, photos[0]])
    assert is_problem(too_many, 422, "invalid_input")["field"] == "images"
    address = "http://127.0.0.1:9/nobody-listens.jpg"
    mixed = kim.post(f"{API}/pipeline/start", data=request(images=address), files=photos[:2])
    assert mixed.status_code == 202, mixed.text
    done = reaches(kim, mixed.json()["task_id"], "completed")
    assert done["stages"]["lyric"]["result"]["text"].endswith("3 photos")
    for bad in ("ftp://example.com/a.jpg", "nonsense", "file:///etc/passwd"):
        refused = kim.post(f"{API}/pipeline/start", json=request(images=[bad]))
        assert is_problem(refused, 422, "invalid_input")["field"].startswith("images.0")
    page = [("images", ("a.jpg", b"<html>", "image/jpeg"))]
    assert (
        is_problem(kim.post(f"{API}/pipeline/start", data=request(), files=page), 422, "invalid_input")["field"]
        == "images.0"
    )


def test_a_field_at_fault_is_told_in_plain_words(kim: httpx2.Client) -> None:
    problem = is_problem(kim.post(f"{API}/pipeline/start", json=request(region=" ")), 422, "invalid_input")
    assert problem["detail"] == "region: String should have at least 1 character"


@pytest.mark.parametrize(
    "changes", [{"customer_name": ""}, {"orientation": "square"}, {"task_id": " x"}, {"unknown": 1}]
)
def test_an_input_that_does_not_fit_is_refused(kim: httpx2.Client, changes: dict[str, Any]) -> None:
    problem = is_problem(kim.post(f"{API}/pipeline/start", json=request(**changes)), 422, "invalid_input")
    assert problem["field"] == next(iter(changes))


@pytest.mark.parametrize(
    ("stage", "how", "seen"),
    [
        ("lyric", "gate", "processing"),
        ("song", "wait", "processing"),
        ("song", "upload", "uploading"),
        ("video", "gate", "processing"),
        ("video", "wait", "rendering"),
        ("video", "upload", "uploading"),
    ],
)
def test_what_people_see_while_it_is_made(kim: httpx2.Client, stage: str, how: str, seen: str) -> None:
    gate = f"seen-{stage}-{how}"
    task = start(kim, detail_region_info=f"{stage}={how}:{gate}")["task_id"]
    assert reached[gate].wait(10)
    found = reaches(kim, task, "processing", stage, seen)
    assert found["current_stage"] == stage
    order = ["lyric", "song", "video"]
    for other in order:
        if order.index(other) < order.index(stage):
            assert found["stages"][other]["status"] == "completed"
        elif other != stage:
            assert found["stages"][other]["status"] == "pending"
    if how == "wait":
        told = r"song: generating, \d+ s" if stage == "song" else r"video: rendering, \d+ s"
        wait_until(lambda: re.fullmatch(told, status(kim, task)["message"]))
    assert 0 <= found["progress"] < 1
    gates[gate].set()
    reaches(kim, task, "completed")


def test_a_retry_that_is_pending_is_never_a_failure(kim: httpx2.Client) -> None:
    task = start(kim, detail_region_info="song=retry")["task_id"]
    found = reaches(kim, task, "processing", "song", "retrying")
    assert found["stages"]["song"]["error"] is None
    assert "failed" not in str(found["stages"]["song"])
    told = rf"Trying the song again \(attempt 2\)\. {re.escape(say('why.transient', 'en'))} Next try in \d+ s\."
    assert re.fullmatch(told, found["message"])
    assert re.fullmatch(told, found["stages"]["song"]["message"])
    assert found["retry_reason"] == say("why.transient", "en")
    assert found["resumed_from"] is None
    kim.post(f"{API}/jobs/{found['job_id']}/cancel")


def test_a_failed_task_tells_why_and_goes_on_from_there(kim: httpx2.Client) -> None:
    task = start(kim, detail_region_info="song=once")["task_id"]
    failed = reaches(kim, task, "failed")
    assert failed["current_stage"] == "song"
    assert failed["stages"]["lyric"]["status"] == "completed"
    assert failed["stages"]["lyric"]["result"]["text"]
    assert (failed["stages"]["song"]["status"], failed["stages"]["song"]["error"]) == ("failed", "permanent")
    assert failed["stages"]["song"]["message"] == "no song at first"
    assert failed["message"] == " ".join(
        [say("job.failed", "en", stage="song"), say("job.kept", "en"), say("error.permanent", "en")]
    )
    assert failed["stages"]["video"]["status"] == "pending"
    assert kim.post(f"{API}/pipeline/resume/{task}").status_code == 202
    done = reaches(kim, task, "completed")
    assert done["resumed_from"] == "song"
    attempts = kim.get(f"{API}/jobs/{done['job_id']}/attempts").json()["attempts"]
    assert [attempt["stage"] for attempt in attempts] == ["lyric", "song", "song", "video"]
    is_problem(kim.post(f"{API}/pipeline/resume/{task}"), 409, "conflict")


def test_a_failed_lyric_goes_on_too(kim: httpx2.Client) -> None:
    task = start(kim, detail_region_info="lyric=once")["task_id"]
    reaches(kim, task, "failed")
    assert kim.post(f"{API}/pipeline/resume/{task}").status_code == 202
    reaches(kim, task, "completed")


def test_a_stage_is_made_again_with_what_comes_after_it(kim: httpx2.Client) -> None:
    task = start(kim)["task_id"]
    reaches(kim, task, "completed")
    is_problem(kim.post(f"{API}/pipeline/retry/{task}/mix"), 400, "bad_request")
    assert kim.post(f"{API}/pipeline/retry/{task}/song").status_code == 202
    done = reaches(kim, task, "completed")
    attempts = kim.get(f"{API}/jobs/{done['job_id']}/attempts").json()["attempts"]
    assert [attempt["stage"] for attempt in attempts] == ["lyric", "song", "video", "song", "video"]


def test_a_stage_without_its_predecessors_is_not_made(kim: httpx2.Client) -> None:
    task = start(kim, detail_region_info="lyric=fail")["task_id"]
    reaches(kim, task, "failed")
    problem = is_problem(kim.post(f"{API}/pipeline/retry/{task}/video"), 409, "conflict")
    assert problem["missing"] == ["song"]
    for stage in ("song", "video"):
        is_problem(kim.post(f"{API}/{stage}/generate/{task}"), 409, "conflict")


def test_without_auto_continue_it_stops_after_each_stage(kim: httpx2.Client) -> None:
    started = start(kim, auto_continue=False)
    assert started["auto_continue"] is False
    task = started["task_id"]
    for before, stage in (("lyric", "song"), ("song", "video")):
        held = wait_until(lambda: (s := status(kim, task))["stages"][before]["status"] == "completed" and s)  # noqa: B023
        assert held["current_stage"] == stage
        assert (held["overall_status"], held["stages"][stage]["status"]) == ("held", "pending")
        assert held["message"] == say("job.held", "en", stage=before)
        assert kim.post(f"{API}/pipeline/resume/{task}").status_code == 202
    reaches(kim, task, "completed")


def test_auto_continue_is_read_from_a_form_as_well(kim: httpx2.Client) -> None:
    files = [("images", ("a.jpg", picture(), "image/jpeg"))]
    answer = kim.post(f"{API}/pipeline/start", data=request(auto_continue="false"), files=files)
    assert answer.json()["auto_continue"] is False


def test_the_stages_are_driven_one_by_one(kim: httpx2.Client) -> None:
    started = start(kim, "/lyric/generate")
    task = started["task_id"]
    wait_until(lambda: kim.get(f"{API}/lyric/status/{task}").json()["status"] == "completed")
    assert kim.get(f"{API}/song/status/{task}").json()["status"] == "pending"
    is_problem(kim.post(f"{API}/video/generate/{task}"), 409, "conflict")
    assert kim.post(f"{API}/song/generate/{task}").status_code == 202
    wait_until(lambda: kim.get(f"{API}/song/status/{task}").json()["status"] == "completed")
    again = kim.post(f"{API}/song/generate/{task}")
    assert again.status_code == 202
    assert "already" in again.json()["message"]
    assert kim.post(f"{API}/video/generate/{task}").status_code == 202
    done = reaches(kim, task, "completed")
    attempts = kim.get(f"{API}/jobs/{done['job_id']}/attempts").json()["attempts"]
    assert [attempt["stage"] for attempt in attempts] == ["lyric", "song", "video"]  # nothing was bought twice


def test_a_stage_that_is_asked_for_twice_is_made_once(kim: httpx2.Client) -> None:
    task = start(kim, "/lyric/generate", detail_region_info="song=gate:twice")["task_id"]
    wait_until(lambda: kim.get(f"{API}/lyric/status/{task}").json()["status"] == "completed")
    assert kim.post(f"{API}/song/generate/{task}").status_code == 202
    assert reached["twice"].wait(10)
    assert kim.post(f"{API}/song/generate/{task}").status_code == 202
    gates["twice"].set()
    wait_until(lambda: kim.get(f"{API}/song/status/{task}").json()["status"] == "completed")
    job_id = status(kim, task)["job_id"]
    attempts = kim.get(f"{API}/jobs/{job_id}/attempts").json()["attempts"]
    assert [attempt["stage"] for attempt in attempts] == ["lyric", "song"]


@pytest.mark.parametrize("task", ["nope", str(uuid.UUID(int=7)), "%00", "x" * 300, "a%20b", "한"])
def test_an_unknown_task_is_not_found(kim: httpx2.Client, task: str) -> None:
    for method, path in (
        ("GET", "/pipeline/status/{}"),
        ("POST", "/pipeline/retry/{}/song"),
        ("POST", "/pipeline/retry/{}/mix"),
        ("POST", "/pipeline/resume/{}"),
        ("POST", "/song/generate/{}"),
        ("POST", "/video/generate/{}"),
        ("GET", "/lyric/status/{}"),
        ("GET", "/song/status/{}"),
        ("GET", "/video/status/{}"),
    ):
        is_problem(kim.request(method, API + path.format(task)), 404, "not_found")


@pytest.mark.parametrize(
    ("state", "facts", "korean", "english"),
    [
        ("ready", {}, "순서를 기다리고 있어요", "Waiting for its turn"),
        ("running", {"attempts": 1}, "노래를 만들고 있어요", "Making the song"),
        (
            "waiting",
            {
                "attempts": 1,
                "message": message("song.generating"),
                "notes": RunNotes(waits={"song: generating": 60_000}),
            },
            "노래를 만들고 있어요 (30초째)",
            "song: generating, 30 s",
        ),
        (
            "running",
            {"attempts": 1, "message": message("song.generating"), "attempt_at": 85_000},
            None,
            "song: generating, 5 s",
        ),
        ("running", {"attempts": 1, "message": message("song.storing")}, "노래를 저장하고 있어요", "song: uploading"),
        (
            "running",
            {"attempts": 1, "message": message("lyric.photo", number=2, count=3)},
            "사진을 가져오고 있어요 (2/3장)",
            None,
        ),
        ("running", {"attempts": 1, "message": "a maker's own words"}, "a maker's own words", "a maker's own words"),
        ("retrying", {"attempts": 1}, "노래를 다시 만들고 있어요 (2번째 시도)", "Trying the song again (attempt 2)"),
        (
            "retrying",
            {"attempts": 1, "error": {"code": "rate_limited"}, "due_at": 100_000, "message": "song: generating"},
            "노래를 다시 만들고 있어요 (2번째 시도). 서비스에 요청이 몰렸어요. 10초 뒤에 다시 시도해요.",
            "Trying the song again (attempt 2). The service is too busy. Next try in 10 s.",
        ),
        ("held", {}, "가사가 완성됐어요. 이어서 진행하면 다음 단계를 시작해요.", None),
        (
            "held",
            {"error": {"code": "outcome_unknown"}},
            "노래 주문이 들어갔는지 확인하지 못해 멈췄어요. 관리자가 확인하면 이어서 진행돼요",
            None,
        ),
    ],
)
def test_a_task_is_told_in_the_readers_language(
    state: str, facts: dict[str, Any], korean: str | None, english: str | None
) -> None:
    run = StageRun("j.s", "j", "promo", 1, "song", "promo.song", "kim", 0, state=RunState(state), **facts)
    tally = {"lyric": Tally(1, 1), "song": Tally(1)}
    job = Job(
        "j", "promo", 1, "kim", "{}", 0, 0, state=JobState.HELD if state == "held" else JobState.RUNNING, tally=tally
    )
    for language, expected in (("ko", korean), ("en", english)):
        found = task_status(job, promo, {"song": run}, Results({}), language, now=90_000)
        assert found.current_stage == "song"
        assert expected is None or found.message == expected


def test_a_failure_without_korean_words_is_told_in_korean_all_the_same() -> None:
    error = {"code": "transient", "message": "suno: failed (HTTP 500)"}
    run = StageRun("j.s", "j", "promo", 1, "song", "promo.song", "kim", 0, state=RunState.FAILED, error=error)
    job = Job("j", "promo", 1, "kim", "{}", 0, 0, state=JobState.FAILED, tally={"lyric": Tally(1, 1)}, error=error)
    told = {
        language: task_status(job, promo, {"song": run}, Results({}), language, now=0).stages["song"].message
        for language in ("ko", "en")
    }
    assert told == {"ko": say("why.transient", "ko"), "en": "suno: failed (HTTP 500)"}


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_word_on_a_job_that_failed_for_good_says_that_it_is_tried_again(language: str) -> None:
    for code in [code for code in texts().codes("en") if code.startswith("error.")]:
        job = Job("j", "promo", 1, "kim", "{}", 0, 0, state=JobState.FAILED, error={"code": code.partition(".")[2]})
        told = task_status(job, promo, {}, Results({}), language, now=0).message
        assert not re.search("by itself|being tried|자동으로|다시 만들고 있", told), told


def test_messages_come_in_the_language_that_is_asked_for(kim: httpx2.Client) -> None:
    korean = {"Accept-Language": "ko-KR, en;q=0.3"}
    answer = kim.post(f"{API}/pipeline/start", json=request(), headers=korean)
    assert (answer.json()["message"], answer.headers["vary"]) == ("접수했어요", "Accept-Language")
    task = answer.json()["task_id"]
    reaches(kim, task, "completed")
    assert kim.get(f"{API}/pipeline/status/{task}", headers=korean).json()["message"] == "영상이 완성됐어요"
    assert status(kim, task)["message"] == "Your clip is ready"
    again = kim.post(f"{API}/song/generate/{task}", headers=korean)
    assert again.json()["message"] == "노래는 이미 완성됐어요. 새로 만들려면 다시 만들기를 선택해 주세요"


def test_every_state_of_a_stage_run_has_a_word() -> None:
    for stage in ("lyric", "song", "video"):
        for state in RunState:
            run = StageRun("j.s", "j", "promo", 1, stage, f"promo.{stage}", "kim", 0, state=state)
            seen = stage_status(stage, run)
            assert (seen == "failed") == (state in (RunState.FAILED, RunState.DISCARDED, RunState.CANCELLED))
            assert (seen == "completed") == (state in (RunState.COMPLETED, RunState.SKIPPED))


@pytest.mark.parametrize(
    ("stage", "state", "facts", "seen"),
    [
        ("song", "ready", {}, "pending"),
        ("song", "waiting", {}, "pending"),  # a delayed start
        ("song", "waiting", {"attempts": 1, "started_at": 1}, "processing"),
        ("video", "waiting", {"attempts": 1, "started_at": 1}, "rendering"),
        ("video", "ready", {"attempts": 1, "started_at": 1}, "rendering"),  # between two looks at the render
        ("video", "running", {"attempts": 1, "notes": RunNotes(waits={"video: rendering": 1})}, "rendering"),
        ("video", "running", {"attempts": 1}, "processing"),
        (
            "video",
            "running",
            {"attempts": 1, "message": message("video.rendering")},
            "rendering",
        ),  # by a maker on this machine
        ("video", "running", {"attempts": 1, "message": message("video.storing")}, "uploading"),
        ("video", "ready", {"attempts": 3}, "pending"),  # sent again by a person
        ("song", "retrying", {"attempts": 1}, "retrying"),
        ("song", "held", {}, "pending"),
        ("song", "parked", {}, "pending"),
    ],
)
def test_the_words_for_what_is_under_way(stage: str, state: str, facts: dict[str, Any], seen: str) -> None:
    run = StageRun("j.s", "j", "promo", 1, stage, f"promo.{stage}", "kim", 0, state=RunState(state), **facts)
    assert stage_status(stage, run) == seen
