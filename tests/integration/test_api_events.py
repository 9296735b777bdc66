"""Events over real sockets: SSE as clients see it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from stagepass.api import events as api_events
from stagepass.bus.connect import sync_client
from stagepass.files.links import Links
from tests.support.api import Installation, RedisServer, ended, installation, is_problem, submitted
from tests.support.pipelines.demo.pipeline import gates, reached
from tests.support.sse import Sent, follow_raw, stream
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

ROOT = Path(__file__).parents[2]
WORDS = "one two three four five six"


def numbered(got: list[Sent]) -> list[int]:
    return [int(one.id) for one in got if one.id is not None]


def test_a_client_that_is_cut_off_five_times_sees_each_event_once_and_in_order(
    place: Installation, ann: httpx2.Client
) -> None:
    job_id = submitted(ann, text=WORDS, gate="cut")
    got: list[Sent] = []
    last: int | None = None
    for cut in range(6):
        with stream(ann, job_id, last) as events:
            for one in events:
                if one.id is None:
                    continue
                got.append(one)
                last = int(one.id)
                if len(got) == 2:
                    gates["cut"].set()
                if cut < 5 and len(got) >= 2 + 2 * cut:
                    break  # the line is cut in the middle
    assert numbered(got) == list(range(1, numbered(got)[-1] + 1))
    assert [one.event for one in got].count("job.completed") == 1
    assert got[-1].event == "job.completed"
    assert len(got) > 12


def test_the_form_of_an_event(ann: httpx2.Client) -> None:
    job_id = submitted(ann, fail="draft")
    ended(ann, job_id)
    with stream(ann, job_id) as events:
        got = list(events)
        assert events.response.headers["content-type"].startswith("text/event-stream")
        assert events.response.headers["cache-control"] == "no-store"
        assert events.retry == 2000
    assert [one.event for one in got] == ["job.accepted", "stage.started", "stage.failed", "job.failed"]
    failed = got[-1].data
    assert failed["job_id"] == job_id
    assert failed["seq"] == 4
    assert failed["type"] == "job.failed"
    assert failed["status"] == "failed"
    assert failed["stage"] == "draft"
    assert failed["code"] == "permanent"
    assert failed["message"] == "this text cannot be drafted"
    assert failed["advice"] == "write another text"
    assert failed["at"].endswith("Z")
    assert failed["item"] is None


def test_ticks_tell_progress_and_have_no_number(ann: httpx2.Client) -> None:
    job_id = submitted(ann, ticks=3, gate="ticks")
    got: list[Sent] = []
    with stream(ann, job_id) as events:
        for one in events:
            got.append(one)
            if one.event == "stage.started" and one.data["stage"] == "draft":
                gates["ticks"].set()
    tick = next(one for one in got if one.event == "tick")
    assert tick.id is None
    assert tick.data["stage"] == "draft"
    assert tick.data["message"].startswith("tick ")
    assert 0 <= tick.data["progress"] < 1
    assert numbered(got) == list(range(1, len(numbered(got)) + 1))


def test_a_finished_jobs_stream_replays_and_closes_and_is_not_asked_for_again(ann: httpx2.Client) -> None:
    job_id = submitted(ann)
    ended(ann, job_id)
    with stream(ann, job_id) as events:
        got = list(events)
    assert got[-1].event == "job.completed"
    assert numbered(got) == list(range(1, len(got) + 1))
    with stream(ann, job_id, 3) as events:
        assert numbered(list(events)) == list(range(4, len(got) + 1))
    with stream(ann, job_id, len(got)) as events:
        assert events.response.status_code == 204  # by the standard, a browser does not come back


@pytest.mark.parametrize("last", ["nonsense", "-1", "1.5", "", "999999", "99999999999999999999999", "１"])
def test_a_last_event_id_that_never_was_starts_at_the_beginning(ann: httpx2.Client, last: str) -> None:
    job_id = submitted(ann)
    ended(ann, job_id)
    with stream(ann, job_id, last.encode()) as events:
        assert numbered(list(events))[0] == 1


def test_the_number_may_come_in_the_address_and_the_header_wins(ann: httpx2.Client) -> None:
    job_id = submitted(ann)
    ended(ann, job_id)
    with stream(ann, job_id, params={"last_event_id": "4"}) as events:
        assert numbered(list(events))[0] == 5
    with stream(ann, job_id, 2, params={"last_event_id": "4"}) as events:
        assert numbered(list(events))[0] == 3


def test_a_client_that_leaves_frees_its_subscription(place: Installation, ann: httpx2.Client) -> None:
    job_id = submitted(ann, gate="leave")
    with stream(ann, job_id) as events:
        reading = iter(events)
        next(reading)
        assert len(place.app.state.feed._followers[job_id]) == 1
    wait_until(lambda: job_id not in place.app.state.feed._followers, 5, "the subscription is freed")
    gates["leave"].set()


def test_a_quiet_line_is_kept_open_by_comments(
    place: Installation, ann: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_events, "HEARTBEAT", 0.05)
    job_id = submitted(ann, gate="quiet")
    with stream(ann, job_id) as events:
        lines = events.response.iter_lines()
        seen = [next(line for line in lines if line == ": still here") for _ in range(3)]
    assert len(seen) == 3
    gates["quiet"].set()


def test_a_stranger_gets_no_stream(ann: httpx2.Client, bob: httpx2.Client) -> None:
    job_id = submitted(ann)
    with stream(bob, job_id) as events:
        assert events.response.status_code == 404
        assert events.response.headers["content-type"] == "application/problem+json"


def test_events_that_were_forgotten_after_their_time_still_tell_the_end(
    place: Installation, ann: httpx2.Client
) -> None:
    job_id = submitted(ann, fail="draft")
    job = ended(ann, job_id)
    place.system.store.forget_events("demo", 1 << 60, 10_000)
    with stream(ann, job_id) as events:
        got = list(events)
    assert [one.event for one in got] == ["job.failed"]
    assert got[0].data["code"] == job["error"]["code"]
    with stream(ann, job_id, got[0].id) as events:
        assert events.response.status_code == 204


def test_a_flushed_and_a_lost_redis_cost_no_event(tmp_path: Path, own_redis: RedisServer) -> None:
    with (
        installation(tmp_path, own_redis.url) as made,
        made.work().client() as client,
        sync_client(own_redis.url) as direct,
    ):
        first = submitted(client, text=WORDS, gate="flush")
        second = submitted(client, text=WORDS, gate="dead")
        with stream(client, first) as events, ThreadPoolExecutor() as pool:
            reading = iter(events)
            got = [next(reading), next(reading)]
            direct.flushall()
            gates["flush"].set()
            got += reading
            assert numbered(got) == list(range(1, len(got) + 1))
            assert got[-1].event == "job.completed"
            with stream(client, second) as more:
                reading = iter(more)
                got = [next(reading), next(reading)]
                assert reached["dead"].wait(10)
                own_redis.stop()
                gates["dead"].set()
                got += pool.submit(list, reading).result(30)
                assert numbered(got) == list(range(1, len(got) + 1))
                assert got[-1].event == "job.completed"
                own_redis.start()


def test_two_hundred_clients_share_one_connection_to_redis(tmp_path: Path, own_redis: RedisServer) -> None:
    count = 200
    with (
        installation(tmp_path, own_redis.url) as made,
        made.work().client() as client,
        sync_client(own_redis.url) as direct,
    ):
        ended(client, submitted(client))  # whoever speaks to Redis has begun to
        job_id = submitted(client, gate="many")
        assert reached["many"].wait(10)

        async def follow() -> list[list[tuple[int, float]]]:
            return await asyncio.gather(*(follow_raw(made.server.port, job_id) for _ in range(count)))

        with stream(client, job_id), ThreadPoolExecutor() as pool:
            wait_until(lambda: made.app.state.feed.followers == 1, 5)
            connections = len(direct.client_list())
            following = pool.submit(asyncio.run, follow())
            try:
                wait_until(lambda: made.app.state.feed.followers == count + 1, 30, "all follow")
                assert len(direct.client_list()) == connections
            finally:
                gates["many"].set()
            results = [[number for number, _ in got] for got in following.result(30)]
        assert len(results) == count
        assert all(got == list(range(1, got[-1] + 1)) and got == results[0] for got in results)
        assert ended(client, job_id)["state"] == "completed"
        wait_until(lambda: made.app.state.feed.followers == 0, 5)


def test_without_any_redis_a_job_is_followed_all_the_same(tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/none.sock?db=0"
    with installation(tmp_path, nowhere) as made, made.work().client() as client:
        job_id = submitted(client, gate="none")
        with stream(client, job_id) as events:
            reading = iter(events)
            got = [next(reading)]
            gates["none"].set()
            got += reading
        assert numbered(got) == list(range(1, len(got) + 1))
        assert got[-1].event == "job.completed"


SERVE = """
import sys
from stagepass.bootstrap import load_system
from stagepass.cli import port as ports
import uvicorn
listening = ports.bind("127.0.0.1", 0)
load_system().store.create_all()
print(listening.getsockname()[1], flush=True)
config = uvicorn.Config("stagepass.api.app:make", factory=True, log_config=None, timeout_graceful_shutdown=20)
uvicorn.Server(config).run(sockets=[listening])
"""


def test_a_gateway_that_stops_lets_its_clients_go_and_the_next_one_takes_them_on(
    tmp_path: Path, redis: RedisServer
) -> None:
    """Two real processes, one after the other; the client goes on where it was."""
    environ = {
        **os.environ,
        "DATA_DIR": str(tmp_path),
        "REDIS_URL": redis.url,
        "PIPELINES": "tests.support.pipelines.demo.pipeline",
    }
    got: list[Sent] = []
    job_id = ""
    for life in range(2):
        process = subprocess.Popen([sys.executable, "-c", SERVE], env=environ, stdout=subprocess.PIPE, cwd=ROOT)
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{int(process.stdout.readline())}"
            with httpx2.Client(base_url=url, headers={"X-User-ID": "ann"}, trust_env=False) as client:
                wait_until(lambda: _live(client), 20, "the API is up")
                job_id = job_id or submitted(client)
                with stream(client, job_id, numbered(got)[-1] if got else None) as events:
                    reading = iter(events)
                    if life == 0:
                        got.append(next(reading))
                    else:
                        assert client.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 202
                        got += reading
                    process.send_signal(signal.SIGTERM)
                    list(reading)  # the stream ends, rather than holding the process
                assert process.wait(10) in (0, -signal.SIGTERM)
        finally:
            process.kill()
            process.wait()
    assert numbered(got) == list(range(1, len(got) + 1))
    assert got[-1].event == "job.cancelled"


def _live(client: httpx2.Client) -> bool:
    try:
        return client.get("/health/live").status_code == 200
    except httpx2.TransportError:
        return False


# ── links for browsers ───────────────────────────────────────────────────────────────────────────


KEYS = {"auth_mode": "api_key", "api_keys": "ann:0123456789abcdef,bob:fedcba9876543210"}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def keyed(tmp_path: Path, redis: RedisServer) -> Iterator[Installation]:
    with installation(tmp_path, redis.url, **KEYS) as made:
        yield made.work("quick.only")


def test_a_link_lets_a_browser_watch_one_job_without_a_key(keyed: Installation) -> None:
    with (
        keyed.client(headers=bearer("0123456789abcdef")) as ann,
        keyed.client(headers=bearer("fedcba9876543210")) as bob,
        keyed.client() as browser,
    ):
        watched, other = submitted(ann, "quick"), submitted(ann, "quick")
        is_problem(bob.post(f"/api/v1/jobs/{watched}/events/link"), 404, "not_found")
        is_problem(browser.post(f"/api/v1/jobs/{watched}/events/link"), 401, "unauthenticated")
        link = ann.post(f"/api/v1/jobs/{watched}/events/link").json()
        ticket = link["url"].partition("?ticket=")[2]
        ended(ann, watched)

        with stream(browser, watched, params={"ticket": ticket}) as events:
            got = list(events)
        assert (got[0].event, got[-1].event) == ("job.accepted", "job.completed")
        with stream(browser, watched, 2, params={"ticket": ticket}) as events:
            assert numbered(list(events))[0] == 3
        assert browser.get(link["url"], headers={"Last-Event-ID": got[-1].id or ""}).status_code == 204

        is_problem(browser.get(f"/api/v1/jobs/{watched}/events"), 401, "unauthenticated")
        is_problem(browser.get(link["url"].replace(watched, other)), 403, "forbidden")
        is_problem(browser.get(f"/api/v1/jobs/{watched}", params={"ticket": ticket}), 401, "unauthenticated")
        is_problem(browser.get(f"/api/v1/files/{ticket}"), 403, "forbidden")


def test_a_link_ends_with_its_time_and_with_its_signature(keyed: Installation) -> None:
    with keyed.client(headers=bearer("0123456789abcdef")) as ann, keyed.client() as browser:
        job_id = submitted(ann, "quick")
        named = {"job": job_id, "owner": "ann"}
        links = keyed.system.links
        wrong = {
            "late": links.sign("watch", named, -1),
            "for something else": links.sign("callback", named, 60),
            "another's": Links(b"another secret of theirs").sign("watch", named, 60),
        }
        for why, ticket in wrong.items():
            answer = browser.get(f"/api/v1/jobs/{job_id}/events", params={"ticket": ticket})
            assert is_problem(answer, 403, "forbidden"), why
        is_problem(browser.get(f"/api/v1/jobs/{job_id}/events", params={"ticket": "x"}), 404, "not_found")
        nobodys = links.sign("watch", {"job": job_id, "owner": "bob"}, 60)
        is_problem(browser.get(f"/api/v1/jobs/{job_id}/events", params={"ticket": nobodys}), 404, "not_found")
