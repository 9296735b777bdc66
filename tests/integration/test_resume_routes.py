"""The routes of `resume` on a real socket: both lanes, uploads, sessions, deletion, and what is noted of calls."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from stagepass.declare.registry import Registry
from stagepass.pipelines.resume.models import ResumeReport
from stagepass.pipelines.resume.pipeline import resume
from stagepass.store.tables import metadata
from tests.support.api import Installation, RedisServer, installation, is_problem
from tests.support.resume import DATA, ONE_LINE, pdf, scan, word
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

API = "/api/v1/resume"
NOBODY = "00000000-0000-0000-0000-000000000007"
SECRET = "줄무늬고래"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("resume"), redis.url, Registry([resume])) as made:
        made.work()
        with made.client("warm") as client:  # starts what starts by itself at the first use
            assert client.post(f"{API}/analyze", json={"resume_text": ONE_LINE}).status_code == 200
        yield made


@pytest.fixture
def kim(world: Installation) -> Iterator[httpx2.Client]:
    with world.client("kim") as client:
        yield client


@pytest.fixture
def idle_kim(tmp_path: Path, redis: RedisServer) -> Iterator[httpx2.Client]:
    """An installation without a worker, whose requests run nothing themselves."""
    with installation(tmp_path, redis.url, Registry([resume]), fast_lane_slots=0) as made, made.client("kim") as client:
        yield client


def completed(client: httpx2.Client, job_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        status: dict[str, Any] = client.get(f"{API}/job-status/{job_id}").json()
        return status if status["status"] in ("COMPLETED", "FAILED") else None

    status = wait_until(look, 20, "the analysis ends")
    assert status is not None
    return status


def rows(world: Installation, query: str) -> list[dict[str, Any]]:
    engine = sa.create_engine(world.system.settings.database)
    with engine.connect() as db:
        found = [dict(row) for row in db.execute(sa.text(query)).mappings()]
    engine.dispose()
    return found


def test_the_fast_lane_answers_at_once(kim: httpx2.Client) -> None:
    answer = kim.post(f"{API}/analyze", json={"resume_text": ONE_LINE}, headers={"X-Session-ID": "visit-1"})
    assert answer.status_code == 200, answer.text
    report = ResumeReport.model_validate(answer.json())
    assert (report.session_id, answer.headers["x-session-id"]) == ("visit-1", "visit-1")
    assert 0 < float(answer.headers["x-process-time"]) < 2
    assert report.made["questions"].provider == "local"
    assert report.analysis.role == "백엔드 개발자"
    profile = kim.get(f"{API}/profile/{report.resume_profile_id}").json()
    assert profile["profile"]["text"] == ONE_LINE
    assert len(profile["interview_questions"]) == 5
    assert len(profile["learning_paths"]) == len(report.learning_paths)


def test_the_other_lane_goes_over_workers(kim: httpx2.Client) -> None:
    answer = kim.post(f"{API}/analyze-async", json={"resume_text": ONE_LINE})
    assert answer.status_code == 202
    started = answer.json()
    assert started["estimated_completion_time"]
    status = completed(kim, started["job_id"])
    assert (status["status"], status["progress"], status["error_message"]) == ("COMPLETED", 100, None)
    assert status["created_at"] < status["updated_at"]
    assert len(status["result"]["interview_questions"]) == 5
    assert status["result"]["session_id"] == answer.headers["x-session-id"]


def test_a_request_whose_time_is_up_goes_on_as_a_job(tmp_path: Path, redis: RedisServer) -> None:
    options: dict[str, Any] = {"fast_lane_slots": 0}
    with installation(tmp_path, redis.url, Registry([resume]), **options) as made, made.client("kim") as client:
        answer = client.post(f"{API}/analyze", json={"resume_text": ONE_LINE})
        assert answer.status_code == 202
        job_id = answer.json()["job_id"]
        assert answer.headers["location"] == f"{API}/job-status/{job_id}"
        made.work()
        assert completed(client, job_id)["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", pdf(DATA[-1]["text"])),
        ("a.docx", word(DATA[-1]["text"])),
        ("a.txt", DATA[-1]["text"].encode("cp949")),
        ("a.md", DATA[-1]["text"].encode()),
        ("wrong-name.txt", pdf(DATA[-1]["text"])),
    ],
)
def test_files_are_read(kim: httpx2.Client, name: str, content: bytes) -> None:
    answer = kim.post(f"{API}/analyze", files={"resume_file": (name, content)}, data={"hours_per_week": "8"})
    assert answer.status_code == 200, answer.text
    report = ResumeReport.model_validate(answer.json())
    assert [employer.name for employer in report.analysis.employers] == ["물결커피 주식회사", "새벽로스터스"]
    assert {"food_safety", "barista"} <= {skill.id for skill in report.analysis.skills}


@pytest.mark.parametrize("content", [scan(), pdf(ONE_LINE, 1, "secret"), b"", b"%PDF-1.4 broken"])
@pytest.mark.parametrize("lane", ["analyze", "analyze-async"])
def test_a_file_that_cannot_be_read_is_refused_in_both_lanes(kim: httpx2.Client, lane: str, content: bytes) -> None:
    problem = is_problem(kim.post(f"{API}/{lane}", files={"resume_file": ("a.pdf", content)}), 422, "invalid_input")
    assert problem["field"] == "resume_file"


def test_a_file_is_refused_in_the_language_of_the_reader(kim: httpx2.Client) -> None:
    files = {"resume_file": ("a.pdf", scan())}
    told = [
        kim.post(f"{API}/analyze", files=files, headers=headers, data=data).json()["detail"]
        for headers, data in (({"Accept-Language": "ko"}, {}), ({}, {"language": "ko"}), ({}, {}))
    ]
    assert ["스캔" in text for text in told] == [True, True, False]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"resume_text": ""},
        {"resume_text": "  \n\t "},
        {"resume_text": "짧은 글"},
        {"resume_text": "." * 40},
        {"resume_text": "a" * 20_001},
        {"resume_text": ONE_LINE, "hours_per_week": 41},
        {"resume_text": ONE_LINE, "colour": "red"},
    ],
)
def test_what_is_no_resume_is_refused(kim: httpx2.Client, body: dict[str, Any]) -> None:
    for lane in ("analyze", "analyze-async"):
        is_problem(kim.post(f"{API}/{lane}", json=body), 422, "invalid_input")


def test_the_form_of_three_fields(kim: httpx2.Client) -> None:
    body = {
        "career_summary": "주문 서버를 4년 동안 운영",
        "job_functions": ["장애 대응"],
        "technical_skills": "Java, Redis",
    }
    answer = kim.post(f"{API}/analyze", json=body)
    assert answer.status_code == 200, answer.text
    assert {skill["id"] for skill in answer.json()["analysis"]["skills"]} == {"java", "redis"}


def test_without_a_worker_it_is_pending_and_says_that_it_will_start(idle_kim: httpx2.Client) -> None:
    job_id = idle_kim.post(f"{API}/analyze-async", json={"resume_text": ONE_LINE}).json()["job_id"]
    status = idle_kim.get(f"{API}/job-status/{job_id}").json()
    assert (status["status"], status["progress"], status["result"]) == ("PENDING", 10, None)

    def said() -> bool:
        return "자동으로 시작" in idle_kim.get(f"{API}/job-status/{job_id}").json()["message"]

    wait_until(said, 10, "it says that no worker listens")


@pytest.mark.parametrize("job_id", [NOBODY, "nope", "%00"])
def test_an_unknown_id_is_not_found(kim: httpx2.Client, job_id: str) -> None:
    is_problem(kim.get(f"{API}/job-status/{job_id}"), 404, "not_found")
    is_problem(kim.get(f"{API}/profile/{job_id}"), 404, "not_found")
    is_problem(kim.delete(f"{API}/profile/{job_id}"), 404, "not_found")


def test_anothers_analysis_is_not_found(world: Installation, kim: httpx2.Client) -> None:
    job_id = kim.post(f"{API}/analyze-async", json={"resume_text": ONE_LINE}).json()["job_id"]
    with world.client("lee") as lee:
        is_problem(lee.get(f"{API}/job-status/{job_id}"), 404, "not_found")
        is_problem(lee.delete(f"{API}/profile/{job_id}"), 404, "not_found")


@pytest.mark.parametrize("header", ["Idempotency-Key", "X-Idempotency-Key"])
def test_a_repeated_request_is_one_job(kim: httpx2.Client, header: str) -> None:
    headers = {header: f"resume-77-{header}"}
    first = kim.post(f"{API}/analyze-async", json={"resume_text": ONE_LINE}, headers=headers).json()
    again = kim.post(f"{API}/analyze-async", json={"resume_text": ONE_LINE}, headers=headers).json()
    assert again["job_id"] == first["job_id"]
    files = {"resume_file": ("a.txt", ONE_LINE.encode())}
    keyed = {header: f"resume-78-{header}"}
    ids = {kim.post(f"{API}/analyze-async", files=files, headers=keyed).json()["job_id"] for _ in range(2)}
    assert len(ids) == 1


def test_two_owners_with_one_key_have_two_sessions_and_two_jobs(world: Installation, kim: httpx2.Client) -> None:
    headers = {"X-Idempotency-Key": "the-same"}
    with world.client("lee") as lee:
        answers = [c.post(f"{API}/analyze-async", json={"resume_text": ONE_LINE}, headers=headers) for c in (kim, lee)]
    assert len({answer.json()["job_id"] for answer in answers}) == 2
    assert len({answer.headers["x-session-id"] for answer in answers}) == 2


def test_nobody_deletes_the_calls_of_another(world: Installation, kim: httpx2.Client) -> None:
    headers = {"X-Session-ID": "shared-name"}
    assert kim.post(f"{API}/analyze", json={}, headers=headers).status_code == 422
    with world.client("lee") as lee:
        assert lee.post(f"{API}/analyze", json={}, headers=headers).status_code == 422
        assert lee.delete(f"{API}/session/shared-name").json() == {"profiles": 0}
    left = rows(world, "SELECT owner FROM api_metrics WHERE session_id = 'shared-name'")
    assert [row["owner"] for row in left] == ["kim"]


def leftovers(world: Installation, *words: str) -> list[str]:
    """Tables that hold one of these words anywhere."""
    return [
        table.name
        for table in metadata.sorted_tables
        if any(word in str(row) for row in rows(world, f"SELECT * FROM {table.name}") for word in words)
    ]


def test_deletion_of_a_session_leaves_nothing_in_any_table(world: Installation, kim: httpx2.Client) -> None:
    text = f"{ONE_LINE}, {SECRET} 서비스 개발"
    headers = {"X-Session-ID": "gone-7"}
    first = kim.post(f"{API}/analyze", json={"resume_text": text}, headers=headers).json()["resume_profile_id"]
    keyed = {**headers, "Idempotency-Key": "gone-key"}
    second = kim.post(f"{API}/analyze-async", json={"resume_text": text}, headers=keyed).json()["job_id"]
    assert completed(kim, second)["status"] == "COMPLETED"
    assert kim.get(f"{API}/profile/{first}", headers=headers).status_code == 200
    assert kim.post(f"{API}/analyze", json={}, headers=headers).status_code == 422  # a call that made no job
    words = (first, second, "gone-7", "gone-key", SECRET)
    assert {"jobs", "stage_runs", "events", "attempts"} <= set(leftovers(world, *words))
    assert kim.delete(f"{API}/session/gone-7", headers=headers).json() == {"profiles": 2}
    assert kim.get(f"{API}/job-status/{NOBODY}", headers={"X-Session-ID": "later"}).status_code == 404
    wait_until(lambda: rows(world, "SELECT * FROM api_metrics WHERE session_id = 'later'"))
    assert leftovers(world, "gone-7", "gone-key", SECRET) == []  # also of the calls that were still on their way
    assert leftovers(world, first, second) == ["audit"], "who deleted them, and when"
    for job_id in (first, second):
        is_problem(kim.get(f"{API}/profile/{job_id}"), 404, "not_found")
        is_problem(kim.get(f"{API}/job-status/{job_id}"), 404, "not_found")
    again = kim.post(f"{API}/analyze-async", json={"resume_text": ONE_LINE}, headers=keyed).json()
    assert again["job_id"] != second


def test_deletion_of_a_profile_takes_its_file_and_its_calls_along(world: Installation, kim: httpx2.Client) -> None:
    files = {"resume_file": ("a.pdf", pdf(f"{ONE_LINE}\n{SECRET} 서비스 개발"))}
    job_id = kim.post("/api/v1/pipelines/resume/jobs", files=files).json()["id"]
    assert completed(kim, job_id)["status"] == "COMPLETED"
    assert SECRET in kim.get(f"{API}/profile/{job_id}").json()["profile"]["text"]
    (uri,) = world.system.store.files_of([job_id])
    assert world.system.files.exists(uri)
    other = kim.post(f"{API}/analyze", json={"resume_text": ONE_LINE}).json()["resume_profile_id"]
    assert kim.delete(f"{API}/profile/{job_id}").json() == {"profiles": 1}
    assert leftovers(world, SECRET) == []
    assert leftovers(world, job_id) == ["audit"], "who deleted it, and when"
    assert not world.system.files.exists(uri)
    assert kim.get(f"{API}/profile/{other}").status_code == 200


def test_a_job_that_nobody_has_begun_can_be_deleted(idle_kim: httpx2.Client) -> None:
    job_id = idle_kim.post(f"{API}/analyze-async", json={"resume_text": ONE_LINE}).json()["job_id"]
    assert idle_kim.delete(f"{API}/profile/{job_id}").json() == {"profiles": 1}
    is_problem(idle_kim.get(f"{API}/job-status/{job_id}"), 404, "not_found")


def test_calls_are_noted_without_what_was_in_them(world: Installation, kim: httpx2.Client) -> None:
    headers = {"X-Session-ID": "noted"}
    text = f"{ONE_LINE}, {SECRET} 서비스 개발"
    kim.post(f"{API}/analyze", json={"resume_text": text}, headers=headers)
    kim.post(f"{API}/analyze", json={"resume_text": ""}, headers=headers)
    found = wait_until(
        lambda: (
            len(noted := rows(world, "SELECT * FROM api_metrics WHERE session_id = 'noted' ORDER BY id")) == 2 and noted
        )
    )
    assert found
    assert [(row["endpoint"], row["method"], row["status"], row["error"]) for row in found] == [
        (f"{API}/analyze", "POST", 200, None),
        (f"{API}/analyze", "POST", 422, "invalid_input"),
    ]
    assert found[0]["client_ip"] == "127.0.0.1"
    assert found[0]["tokens"] == 0
    assert SECRET not in str(found)
    assert SECRET not in kim.get("/metrics").text
    job_id = found[0]["job_id"]
    assert SECRET not in str(rows(world, f"SELECT * FROM events WHERE job_id = '{job_id}'"))
