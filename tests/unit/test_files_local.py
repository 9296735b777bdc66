"""The file store on a local disk: what is kept is whole, stays, and lies inside its folder."""

import hashlib
import io
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagepass.declare.values import File
from stagepass.errors import NotFound, Transient
from stagepass.files.local import PIECE, LocalFiles
from stagepass.files.names import content_disposition, kept_name, safe_name


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "files")


def everything(files: LocalFiles) -> list[Path]:
    return [path for path in files.root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 1, PIECE, 2 * PIECE + 1])
@pytest.mark.parametrize("kind", ["bytes", "path", "stream"])
def test_what_is_put_is_what_is_opened(files: LocalFiles, tmp_path: Path, kind: str, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "source").write_bytes(content)
    source = {"bytes": content, "path": tmp_path / "source", "stream": io.BytesIO(content)}[kind]
    file = files.put(source, name="song.mp3", type="audio/mpeg", folder="promo/songs")
    assert file == File(
        uri=file.uri, sha256=hashlib.sha256(content).hexdigest(), size=size, type="audio/mpeg", name="song.mp3"
    )
    assert file.uri.startswith("file:promo/songs/")
    assert file.uri.endswith("/song.mp3")
    with files.open(file) as opened:
        assert opened.read() == content
    assert b"".join(files.stream(file.uri)) == content
    with files.local_copy(file) as path:
        assert path.read_bytes() == content
    assert everything(files) == [files.path(file)], "nothing else is left"


def test_the_callers_stream_stays_open(files: LocalFiles) -> None:
    source = io.BytesIO(b"abc")
    files.put(source, name="a", type="text/plain")
    assert not source.closed


def test_equal_files_do_not_meet(files: LocalFiles) -> None:
    one, two = (files.put(b"x", name="a.txt", type="text/plain") for _ in range(2))
    assert one.uri != two.uri
    files.delete(one)
    assert files.exists(two)
    assert not files.exists(one)


def test_nothing_can_be_seen_of_a_file_that_is_not_complete(files: LocalFiles) -> None:
    reached, go_on = threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                reached.set()
                assert go_on.wait(10)
            return super().read(size)

    thread = threading.Thread(target=files.put, args=(Slow(b"half"),), kwargs={"name": "n", "type": "t", "folder": "f"})
    thread.start()
    assert reached.wait(10)
    assert not (files.root / "f").exists()
    assert files.usage().files == 0
    go_on.set()
    thread.join()
    assert files.usage()[:2] == (1, 4)


def test_a_source_that_breaks_leaves_nothing(files: LocalFiles) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise ConnectionResetError("cut")
            return super().read(3)

    with pytest.raises(ConnectionResetError):
        files.put(Broken(b"abcdef"), name="n", type="t")
    assert list((files.root / ".unfinished").iterdir()) == []


@contextmanager
def room_for(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_may_be_tried_again_and_leaves_nothing(files: LocalFiles) -> None:
    with room_for(10_000), pytest.raises(Transient, match="no room left") as caught:
        files.put(os.urandom(50_000), name="n", type="t")
    assert str(files.root) in str(caught.value.advice)
    assert list((files.root / ".unfinished").iterdir()) == []
    assert everything(files) == []


def test_delete_is_idempotent(files: LocalFiles) -> None:
    file = files.put(b"x", name="a", type="t", folder="f")
    files.delete(file)
    files.delete(file.uri)
    files.delete("file:../../etc/passwd")
    assert list((files.root / "f").iterdir()) == []
    with pytest.raises(NotFound):
        files.open(file)
    with pytest.raises(NotFound), files.local_copy(file):
        pass


def test_sweep_takes_what_is_old_only(files: LocalFiles) -> None:
    kept = files.put(b"x", name="a", type="t")
    for name, age in (("old", 7200), ("new", 60)):
        folder = files.root / ".unfinished" / name
        folder.mkdir()
        (folder / "part").write_bytes(b"x")
        for path in (folder / "part", folder):
            past = path.stat().st_mtime - age
            os.utime(path, (past, past))
    assert files.sweep(older_than=3600) == 1
    assert [path.name for path in (files.root / ".unfinished").iterdir()] == ["new"]
    assert files.exists(kept)


@given(content=st.binary(max_size=200), start=st.integers(0, 250), length=st.one_of(st.none(), st.integers(0, 250)))
def test_any_part_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, start: int, length: int
) -> None:
    files = LocalFiles(tmp_path_factory.getbasetemp() / "parts")
    file = files.put(content, name="a", type="t")
    end = None if length is None else start + length
    with files.open(file, start, end) as opened:
        assert opened.read() == content[start:end]
    assert b"".join(files.stream(file, start, end)) == content[start:end]


HOSTILE = [
    "file:../../../etc/passwd",
    "file:/etc/passwd",
    "/etc/passwd",
    "file://etc/passwd",
    "file:a/../../b",
    "file:a/./b",
    "file:..",
    "file:",
    "file:a//b",
    "file:a\\..\\b",
    "file:.unfinished/" + "0" * 32 + "/x",
    "file:" + "0" * 32 + "/..",
    "file:" + "0" * 32 + "/%2e%2e",
    "file:a/\x00",
    "file:" + "0" * 32 + "/" + "x" * 5000,
    "http://example.org/x",
]


@pytest.mark.parametrize("uri", HOSTILE)
def test_no_uri_leads_out(files: LocalFiles, uri: str) -> None:
    with pytest.raises(NotFound):
        files.path(uri)
    with pytest.raises(NotFound):
        files.open(uri)
    assert not files.exists(uri)
    files.delete(uri)


@given(st.text(max_size=60).map(lambda text: f"file:{text}/{'0' * 32}/x"))
def test_no_invented_uri_leads_out(tmp_path_factory: pytest.TempPathFactory, uri: str) -> None:
    files = LocalFiles(tmp_path_factory.getbasetemp() / "invented")
    try:
        path = files.path(uri)
    except NotFound:
        return
    assert path.resolve().is_relative_to(files.root)


def test_a_link_planted_in_the_folder_leads_nowhere(files: LocalFiles, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (files.root / ("0" * 32)).symlink_to(tmp_path)
    with pytest.raises(NotFound):
        files.open(f"file:{'0' * 32}/secret")


@pytest.mark.parametrize("folder", ["../x", "/x", "a/../b", "a//b", ".hidden", "a/"])
def test_a_folder_must_be_plain(files: LocalFiles, folder: str) -> None:
    with pytest.raises(ValueError, match="not a plain relative path"):
        files.put(b"", name="a", type="t", folder=folder)


# ── names ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("군산 사진.jpg", "군산 사진.jpg"),
        ("🍞👨‍👩‍👧.png", "🍞👨‍👩‍👧.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\a.jpg", "a.jpg"),
        ("..", "file"),
        ("", "file"),
        (".bashrc", "bashrc"),
        ("a\r\nSet-Cookie: x", "a__Set-Cookie_ x"),
        ("photo\u202egpj.exe", "photo_gpj.exe"),
        ("a\ud800b.txt", "a_b.txt"),
        ("\u1100\u1161.txt", "가.txt"),  # decomposed, as macOS writes it
        ("x" * 300 + ".jpg", "x" * 116 + ".jpg"),
    ],
)
def test_names_are_made_safe(files: LocalFiles, name: str, safe: str) -> None:
    file = files.put(b"x", name=name, type="t")
    assert file.uri.rsplit("/", 1)[1] == safe == safe_name(name)
    assert file.name == kept_name(name)
    assert files.exists(file)


def test_the_persons_name_is_kept() -> None:
    assert kept_name("../군산 🍞\n.jpg") == "../군산 🍞\n.jpg"
    assert kept_name("x" * 300 + ".jpg") == "x" * 251 + ".jpg"
    assert kept_name("a\x00b\udfffc") == "a\ufffdb\ufffdc"


@given(st.text(alphabet=st.characters(codec=None), max_size=300))
def test_any_name_is_made_safe(name: str) -> None:
    safe = safe_name(name)
    assert safe == safe_name(safe)
    assert 1 <= len(safe.encode()) <= 120
    assert safe not in (".", "..")
    assert not set(safe) & set('/\\\0\r\n"%')
    assert not safe.startswith(".")
    kept_name(name).encode()


@given(st.text(alphabet=st.characters(codec=None), max_size=80))
def test_any_name_fits_a_header(name: str) -> None:
    header = content_disposition("attachment", name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') in (0, 2)


def test_a_korean_name_in_a_header() -> None:
    assert (
        content_disposition("inline", "군산.mp4")
        == "inline; filename=\"file.mp4\"; filename*=UTF-8''%EA%B5%B0%EC%82%B0.mp4"
    )
    assert content_disposition("inline", "a b.mp4") == 'inline; filename="a b.mp4"'
