"""Files in and out: forms, limits, hostile uploads, signed links."""

import io
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from stagepass.errors import StoreUnavailable
from tests.support.api import Installation, ended, installation, is_problem, picture, submitted
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)

SUBMIT = "/api/v1/pipelines/demo/jobs"
MIB = 2**20


def kept(place: Installation) -> set[str]:
    """Every file that the store holds."""
    root = place.system.settings.files_folder
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def form(client: httpx2.Client, files: Any, path: str = SUBMIT, **data: Any) -> httpx2.Response:
    return client.post(path, data={"text": "one two", **data}, files=files)


@pytest.fixture
def nothing_kept(place: Installation) -> Iterator[None]:
    """What is refused leaves no file behind."""
    before = kept(place)
    yield
    assert kept(place) == before


def test_photos_come_in_by_form_and_out_by_link(place: Installation, ann: httpx2.Client) -> None:
    red, blue = picture(), picture("PNG", colour="blue")
    answer = form(ann, [("photos", ("앞.jpg", red, "text/html")), ("photos", ("b.png", blue, "image/png"))], ticks="2")
    assert answer.status_code == 202, answer.text
    job = ended(ann, answer.json()["id"])
    first, second = job["result"]["photos"]
    assert (first["name"], first["type"], first["size"]) == ("앞.jpg", "image/jpeg", len(red))
    assert second["type"] == "image/png"
    assert set(first) == {"name", "type", "size", "sha256", "url"}
    got = ann.get(first["url"])
    assert got.content == red
    assert got.headers["content-type"] == "image/jpeg"
    assert got.headers["x-content-type-options"] == "nosniff"
    before = kept(place)
    place.system.store.delete_jobs([])
    with place.client("ann") as client:
        uris = place.system.store.files_of([job["id"]])
        assert len(uris) == 3  # two uploads, one that a stage made: all go with the job
        client.delete("/api/v1/me/data")
    assert len(kept(place)) <= len(before) - 3


def test_a_form_may_hold_its_input_as_json(ann: httpx2.Client) -> None:
    data = {"input": json.dumps({"text": "a b", "meta": {"deep": [1]}})}
    answer = ann.post(SUBMIT, data=data, files=[("photos", ("a.jpg", picture(), "image/jpeg"))])
    assert answer.status_code == 202, answer.text
    job = ended(ann, answer.json()["id"])
    assert job["result"]["words"] == ["A", "B"]
    assert len(job["result"]["photos"]) == 1


def test_a_form_of_a_browser_with_nothing_chosen_is_taken(ann: httpx2.Client) -> None:
    answer = form(ann, [("photos", ("", b"", "application/octet-stream"))], gate="", ticks="", fail="")
    assert answer.status_code == 202, answer.text


def test_the_same_photos_again_under_the_same_key_give_the_same_job(place: Installation, ann: httpx2.Client) -> None:
    """Uploaded again, a file lies in another place; what counts is what is in it."""
    photos = [("photos", ("a.jpg", picture(), "image/jpeg"))]
    headers = {"Idempotency-Key": "photos-1"}
    first = ann.post(SUBMIT, data={"text": "x"}, files=photos, headers=headers)
    before = kept(place)
    again = ann.post(SUBMIT, data={"text": "x"}, files=photos, headers=headers)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert {path for path in kept(place) - before if path.startswith("uploads/")} == set()
    others = [("photos", ("a.jpg", picture(colour="green"), "image/jpeg"))]
    assert ann.post(SUBMIT, data={"text": "x"}, files=others, headers=headers).status_code == 409
    assert {path for path in kept(place) - before if path.startswith("uploads/")} == set()
    assert len(ended(ann, first.json()["id"])["result"]["photos"]) == 1


HTML = b"<html><script>alert(1)</script></html>"


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(
    ("field", "content", "status", "at"),
    [
        ("photos", HTML, 422, "photos.0"),
        ("photos", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422, "photos.0"),
        ("photos", picture("GIF"), 422, "photos.0"),
        ("photos", b"", 422, "photos.0"),
        ("photos", picture()[:200], 422, "photos.0"),
        ("photos", picture() + b"PK\x03\x04" + HTML, 422, "photos.0"),
        ("photos", b"\x89PNG\r\n\x1a\n" + os.urandom(100), 422, "photos.0"),
        ("paper", HTML, 422, "paper"),
        ("paper", picture(), 422, "paper"),
        ("text", b"one two", 422, "text"),
        ("nope", picture(), 422, "nope"),
        ("uri", picture(), 422, "uri"),
    ],
)
def test_a_file_that_is_not_what_the_field_takes_is_refused(
    ann: httpx2.Client, field: str, content: bytes, status: int, at: str
) -> None:
    answer = form(ann, [(field, ("x.jpg", content, "image/jpeg"))])
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == at


@pytest.mark.usefixtures("nothing_kept")
def test_one_bad_photo_of_three_leaves_none_behind(ann: httpx2.Client) -> None:
    good = ("photos", ("a.jpg", picture(), "image/jpeg"))
    answer = form(ann, [good, good, ("photos", ("c.jpg", HTML, "image/jpeg"))])
    assert (answer.status_code, answer.json()["field"]) == (422, "photos.2")


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(
    ("data", "files", "field"),
    [
        ({"text": ""}, 1, "text"),
        ({"text": "x", "ticks": "-1"}, 1, "ticks"),
        ({"text": ["x", "y"]}, 1, "text"),
        ({"input": "{", "text": None}, 1, "input"),
        ({"input": "[]", "text": None}, 1, "input"),
        ({"input": "{}", "text": "x"}, 1, "input"),
        ({"text": "x"}, 4, "photos"),
    ],
)
def test_a_refused_input_leaves_no_file_behind(ann: httpx2.Client, data: Any, files: int, field: str) -> None:
    photos = [("photos", ("a.jpg", picture(), "image/jpeg"))] * files
    answer = form(ann, photos, **data)
    if data.get("text", "") is None:
        answer = ann.post(SUBMIT, data={"input": data["input"]}, files=photos)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == field


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("where", ["photos", "paper", "meta"])
def test_a_stored_file_cannot_be_named_by_a_client(
    place: Installation, ann: httpx2.Client, bob: httpx2.Client, where: str
) -> None:
    """Else a job of mine could be made to show another's file."""
    job_id = submitted(bob)
    ended(bob, job_id)
    output = json.loads(next(run.output or "" for run in place.system.store.runs_of(job_id) if run.stage == "paper"))
    file = output["file"]
    value = {"photos": [file], "paper": file, "meta": {"deep": [file]}}[where]
    answer = ann.post(SUBMIT, json={"text": "x", where: value})
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"].startswith(where)
    bob.delete("/api/v1/me/data")


def test_only_files_of_the_job_itself_are_linked(place: Installation, ann: httpx2.Client, bob: httpx2.Client) -> None:
    """A stage's output that names another's file, however it came to do so, opens nothing."""
    theirs, mine = submitted(bob), submitted(ann)
    ended(bob, theirs)
    ended(ann, mine)
    store = place.system.store
    stolen = json.loads(next(run.output or "" for run in store.runs_of(theirs) if run.stage == "paper"))
    from stagepass.store.tables import stage_runs

    with store.begin() as tx:
        tx._db.execute(stage_runs.update().where(stage_runs.c.id == f"{mine}.paper").values(output=json.dumps(stolen)))
    shown = ann.get(f"/api/v1/jobs/{mine}").json()["result"]["file"]
    assert "url" not in shown
    assert "uri" not in shown


# ── limits, while it comes in ──


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, redis: Any) -> Iterator[Installation]:
    """An API with small limits."""
    limits = {"max_upload_bytes": 50_000, "max_input_bytes": 10_000}
    with installation(tmp_path_factory.mktemp("small"), redis.url, **limits) as made, made.client() as client:
        made.system.engine.submit("quick", {"text": "warm"})
        client.get("/health/ready")
        yield made


def test_a_file_that_is_too_large_is_refused_with_its_field(small: Installation) -> None:
    with small.client() as client:
        answer = form(client, [("anything", ("a", b"x" * 50_001, "text/plain"))])
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (413, "too_large", "anything.0")
        assert form(client, [("anything", ("a", b"x" * 50_000, "text/plain"))]).status_code == 202


def test_a_large_input_is_refused_announced_or_not(small: Installation) -> None:
    big = json.dumps({"text": "x", "meta": {"a": "y" * 10_000}}).encode()
    with small.client() as client:
        for content in (big, (piece for piece in (big[:5000], big[5000:]))):
            answer = client.post(SUBMIT, content=content, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
            assert answer.headers["content-type"] == "application/problem+json"
        padded = b'{"text": "x"}' + b" " * 10_000
        answer = client.post(SUBMIT, content=padded, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413  # what is read is bounded, not only what is kept
        answer = form(client, [("anything", ("a", b"x", "text/plain"))], meta="y" * 10_001)
        assert answer.status_code in (400, 413)


def test_a_route_of_a_pipelines_own_has_the_same_limits(small: Installation) -> None:
    limit = 64 * 1024  # a callback may be that large, whatever the inputs
    with small.client() as client:
        assert client.post("/api/v1/demo/count", json=["a", "b"]).json() == {"words": 2}
        big = b'["' + b"x" * limit + b'"]'
        for content in (big, (piece for piece in (big[:5000], big[5000:]))):
            answer = client.post("/api/v1/demo/count", content=content, headers={"Content-Type": "application/json"})
            assert is_problem(answer, 413, "too_large")
        answer = client.post("/api/v1/demo/count", content=big, headers={"Content-Type": "multipart/form-data"})
        assert is_problem(answer, 413, "too_large")  # only who reads forms allows as much as a form
        assert is_problem(client.post("/api/v1/demo/count", json=[1]), 422, "invalid_input")["field"] == "0"
        broken = client.post("/api/v1/demo/count", content=b"[", headers={"Content-Type": "application/json"})
        assert broken.status_code == 422
        assert broken.headers["content-type"] == "application/problem+json"


def raw(port: int, head: str, pieces: Iterator[bytes], patience: float = 20) -> tuple[bytes, int]:
    """Sends until there is an answer; how much was sent."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as line:
        line.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        line.settimeout(0)
        answer = b""
        for piece in pieces:
            try:
                answer = line.recv(65536)
                break
            except BlockingIOError:
                pass
            line.settimeout(patience)
            try:
                line.sendall(piece)
            except OSError:
                break
            sent += len(piece)
            line.settimeout(0)
        line.settimeout(patience)
        while b"\r\n\r\n" not in answer:
            more = line.recv(65536)
            if not more:
                break
            answer += more
        return answer, sent


def test_an_endless_chunked_body_is_cut_off(small: Installation) -> None:
    head = f"POST {SUBMIT} HTTP/1.1\nHost: localhost\nContent-Type: application/json\nTransfer-Encoding: chunked"
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answer, sent = raw(small.server.port, head, (chunk for _ in range(20_000)))
    assert answer.startswith(b"HTTP/1.1 413")
    assert sent < 200 * MIB


def test_a_file_that_never_ends_is_cut_off_and_nothing_of_it_is_kept(small: Installation) -> None:
    head = (
        f"POST {SUBMIT} HTTP/1.1\nHost: localhost\nContent-Type: multipart/form-data; boundary=b\n"
        "Transfer-Encoding: chunked"
    )

    def pieces() -> Iterator[bytes]:
        start = b'--b\r\nContent-Disposition: form-data; name="anything"; filename="a"\r\n\r\n'
        yield b"%x\r\n%s\r\n" % (len(start), start)
        for _ in range(20_000):
            yield b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    before = kept(small)
    answer, sent = raw(small.server.port, head, pieces())
    assert answer.startswith(b"HTTP/1.1 413")
    assert sent < 200 * MIB
    assert kept(small) == before


def test_who_sends_too_much_gets_to_see_why(small: Installation) -> None:
    """A server that closes the line while its client still sends is seen as a broken line, not as an answer."""
    body = b"x" * 20 * MIB
    for kind in ("multipart/form-data; boundary=b", "application/json"):
        with socket.create_connection(("127.0.0.1", small.server.port), timeout=20) as line:
            head = f"POST {SUBMIT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
            line.sendall(head.encode() + b"\r\n\r\n" + body)
            assert line.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_that_was_announced_too_large_is_not_waited_for(small: Installation) -> None:
    head = (
        f"POST {SUBMIT} HTTP/1.1\nHost: localhost\nContent-Type: application/json\n"
        f"Content-Length: {10**9}\nExpect: 100-continue"
    )
    answer, sent = raw(small.server.port, head, iter(()))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in answer
    assert sent == 0


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=", b"--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"nonsense"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n\r\n--b--\r\n"),
        ("multipart/form-data; boundary=" + "b" * 300, b"--" + b"b" * 300),
    ],
)
def test_a_broken_form_is_the_senders_fault(small: Installation, kind: str, body: bytes) -> None:
    with small.client() as client:
        answer = client.post(SUBMIT, content=body, headers={"Content-Type": kind})
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_many_parts_are_refused(small: Installation) -> None:
    with small.client() as client:
        answer = client.post(SUBMIT, data={f"f{n}": "x" for n in range(300)}, files=[("anything", ("a", b"x", "a/b"))])
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\x", "a\x00b.jpg", "C:\\x.jpg", "‮gpj.exe", "x" * 1000, "."]
)
def test_a_hostile_name_stays_a_name(small: Installation, name: str) -> None:
    before = kept(small)
    with small.client() as client:
        answer = form(client, [("anything", (name, b"hello", "text/plain"))])
    assert answer.status_code == 202, answer.text
    new = kept(small) - before
    assert len(new) == 1
    root = small.system.settings.files_folder
    assert all((root / path).resolve().is_relative_to(root / "uploads") for path in new)


def test_a_database_that_goes_away_at_the_submit_loses_no_file_of_a_job_that_may_be_there(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("nobody knows whether it was done")

    before = kept(small)
    with small.client() as client, monkeypatch.context() as patch:
        patch.setattr(small.system.engine, "submit", away)
        assert form(client, [("anything", ("a", b"hello", "text/plain"))]).status_code == 503
    assert len(kept(small) - before) == 1


def test_a_client_that_goes_away_in_the_middle_harms_nothing(small: Installation) -> None:
    before = kept(small)
    with socket.create_connection(("127.0.0.1", small.server.port)) as line:
        line.sendall(
            f"POST {SUBMIT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            'Content-Length: 9000\r\n\r\n--b\r\nContent-Disposition: form-data; name="anything"; filename="a"\r\n\r\nxx'.encode()
        )
    with small.client() as client:
        wait_until(lambda: 'status="499"' in client.get("/metrics").text, 10, "the request is over")
        assert client.get("/health/live").status_code == 200
    assert kept(small) == before


# ── links ──


def test_a_link_gives_parts_and_only_until_it_expires(
    place: Installation, ann: httpx2.Client, bob: httpx2.Client
) -> None:
    job = ended(ann, submitted(ann, text="one two three"))
    url = job["result"]["file"]["url"]
    with httpx2.Client(base_url=place.server.url, trust_env=False) as anybody:
        whole = anybody.get(url)
        assert (whole.status_code, whole.text) == (200, "ONE TWO THREE")
        assert whole.headers["cache-control"] == "private, max-age=3600"
        part = anybody.get(url, headers={"Range": "bytes=4-6"})
        assert (part.status_code, part.text, part.headers["content-range"]) == (206, "TWO", "bytes 4-6/13")
        assert anybody.get(url, headers={"Range": "bytes=99-"}).status_code == 416
        assert anybody.get(url, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
        head = anybody.head(url)
        assert (head.status_code, head.headers["content-length"], head.content) == (200, "13", b"")
        for broken in (url[:-2] + "xx", url.replace(".", "", 1), "/api/v1/files/x", "/api/v1/files/" + "a" * 10_000):
            assert anybody.get(broken).status_code in (403, 404)
        clock = place.system.links._clock
        place.system.links._clock = lambda: clock() + 3601
        try:
            assert anybody.get(url).status_code == 403
        finally:
            place.system.links._clock = clock


def test_a_page_in_a_file_is_saved_and_not_shown(ann: httpx2.Client, place: Installation) -> None:
    file = place.system.files.put(HTML, name="x.html", type="text/html")
    answer = ann.get(place.system.links.make(file))
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"


# ── callbacks ──


def test_a_callback_answers_the_same_whether_or_not_somebody_waits(place: Installation, ann: httpx2.Client) -> None:
    job_id = ann.post(f"{SUBMIT}?delay=3600", json={"text": "one"}).json()["id"]
    sign = place.system.links.sign

    def post(claims: dict[str, str], content: bytes = b"{}", life: float = 60) -> httpx2.Response:
        with httpx2.Client(base_url=place.server.url, trust_env=False) as provider:
            return provider.post(f"/api/v1/callbacks/{sign('callback', claims, life)}", content=content)

    waiting = {"run": f"{job_id}.draft", "job": job_id}
    woken = post(waiting, b'{"code": 200}')
    assert (woken.status_code, woken.json()) == (200, {"ok": True})
    ended(ann, job_id)  # a delay of an hour ended at once: it was woken
    for again in (post(waiting), post({"run": f"{job_id}.nope", "job": job_id}), post({"run": "x", "job": "y"})):
        assert (again.status_code, again.json()) == (200, {"ok": True})
    assert post(waiting, b"").status_code == 200
    assert post(waiting, b"{").status_code == 400
    assert post(waiting, b'"' + b"x" * 70_000 + b'"').status_code == 413
    assert post(waiting, life=-1).status_code == 403


def test_a_callbacks_address_is_no_other_links_and_takes_only_posts(place: Installation, ann: httpx2.Client) -> None:
    links = place.system.links
    token = links.sign("callback", {"run": "a", "job": "b"}, 60)
    assert ann.get(f"/api/v1/callbacks/{token}").status_code == 405
    assert ann.get(f"/api/v1/files/{token}").status_code == 403
    file = place.system.files.put(b"x", name="x", type="text/plain")
    assert ann.post(f"/api/v1/callbacks/{links.make(file).rpartition('/')[2]}").status_code == 403
    assert ann.post("/api/v1/callbacks/nonsense").status_code == 404


def test_temporary_files_are_let_go(place: Installation, ann: httpx2.Client) -> None:
    """More than a megabyte lies in a temporary file while it comes in."""
    noise = Image.frombytes("RGB", (1200, 900), os.urandom(1200 * 900 * 3))
    out = io.BytesIO()
    noise.save(out, "PNG")
    assert out.tell() > 2 * MIB

    def open_files() -> int:
        return sum("deleted" in os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _there(fd))

    before = open_files()
    answer = form(ann, [("photos", ("a.png", out.getvalue(), "image/png"))])
    assert answer.status_code == 202
    wait_until(lambda: open_files() <= before, 5, "temporary files are closed")
    ended(ann, answer.json()["id"])


def _there(fd: str) -> bool:
    return Path(f"/proc/self/fd/{fd}").exists() or Path(f"/proc/self/fd/{fd}").is_symlink()


@pytest.mark.parametrize(
    ("name", "value"),
    [("text", "한글".encode("cp949")), ("text", b"\xff\xfe"), ("input", '{"text": "한글"}'.encode("cp949"))],
)
def test_a_form_in_another_charset_is_refused_by_field(ann: httpx2.Client, name: str, value: bytes) -> None:
    head = f'--zz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
    answer = ann.post(
        "/api/v1/pipelines/quick/jobs",
        content=head + value + b"\r\n--zz--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=zz"},
    )
    assert is_problem(answer, 422, "invalid_input")["field"] == name
    assert "UTF-8" in answer.json()["detail"]
