"""Addresses that strangers give: what leads into the private network is refused, at the door or by the worker."""

import ipaddress
import socket

import pytest
from pydantic import ValidationError

from stagepass.errors import RequestError
from stagepass.pipelines.scan.models import ScanRequest
from stagepass.pipelines.scan.stages.vision import TYPES
from stagepass.providers.fetching.fetch import fetch_url
from tests.support.scan import BOTTLE
from tests.support.webserver import response, web_server

REFUSED_AT_THE_DOOR = [
    "http://127.0.0.1/a.jpg",
    "http://localhost.:99999/a.jpg",
    "http://127.1/a.jpg",
    "http://2130706433/a.jpg",
    "http://0x7f000001/a.jpg",
    "http://0177.0.0.1/a.jpg",
    "http://[::1]/a.jpg",
    "http://[::ffff:127.0.0.1]/a.jpg",
    "http://[::ffff:a9fe:a9fe]/a.jpg",
    "http://[fe80::1]/a.jpg",
    "http://[fd00::1]/a.jpg",
    "http://[64:ff9b::7f00:1]/a.jpg",
    "http://0.0.0.0/a.jpg",
    "http://10.0.0.1/a.jpg",
    "http://172.16.0.1/a.jpg",
    "http://192.168.0.1/a.jpg",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.100.100.200/a.jpg",
    "http://168.63.129.16/a.jpg",
    "http://192.0.0.192/a.jpg",
    "http://224.0.0.1/a.jpg",
    "http://127.0.0.1\uff0enip.io\\@example.com/a.jpg",
    "http://user:pass@example.com/a.jpg",
    "https://example.com:6379/a.jpg",
    "ftp://example.com/a.jpg",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "data:image/png;base64,AAAA",
    "//example.com/a.jpg",
    "http:///a.jpg",
    "http://example.com/a b.jpg",
]


@pytest.mark.parametrize("url", REFUSED_AT_THE_DOOR)
def test_refused_at_the_door(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ScanRequest(image_url=url)
    error = refused.value.errors()[0]
    assert error["loc"] == ("image_url",)
    assert "this address cannot be fetched: " in error["msg"]


def test_a_public_address_is_taken() -> None:
    assert ScanRequest(image_url="https://example.com/a.jpg").image_url == "https://example.com/a.jpg"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::7", "::ffff:10.0.0.1", "100.64.0.1"]
)
def test_a_name_that_leads_to_a_private_address_is_refused_by_the_worker(address: str) -> None:
    with pytest.raises(RequestError, match="private or reserved network"):
        fetch_url(
            "http://photos.example/a.jpg",
            max_bytes=1000,
            timeout=5,
            allowed_types=TYPES,
            resolve=lambda host, port: ["93.184.216.34", address],
        )


@pytest.mark.parametrize("target", ["http://169.254.169.254/", "http://10.0.0.1/a.jpg", "file:///etc/passwd"])
def test_a_redirect_into_the_private_network_is_refused(target: str) -> None:
    with (
        web_server(lambda path, send: send(response(b"", "302 Found", Location=target))) as server,
        pytest.raises(RequestError, match="this address cannot be fetched"),
    ):
        fetch_url(
            server.url("/a.jpg"),
            max_bytes=1000,
            timeout=5,
            allowed_types=TYPES,
            allow_private=[ipaddress.ip_network("127.0.0.1/32")],
            ports=None,
        )


@pytest.mark.parametrize(
    ("content", "most", "why"),
    [
        (b"<html>not a photo</html>", 10_000, "a web page"),
        (b"GIF89a" + bytes(100), 10_000, "a GIF"),
        (BOTTLE, 1000, "larger than the limit of 1,000 bytes"),
    ],
)
def test_what_is_no_photo_or_too_large_is_refused(content: bytes, most: int, why: str) -> None:
    with (
        web_server(lambda path, send: send(response(content, Content_Type="image/jpeg"))) as server,
        pytest.raises(RequestError, match=why),
    ):
        fetch_url(server.url("/a.jpg"), max_bytes=most, timeout=5, allowed_types=TYPES, allow_private=True, ports=None)


def test_an_address_nobody_answers_at_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.jpg"
        with pytest.raises(RequestError, match="did not deliver within"):
            fetch_url(url, max_bytes=1000, timeout=0.3, allowed_types=TYPES, allow_private=True, ports=None)
