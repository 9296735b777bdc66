"""Sends JSON to an address that an operator has set, past the same checks as every address that is fetched."""

import ipaddress
import json
from typing import Any

import httpcore2

from stagepass.errors import InvalidInput, SettingsError
from stagepass.providers.fetching.addresses import Target, parse_url
from stagepass.providers.fetching.fetch import _checked, _translated, _usual_authorities, system_resolver
from stagepass.providers.fetching.pinned import Deadline, Pinned
from stagepass.sentences import sentence

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def check_webhook(url: str, setting: str, *, allow_loopback: bool = False) -> Target:
    """The parts of a webhook's URL. The URL is a secret and is in no error.

    Raises:
        SettingsError: it is not https; plain http is taken to this machine only, where that is allowed.
    """
    try:
        target = parse_url(url, None)
    except InvalidInput as problem:
        raise SettingsError(sentence("{setting}: {message}", setting=setting, message=problem.message)) from None
    local = target.host == "localhost" or (target.literal is not None and target.literal.is_loopback)
    if target.scheme != "https" and not (local and allow_loopback):
        raise SettingsError(sentence("{setting} must begin with https://", setting=setting))
    return target


def post_json(target: Target, body: Any, *, timeout: float, allow_loopback: bool = False) -> tuple[int, dict[str, str]]:
    """Send once; no redirect is followed. Returns the status, and the answer's headers.

    Args:
        target: from `check_webhook`.
        timeout: seconds for everything together.

    Raises:
        InvalidInput: the host is in a private network, or has no valid certificate. Unavailable: no answer.
    """
    clock = Deadline(timeout)
    content = json.dumps(body, ensure_ascii=False).encode()
    headers = [
        (b"Host", target.authority.encode()),
        (b"User-Agent", b"stagepass"),
        (b"Content-Type", b"application/json; charset=utf-8"),
        (b"Content-Length", str(len(content)).encode()),
    ]
    url = httpcore2.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    with _translated(target, None, timeout):
        allowed = LOOPBACK if allow_loopback else False
        addresses = _checked(target, allowed, system_resolver, clock, None)
        with (
            httpcore2.ConnectionPool(_usual_authorities(), network_backend=Pinned(addresses, clock)) as pool,
            pool.stream("POST", url, headers=headers, content=content) as response,
        ):
            answered = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
            return response.status, answered
