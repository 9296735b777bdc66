"""Fetching a stranger's URL: hostile ones are refused before any connection; the rest within its limits."""

import ipaddress
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagepass.errors import InvalidInput, RequestError, TooLarge, Unavailable
from stagepass.providers.fetching.addresses import is_public, parse_url
from stagepass.providers.fetching.fetch import Fetched, fetch_url
from tests.support.webserver import WebServer, response, web_server

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 5000
HERE = [ipaddress.ip_network("127.0.0.1/32")]  # only this one: 127.0.0.2 is a private address like others


def fetch(url: str, **more: Any) -> Fetched:
    options: dict[str, Any] = {"max_bytes": 10_000, "timeout": 5, "allowed_types": {"image/png"}, "field": "images.0"}
    return fetch_url(url, **{**options, "allow_private": HERE, "ports": None, **more})


def answering(body: bytes, **kwargs: Any) -> Callable[[str, Callable[[bytes], None]], None]:
    return lambda _path, send: send(response(body, **kwargs))


# ── refused before any connection ────────────────────────────────────────────────────────────────

ADDRESSES = [
    "http://127.0.0.1/",
    "http://127.0.0.2/",
    "http://0.0.0.0/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://100.100.100.200/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/machine",
    "http://192.0.0.192/opc/v2/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://198.18.0.1/",
    "http://[::1]/",
    "http://[::]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[ff02::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2001:0:7f00:1::]/",
    "http://[2001:db8::1]/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://localhost/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://intranet.example.test/",
]
FORMS = [
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.0.1./",
    "http://8.8.8.8.8/",
    "http://134744072/",  # 8.8.8.8: public, but in a form that hides it
    "http://[fe80::1%25eth0]/",
    "http://[::1/",
    "http://user@example.org/",
    "http://user:secret@example.org/",
    "http://@example.org/",
    "http://example.org:22/",
    "http://example.org:8080/",
    "http://example.org:99999/",
    "http://example.org:0/",
    "file:///etc/passwd",
    "ftp://example.org/",
    "gopher://example.org/",
    "data:image/png;base64,AAAA",
    "//example.org/",
    "example.org/x.png",
    "",
    "http://",
    "http:///path",
    "http://exa mple.org/",
    "http://example.org\\@127.0.0.1/",
    "http://example.org/\r\nX: y",
    "http://exam\tple.org/",
    "http://-example.org/",
    "http://exa%6dple.org/",
    "http://example..org/",
    "http://example.org/" + "x" * 3000,
]


@pytest.fixture
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


def names(host: str, _port: int) -> list[str]:
    return {
        "localhost": ["::1", "127.0.0.1"],
        "metadata.google.internal": ["169.254.169.254"],
        "intranet.example.test": ["93.184.216.34", "10.0.0.7"],  # one good address does not excuse a bad one
        "example.org": ["93.184.216.34"],
    }[host]


@pytest.mark.usefixtures("no_connections")
@pytest.mark.parametrize("url", ADDRESSES + FORMS)
def test_a_hostile_url_is_refused_before_any_connection(url: str) -> None:
    with pytest.raises(InvalidInput, match="this address cannot be fetched: ") as caught:
        fetch(url, allow_private=False, ports=(80, 443), resolve=names)
    assert caught.value.field == "images.0"
    assert "10.0.0.7" not in str(caught.value), "what private names stand for is nobody's business"


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "100.128.0.1"])
def test_public_addresses_are_not_refused(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses())
def test_no_address_is_public_that_python_calls_private(address: Any) -> None:
    if is_public(str(address)) and address not in ipaddress.ip_network(
        "64:ff9b::/96" if address.version == 6 else "0.0.0.0/32"
    ):
        assert address.is_global
        assert not (address.is_multicast)
        assert not (address.is_reserved)
        assert not (address.is_loopback)


def test_names_and_paths_of_any_script() -> None:
    target = parse_url("HTTPS://Bücher.example:443/사진 1.png?q=가".replace(" ", "%20"), (443,))
    assert (target.scheme, target.host, target.port, target.authority) == (
        "https",
        "xn--bcher-kva.example",
        443,
        "xn--bcher-kva.example",
    )
    assert target.path == "/%EC%82%AC%EC%A7%84%201.png?q=%EA%B0%80"
    assert parse_url("http://example.org./", None).host == "example.org"
    assert parse_url("http://[2606:4700:0::1]:8080", None).authority == "[2606:4700::1]:8080"


# ── what is fetched ──────────────────────────────────────────────────────────────────────────────


def test_a_picture_is_fetched_and_its_type_is_its_contents() -> None:
    with web_server(answering(PNG, Content_Type="text/html")) as server:
        url = server.url("/a.png?b=c#d")
        assert fetch(url) == Fetched(PNG, "image/png", url)
    (head,) = server.heads
    assert head.startswith("GET /a.png?b=c HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n" in head
    assert "Accept-Encoding: identity\r\n" in head


def test_an_answer_without_a_length_is_read_to_its_end() -> None:
    with web_server(lambda _path, send: send(b"HTTP/1.0 200 OK\r\n\r\n" + PNG)) as server:
        assert fetch(server.url()).content == PNG


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<!doctype html><p>not found", "a web page"),
        (b"<?xml version='1.0'?><svg xmlns='x'/>", "an SVG drawing"),
        (b"\0\0\0\x18ftypheic", "a HEIC photo"),
        (b"hello", "an unknown type"),
        (b"", "an unknown type"),
    ],
)
def test_what_is_not_allowed_is_told_by_its_name(body: bytes, what: str) -> None:
    with (
        web_server(answering(body, Content_Type="image/png")) as server,
        pytest.raises(InvalidInput, match=what) as caught,
    ):
        fetch(server.url())
    assert caught.value.field == "images.0"
    assert "image/png" in str(caught.value)


def test_a_compressed_answer_is_not_unpacked() -> None:
    import gzip

    bomb = gzip.compress(b"\x89PNG\r\n\x1a\n" + b"\0" * 10_000_000)[:9000]
    with web_server(answering(bomb, Content_Encoding="gzip")) as server, pytest.raises(InvalidInput, match="gzip"):
        fetch(server.url())


@pytest.mark.parametrize(
    ("status", "error"),
    [("404 Not Found", InvalidInput), ("500 Oops", Unavailable), ("429 Slow", Unavailable), ("206 P", InvalidInput)],
)
def test_an_error_of_the_other_server_is_told(status: str, error: type[RequestError]) -> None:
    with web_server(answering(PNG, status=status)) as server, pytest.raises(error, match=status[:3]):
        fetch(server.url())


# ── limits ───────────────────────────────────────────────────────────────────────────────────────


def test_an_announced_excess_is_not_even_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n"
    never = threading.Event()
    with (
        web_server(lambda _path, send: (send(head), never.wait(20))[0]) as server,
        pytest.raises(TooLarge, match="10,000"),
    ):
        fetch(server.url())
    never.set()


@pytest.mark.parametrize(("size", "fits"), [(10_000, True), (10_001, False)])
def test_an_excess_that_was_not_announced_is_cut_off(size: int, fits: bool) -> None:
    body = PNG + b"x" * (size - len(PNG))
    with web_server(lambda _path, send: send(b"HTTP/1.0 200 OK\r\n\r\n" + body)) as server:
        if fits:
            assert fetch(server.url()).content == body
        else:
            with pytest.raises(TooLarge):
                fetch(server.url())


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_dripping_server_meets_the_deadline(part: str) -> None:
    over = threading.Event()

    def drip(_path: str, send: Callable[[bytes], None]) -> None:
        send(b"HTTP/1.1 200 OK\r\n" + (b"" if part == "head" else b"Content-Length: 9999\r\n\r\n"))
        while not over.wait(0.05):
            send(b"X" if part == "body" else b"X: y\r\n")

    with web_server(drip) as server:
        with pytest.raises(Unavailable, match=r"did not deliver within 0\.4 s"):
            fetch(server.url(), timeout=0.4)
        over.set()


def test_a_resolver_that_hangs_meets_the_deadline() -> None:
    over = threading.Event()
    with pytest.raises(Unavailable, match="did not deliver"):
        fetch("http://example.org/", timeout=0.2, resolve=lambda _host, _port: [str(over.wait(60))])
    over.set()


def test_a_server_that_is_not_there_and_a_name_that_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unavailable, match=r"connection to 127\.0\.0\.1 failed"):
        fetch(f"http://127.0.0.1:{port}/")

    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(InvalidInput, match="no host named nowhere"):
        fetch("http://nowhere.test/", resolve=unknown)


def test_a_name_that_is_not_known_is_told_like_one_of_the_private_network() -> None:
    def resolve(host: str, _port: int) -> list[str]:
        if host == "one.test":
            return ["10.0.0.7"]
        raise socket.gaierror(socket.EAI_AGAIN if host == "two.test" else socket.EAI_NONAME, "m")

    texts = set()
    for name in ("one.test", "two.test", "six.test"):
        with pytest.raises(InvalidInput) as caught:
            fetch(f"http://{name}/", resolve=resolve)
        texts.add(caught.value.message.replace(name, "NAME"))
    assert len(texts) == 1


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    two = [*HERE, ipaddress.ip_network("127.0.0.9/32")]
    with web_server(answering(PNG)) as server:  # listens on .1 only
        url = server.url(host="both.test")
        assert fetch(url, allow_private=two, resolve=lambda *_: ["127.0.0.9", "127.0.0.1"]).content == PNG


# ── redirects and names ──────────────────────────────────────────────────────────────────────────


def redirecting(to: Callable[[str], str], status: str = "302 Found") -> Callable[[str, Callable[[bytes], None]], None]:
    def script(path: str, send: Callable[[bytes], None]) -> None:
        send(response(PNG) if path == "/end.png" else response(b"", status, Location=to(path)))

    return script


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
def test_a_redirect_is_followed(status: str) -> None:
    with web_server(redirecting(lambda _path: "end.png", status)) as server:
        assert fetch(server.url("/start")).final_url == server.url("/end.png")


def test_three_redirects_are_followed_and_no_fourth() -> None:
    with web_server(redirecting(lambda path: f"/{int(path[1:]) - 1}" if path > "/1" else "/end.png")) as server:
        assert fetch(server.url("/3")).content == PNG
        with pytest.raises(InvalidInput, match="more than 3 times"):
            fetch(server.url("/4"))


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.2/",
        "http://169.254.169.254/x",
        "//10.0.0.1/",
        "http://localhost/",
        "file:///etc/passwd",
        "http://[::1]/",
    ],
)
def test_a_redirect_into_the_private_network_is_refused(to: str) -> None:
    with web_server(redirecting(lambda _path: to)) as server:
        with pytest.raises(InvalidInput, match="cannot be fetched"):
            fetch(server.url("/start"), resolve=names)
        assert len(server.heads) == 1


def test_a_name_that_changes_its_address_gains_nothing() -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]  # .1 plays the public address here

    with web_server(answering(PNG)) as server:
        assert fetch(server.url(host="rebind.test"), resolve=rebinding).content == PNG
        assert asked == ["rebind.test"], "resolved once: what was checked is what was connected to"
        assert f"Host: rebind.test:{server.port}\r\n" in server.heads[0]
        with pytest.raises(InvalidInput, match="private"):
            fetch(server.url(host="rebind.test"), resolve=rebinding)


# ── certificates ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for shop.test, with its key in the same file."""
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl program to make a certificate")
    path = tmp_path_factory.mktemp("certificate") / "shop.pem"
    subprocess.run(
        (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=shop.test "
            f"-addext subjectAltName=DNS:shop.test -keyout {path.name} -out {path.name}.crt"
        ).split(),
        cwd=path.parent,
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@pytest.fixture
def shop(certificate: Path) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with web_server(answering(PNG), context) as server:
        yield server


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=f"{certificate}.crt")


def test_the_name_stays_in_the_handshake_though_the_address_is_pinned(shop: WebServer, certificate: Path) -> None:
    url = shop.url(host="shop.test", scheme="https")
    assert fetch(url, resolve=lambda *_: ["127.0.0.1"], ssl_context=trusting(certificate)).content == PNG
    assert shop.server_names == ["shop.test"]


def test_a_certificate_for_another_name_or_by_nobody_is_refused(shop: WebServer, certificate: Path) -> None:
    with pytest.raises(InvalidInput, match=r"certificate of other\.test does not hold"):
        fetch(
            shop.url(host="other.test", scheme="https"),
            resolve=lambda *_: ["127.0.0.1"],
            ssl_context=trusting(certificate),
        )
    with pytest.raises(InvalidInput, match=r"certificate of shop\.test does not hold"):
        fetch(shop.url(host="shop.test", scheme="https"), resolve=lambda *_: ["127.0.0.1"])
    assert shop.heads == []
