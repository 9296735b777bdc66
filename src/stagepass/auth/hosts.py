"""Names by which this service is asked, and pages of other sites: what a browser's headers tell.

A page elsewhere can send a browser here in two ways. It can point its own name at this machine (DNS
rebinding), which the Host header tells. And it can send a request from its own page, which Origin,
Sec-Fetch-Site and Referer tell.
"""

import ipaddress
import re

from starlette.datastructures import Headers

from stagepass.errors import BadRequest, Forbidden
from stagepass.sentences import sentence
from stagepass.setting_forms import ADDRESS, HOST, ORIGIN
from stagepass.settings import Settings


class Hosts:
    """The names that this installation answers to, by its settings."""

    def __init__(self, settings: Settings) -> None:
        self.public = public_host(settings)
        names = set(settings.allowed_hosts)
        self._local_only = settings.auth_mode == "none"
        self._names = names | ({self.public} if self.public and (names or self._local_only) else set())

    def check(self, headers: Headers) -> None:
        """Raises `BadRequest` for a Host that is no name, and `Forbidden` for one that is not ours."""
        given = headers.getlist("host")
        if len(given) > 1:
            raise BadRequest(sentence("{header} was sent more than once; send it once", header="Host"))
        name = host_of(given[0]) if given else "localhost"
        if name in self._names or is_loopback(name) or not (self._names or self._local_only):
            return
        if self._local_only:
            raise Forbidden(
                sentence(
                    "without AUTH_MODE, the API answers only to the host name localhost; use that, or set PUBLIC_URL"
                )
            )
        raise Forbidden(sentence("the API does not answer to this host name; add it to ALLOWED_HOSTS"))


def public_host(settings: Settings) -> str | None:
    """The name in PUBLIC_URL."""
    found = ADDRESS.match(settings.public_url)
    return found["name"].lower() if found else None


def host_of(header: str) -> str:
    """The name in a Host header, in lower case and without its port. Raises `BadRequest`."""
    if not header:
        return ""
    found = HOST.fullmatch(header)
    if not found:
        raise BadRequest(sentence("the Host header is not a valid host name"))
    return found["name"].lower()


def refuse_other_sites(headers: Headers, public: str | None) -> None:
    """Block cross-site requests if the browser itself authenticates the user. Raises `Forbidden`.

    A page of another host of the same site is as foreign as any: its code may be written by a stranger.
    """
    host = headers.get("host", "").lower()
    origin = headers.get("origin")
    if origin is not None:
        if not _is_ours(ORIGIN.fullmatch(origin.lower()), host, public):
            raise Forbidden(sentence("cross-site request blocked: call the API from the same origin"))
        return
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise Forbidden(sentence("cross-site request blocked: call the API from the same origin"))
    referer = headers.get("referer", "")
    if referer and not _is_ours(ADDRESS.match(referer), host, public):
        raise Forbidden(sentence("cross-site request blocked: call the API from the same origin"))


def _is_ours(found: "re.Match[str] | None", host: str, public: str | None) -> bool:
    return found is not None and (found["host"].lower() == host or found["name"].lower() == public)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
