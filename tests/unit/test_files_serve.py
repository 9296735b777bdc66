"""Links that expire, and how a file is answered over HTTP."""

import base64
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stagepass.declare.values import File
from stagepass.errors import Forbidden, NotFound, SettingsError
from stagepass.files import serve
from stagepass.files.links import Links

SONG = File(
    uri="file:promo/" + "0" * 32 + "/s.mp3", sha256="ab" * 32, size=1000, type="audio/mpeg", name="군산 노래.mp3"
)
OLD, NEW = b"o" * 32, b"n" * 32


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def token(links: Links, *args: object, **kwargs: object) -> str:
    return links.make(SONG, *args, **kwargs).removeprefix("/files/")  # type: ignore[arg-type]


# ── links ────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_leads_to_its_file_until_it_expires() -> None:
    clock = Clock()
    links = Links(NEW, "/files/", clock)
    url = links.make(SONG, expires_in=60, disposition="attachment")
    assert url.startswith("/files/")
    assert url.isascii()
    assert "=" not in url
    text = url.removeprefix("/files/")
    clock.now += 59
    assert links.read(text) == (SONG, "attachment")
    clock.now += 1
    with pytest.raises(Forbidden, match="expired"):
        links.read(text)


def test_no_bit_of_a_link_can_be_changed() -> None:
    links = Links(NEW, "/files")
    text = token(links)
    for part in (0, 1):
        halves = text.split(".")
        data = bytearray(base64.urlsafe_b64decode(halves[part] + "=="))
        for index in range(len(data)):
            data[index] ^= 1
            halves[part] = base64.urlsafe_b64encode(bytes(data)).decode().rstrip("=")
            with pytest.raises(Forbidden, match="not valid"):
                links.read(".".join(halves))
            data[index] ^= 1


@given(st.text(max_size=60))
@example("")
@example(".")
@example("a.b.c")
@example("한글.한글")
@example("A" * 9000)
def test_no_text_is_a_link(text: str) -> None:
    with pytest.raises((NotFound, Forbidden)):
        Links(NEW).read(text)


def test_a_secret_can_be_replaced() -> None:
    before, during, after = Links(OLD, "/files"), Links([NEW, OLD], "/files"), Links([NEW], "/files")
    assert during.read(token(before)).file == SONG
    assert after.read(token(during)).file == SONG
    with pytest.raises(Forbidden):
        after.read(token(before))


def test_a_token_is_good_for_its_purpose_only() -> None:
    links = Links(NEW, "/files")
    text = links.sign("callback", {"job": "j1", "말": "값"}, expires_in=60)
    assert links.verify("callback", text) == {"job": "j1", "말": "값"}
    for read in (
        lambda: links.verify("other", text),
        lambda: links.read(text),
        lambda: links.verify("file", token(links)),
    ):
        with pytest.raises(Forbidden, match="not valid"):
            read()


@pytest.mark.parametrize("secrets", [b"", b"short", [], [NEW, b"short"]])
def test_a_weak_secret_is_refused(secrets: bytes | list[bytes]) -> None:
    with pytest.raises(SettingsError, match="at least 16 bytes"):
        Links(secrets)


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


def test_the_whole_file() -> None:
    answer = serve.answer(SONG, {})
    assert (answer.status, answer.part) == (200, (0, 1000))
    assert answer.headers == {
        "ETag": f'"{"ab" * 32}"',
        "Cache-Control": "private, max-age=3600",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Content-Type": "audio/mpeg",
        "Content-Length": "1000",
        "Content-Disposition": answer.headers["Content-Disposition"],
    }
    told = answer.headers["Content-Disposition"]
    assert told.startswith("inline; ")
    assert unquote(told.split("filename*=UTF-8''")[1]) == "군산 노래.mp3"


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-99", (0, 100)),
        ("bytes=999-", (999, 1000)),
        ("bytes=0-5000", (0, 1000)),
        ("bytes=-1", (999, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("Bytes = 5 - 5", (5, 6)),
    ],
)
def test_a_part(asked: str, part: tuple[int, int]) -> None:
    answer = serve.answer(SONG, {"range": asked})
    assert (answer.status, answer.part) == (206, part)
    assert answer.headers["Content-Range"] == f"bytes {part[0]}-{part[1] - 1}/1000"
    assert answer.headers["Content-Length"] == str(part[1] - part[0])


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=-0", "bytes=4000-5000"])
def test_a_part_that_does_not_exist(asked: str) -> None:
    answer = serve.answer(SONG, {"range": asked})
    assert (answer.status, answer.part) == (416, (0, 0))
    assert answer.headers["Content-Range"] == "bytes */1000"


@pytest.mark.parametrize(
    "asked", ["", "bytes", "bytes=-", "bytes=5-2", "bytes=0-1,5-6", "items=0-5", "bytes=٣-٥", "bytes=a-b"]
)
def test_a_range_that_makes_no_sense_gets_the_whole(asked: str) -> None:
    assert serve.answer(SONG, {"range": asked}).status == 200


@given(size=st.integers(0, 50), first=st.integers(0, 60), last=st.one_of(st.none(), st.integers(0, 60)))
def test_any_range_is_answered_with_its_own_bytes(size: int, first: int, last: int | None) -> None:
    content = bytes(range(size))
    file = SONG.model_copy(update={"size": size})
    answer = serve.answer(file, {"range": f"bytes={first}-{'' if last is None else last}"})
    sent = content[slice(*answer.part)]
    if last is not None and last < first:
        assert (answer.status, sent) == (200, content)
    elif first >= size:
        assert (answer.status, sent) == (416, b"")
    else:
        assert (answer.status, sent) == (206, content[first : None if last is None else last + 1])
        assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(sent) - 1}/{size}"


@pytest.mark.parametrize(
    ("header", "status"),
    [(f'"{"ab" * 32}"', 304), (f'W/"{"ab" * 32}"', 304), ("*", 304), (f'"x", "{"ab" * 32}"', 304), ('"x"', 200)],
)
def test_what_the_client_has_is_not_sent_again(header: str, status: int) -> None:
    answer = serve.answer(SONG, {"if-none-match": header})
    assert answer.status == status
    assert ("Content-Length" in answer.headers) == (status == 200)


@pytest.mark.parametrize(("if_range", "status"), [(f'"{"ab" * 32}"', 206), ('"old"', 200), (f'W/"{"ab" * 32}"', 200)])
def test_a_part_of_another_version_is_not_sent(if_range: str, status: int) -> None:
    assert serve.answer(SONG, {"range": "bytes=0-9", "if-range": if_range}).status == status


def test_head_has_the_headers_and_no_body() -> None:
    answer = serve.answer(SONG, {"range": "bytes=0-9"}, method="HEAD")
    assert (answer.status, answer.part, answer.headers["Content-Length"]) == (200, (0, 0), "1000")


@pytest.mark.parametrize(
    ("media", "sent", "shown"),
    [
        ("image/png", "image/png", True),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8", True),
        ("text/html", "text/html", False),
        ("image/svg+xml", "image/svg+xml", False),
        ("x\r\nSet-Cookie: a=b", "application/octet-stream", False),
        ("text/plainish", "text/plainish", False),
    ],
)
def test_what_could_run_scripts_is_saved_and_not_shown(media: str, sent: str, shown: bool) -> None:
    headers = serve.answer(SONG.model_copy(update={"type": media}), {}).headers
    assert headers["Content-Type"] == sent
    assert headers["Content-Disposition"].startswith("inline" if shown else "attachment")
    assert serve.answer(SONG, {}, disposition="attachment").headers["Content-Disposition"].startswith("attachment")
