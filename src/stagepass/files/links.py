"""Links to files that anyone with the link may follow, and that expire; and signed tokens in general.

A token is ``<payload>.<mac>``, both base64url. The MAC is HMAC-SHA256 over the purpose and the
payload, so that a token made for one purpose is worth nothing for another. Signed, not secret:
anyone with a token can read its payload.
"""

import base64
import binascii
import hashlib
import hmac
import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from stagepass.declare.values import File
from stagepass.errors import Forbidden, NotFound, SettingsError
from stagepass.sentences import sentence

Disposition = Literal["inline", "attachment"]

SHORTEST_SECRET = 16
"""Bytes a secret must have."""

_LONGEST_TOKEN = 8192
_CONTEXT = b"stagepass token v1"
_FILE = "file"


class Linked(NamedTuple):
    """Target of a link, and whether to show or save it."""

    file: File
    disposition: Disposition


class Links:
    """Creates and verifies links and tokens.

    Args:
        secrets: the first signs; all are accepted, so that a secret can be replaced: put the new one
            first, and drop the old one when its last link has expired.
        base_url: what a link's token is appended to, as ``/files`` or ``https://example.org/files``.
        clock: seconds since 1970.

    Raises:
        SettingsError: no secret, or one that is too short.
    """

    def __init__(
        self, secrets: bytes | Sequence[bytes], base_url: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self._secrets = [secrets] if isinstance(secrets, bytes) else list(secrets)
        if not self._secrets or min(map(len, self._secrets)) < SHORTEST_SECRET:
            raise SettingsError(
                sentence(
                    "the secret for signed links must have at least {least} bytes; generate one with `python -c "
                    "'import secrets; print(secrets.token_urlsafe(32))'`",
                    least=SHORTEST_SECRET,
                )
            )
        self._base_url = base_url.rstrip("/")
        self._clock = clock

    def make(self, file: File, expires_in: float = 3600, disposition: Disposition = "inline") -> str:
        """The link to a file, good for `expires_in` seconds."""
        what = [file.uri, file.sha256, file.size, file.type, file.name, disposition]
        return f"{self._base_url}/{self._sign(_FILE, what, expires_in)}"

    def read(self, token: str) -> Linked:
        """What the token of a link leads to.

        Raises:
            NotFound: this never was a link.
            Forbidden: it has expired, or was not signed here.
        """
        what = self._verify(_FILE, token)
        try:
            uri, sha256, size, type, name, disposition = what
            return Linked(File(uri=uri, sha256=sha256, size=size, type=type, name=name), disposition)
        except (TypeError, ValueError, ValidationError):  # signed here, by a version that wrote another shape
            raise _no_link() from None

    def sign(self, purpose: str, payload: dict[str, Any], expires_in: float) -> str:
        """A token that carries `payload` (JSON) and is good for one purpose and `expires_in` seconds."""
        return self._sign(f"x-{purpose}", payload, expires_in)

    def verify(self, purpose: str, token: str) -> dict[str, Any]:
        """The payload of a token made by `sign` for the same purpose. Raises as `read` does."""
        payload = self._verify(f"x-{purpose}", token)
        if not isinstance(payload, dict):
            raise _no_link()
        return payload

    def _sign(self, purpose: str, what: Any, expires_in: float) -> str:
        expires = math.ceil(self._clock() + expires_in)
        body = json.dumps([expires, what], separators=(",", ":"), ensure_ascii=False).encode()
        return f"{_encode(body)}.{_encode(_mac(self._secrets[0], purpose, body))}"

    def _verify(self, purpose: str, token: str) -> Any:
        body, mac = _decode(token)
        # Each secret is tried in every case, so that the time taken does not tell which one fits.
        fits = [hmac.compare_digest(mac, _mac(secret, purpose, body)) for secret in self._secrets]
        if not any(fits):
            raise Forbidden(
                sentence("this link is not valid: it was altered or cut short, or its signing key has been replaced")
            )
        expires, what = json.loads(body)
        if self._clock() >= expires:
            raise Forbidden(sentence("this link has expired; request the job or page again to get a new one"))
        return what


def _mac(secret: bytes, purpose: str, body: bytes) -> bytes:
    return hmac.digest(secret, b"\0".join([_CONTEXT, purpose.encode(), body]), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(token: str) -> tuple[bytes, bytes]:
    try:
        if len(token) > _LONGEST_TOKEN:
            raise ValueError
        body, mac = (base64.b64decode(part + "=" * (-len(part) % 4), b"-_", True) for part in token.split("."))
    except (ValueError, binascii.Error):
        raise _no_link() from None
    return body, mac


def _no_link() -> NotFound:
    return NotFound(
        sentence("this link does not belong to this service, or it is incomplete; open it again from where you got it")
    )
