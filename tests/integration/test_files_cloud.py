"""The file store in the cloud against real servers: S3's and Google's protocol (moto), and Azure Blob's (Azurite)."""

import hashlib
import io
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stagepass.bootstrap import System
from stagepass.declare.registry import Registry
from stagepass.errors import NotFound, Permanent, SettingsError, Transient
from stagepass.files.cloud import CloudFiles
from stagepass.settings import Settings
from tests.support.buckets import azure, google, google_s_signature_holds, s3

pytest.importorskip("obstore", reason="the extra stagepass[cloud] is not installed")

LARGE = os.urandom(1 << 20) * 24  # more than one part of a multipart upload


@pytest.fixture(scope="module", params=["s3", "gs", "azure"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("store")
    made = {"s3": s3, "gs": lambda: google(folder), "azure": lambda: azure(folder)}
    with made[request.param]() as given:
        yield given


@pytest.fixture
def files(settings: dict[str, str]) -> CloudFiles:
    return CloudFiles(settings["FILES_URL"], settings)


def test_what_is_put_comes_back_as_it_was(files: CloudFiles) -> None:
    file = files.put(b"a song", name="노래 한 곡.mp3", type="audio/mpeg", folder="job1")
    assert (file.size, file.type, file.name) == (6, "audio/mpeg", "노래 한 곡.mp3")
    assert file.sha256 == hashlib.sha256(b"a song").hexdigest()
    assert b"".join(files.stream(file)) == b"a song"
    with files.local_copy(file) as path:
        assert (path.read_bytes(), path.suffix) == (b"a song", ".mp3")
    assert not path.exists()


def test_each_kind_of_source_is_taken(files: CloudFiles, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    stood = io.BytesIO(b"xyabc")
    stood.seek(2)
    for source in (b"abc", path, stood):
        assert b"".join(files.stream(files.put(source, name="x", type="text/plain"))) == b"abc"


def test_an_empty_file_is_a_file(files: CloudFiles) -> None:
    file = files.put(b"", name="x", type="text/plain")
    assert (file.size, b"".join(files.stream(file)), files.exists(file)) == (0, b"", True)


@pytest.mark.parametrize(("start", "end"), [(0, 3), (2, 5), (5, None), (9, 10), (4, 4)])
def test_a_part_is_fetched_alone(files: CloudFiles, start: int, end: int | None) -> None:
    file = files.put(b"0123456789", name="x", type="text/plain")
    assert b"".join(files.stream(file, start, end)) == b"0123456789"[start:end]
    with files.open(file, start, end) as content:
        assert content.read() == b"0123456789"[start:end]


def test_a_large_file_goes_through_in_pieces(files: CloudFiles) -> None:
    reads: list[int] = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            reads.append(size or -1)
            return super().read(size)

    file = files.put(Watched(LARGE), name="clip.mp4", type="video/mp4")
    assert file.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert 0 < max(reads) < len(LARGE)
    digest, most = hashlib.sha256(), 0
    for piece in files.stream(file):
        digest.update(piece)
        most = max(most, len(piece))
    assert digest.hexdigest() == file.sha256
    assert most < len(LARGE)


def test_a_link_gives_the_type_and_ranges_to_anybody_until_it_is_altered(files: CloudFiles) -> None:
    file = files.put(b"0123456789", name="clip.mp4", type="video/mp4")
    link = files.url(file, 60)
    with urllib.request.urlopen(link, timeout=10) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"0123456789", "video/mp4")
    part = urllib.request.Request(link, headers={"Range": "bytes=2-4"})
    with urllib.request.urlopen(part, timeout=10) as answer:
        assert (answer.status, answer.read()) == (206, b"234")


def test_a_link_ends(files: CloudFiles, settings: dict[str, str]) -> None:
    link = files.url(files.put(b"x", name="x", type="text/plain"), 60)
    if settings["FILES_URL"].startswith("s3"):
        assert "X-Amz-Expires=60" in link  # moto does not look at it; S3 does
        return
    if settings["FILES_URL"].startswith("gs"):
        assert "X-Goog-Expires=60" in link
        assert google_s_signature_holds(link)
        assert not google_s_signature_holds(link.replace("X-Goog-Expires=60", "X-Goog-Expires=600"))
        return
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link.replace("sp=r", "sp=rw"), timeout=10)


def test_what_is_deleted_is_gone_and_may_be_deleted_again(files: CloudFiles) -> None:
    file = files.put(b"x", name="x", type="text/plain")
    files.delete(file.uri)
    files.delete(file.uri)
    assert not files.exists(file)
    with pytest.raises(NotFound):
        files.stream(file)


@pytest.mark.parametrize("uri", ["file:a/b", "cloud:x", "cloud:../0123456789abcdef0123456789abcdef/x", "cloud://x"])
def test_a_uri_of_another_store_is_not_found(files: CloudFiles, uri: str) -> None:
    with pytest.raises(NotFound):
        files.stream(uri)
    files.delete(uri)


def test_what_another_program_keeps_in_the_bucket_is_not_ours(files: CloudFiles) -> None:
    import obstore

    obstore.put(files._store(), "reports/private.txt", b"theirs")
    files.delete("cloud:reports/private.txt")
    with pytest.raises(NotFound):
        files.stream("cloud:reports/private.txt")
    assert obstore.head(files._store(), "reports/private.txt")["size"] == 6


def test_many_threads_put_at_once(files: CloudFiles) -> None:
    def put(number: int) -> bytes:
        return b"".join(files.stream(files.put(f"{number}".encode(), name="x", type="text/plain")))

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(put, range(50))) == [f"{number}".encode() for number in range(50)]


FORKED = """
import os, sys
from stagepass.files.cloud import CloudFiles
files = CloudFiles(os.environ["FILES_URL"], os.environ)
child = os.fork()
if child == 0:
    file = files.put(b"child", name="x", type="text/plain")
    os._exit(0 if b"".join(files.stream(file)) == b"child" else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_store_that_a_parent_made_works_in_its_forked_child(settings: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], env={**os.environ, **settings}, timeout=30)
    assert done.returncode == 0


def test_a_bucket_that_is_not_there_is_told(settings: dict[str, str]) -> None:
    files = CloudFiles(settings["FILES_URL"].replace("media", "nothere"), settings)
    with pytest.raises(Permanent, match="there is no CloudFiles"):
        files.put(b"x", name="x", type="text/plain")


def test_a_store_that_is_away_is_transient_and_shows_no_key(
    settings: dict[str, str], free_port: int, tmp_path: Path
) -> None:
    away = {
        name: value if name != "AWS_ENDPOINT_URL" else f"http://127.0.0.1:{free_port}"
        for name, value in settings.items()
    }
    if "AZURE_STORAGE_CONNECTION_STRING" in away:
        text = away["AZURE_STORAGE_CONNECTION_STRING"]
        at = text.index("BlobEndpoint=")
        away["AZURE_STORAGE_CONNECTION_STRING"] = (
            f"{text[:at]}BlobEndpoint=http://127.0.0.1:{free_port}/devstoreaccount1;"
        )
    if "GOOGLE_APPLICATION_CREDENTIALS" in away:
        account = json.loads(Path(away["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
        (tmp_path / "account.json").write_text(json.dumps(account | {"gcs_base_url": f"http://127.0.0.1:{free_port}"}))
        away["GOOGLE_APPLICATION_CREDENTIALS"] = str(tmp_path / "account.json")
    with pytest.raises(Transient) as caught:
        CloudFiles(away["FILES_URL"], away).put(b"x", name="x", type="text/plain")
    text = f"{caught.value!r}{CloudFiles(away['FILES_URL'], away)!r}"
    assert "planted" not in text
    assert "AccountKey" not in text
    assert "PRIVATE KEY" not in text


@pytest.mark.parametrize(
    ("url", "says"),
    [("ftp://x", "FILES_URL"), ("s3://", "FILES_URL"), ("az://media", "AZURE_STORAGE_CONNECTION_STRING")],
)
def test_a_wrong_setting_is_told_at_the_start(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        CloudFiles(url, {})


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"type": "service_account"}', b"\xff"])
def test_a_wrong_service_account_is_told_at_the_start(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"GOOGLE_APPLICATION_CREDENTIALS|FILES_URL"):
        CloudFiles("gs://media", {"GOOGLE_APPLICATION_CREDENTIALS": str(file)})


def test_the_setting_chooses_the_store_and_its_links(
    settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    system = System(Settings.load(data_dir=str(tmp_path)), Registry([]))
    file = system.files.put(b"a song", name="song.mp3", type="audio/mpeg")
    assert file.uri.startswith("cloud:")
    with urllib.request.urlopen(system._file_url(file), timeout=10) as answer:
        assert answer.read() == b"a song"
