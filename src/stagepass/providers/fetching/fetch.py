"""Fetches what a stranger's URL points at, without being made a way into the private network (SSRF).

For each hop of a request: the URL is taken apart, the name is resolved once, all of its addresses must
be public, and the connection is made to one of those very addresses, under the name (Host, SNI and
certificate). A name that changes its address in between gains nothing. No proxy is used.
"""

import functools
import socket
import ssl
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, TypeVar
from urllib.parse import urljoin

import httpcore2

from stagepass.errors import InvalidInput, RequestError, StageError, TooLarge, Transient, Unavailable
from stagepass.providers.fetching.addresses import Network, Target, is_public, parse_url
from stagepass.providers.fetching.kinds import HEAD, kind_of, named
from stagepass.providers.fetching.pinned import Deadline, Pinned
from stagepass.sentences import sentence
from stagepass.spans import in_words

MAX_REDIRECTS = 3

_REDIRECTS = {301, 302, 303, 307, 308}
_AGENT = b"stagepass"

Resolve = Callable[[str, int], list[str]]

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Fetched:
    """The content in memory, its type as its bytes show it, and the URL that it came from in the end."""

    content: bytes
    type: str
    final_url: str


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses of a name, best first, by the machine's own resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def fetch_url(
    url: str,
    *,
    max_bytes: int,
    timeout: float,
    allowed_types: Collection[str],
    allow_private: bool | Sequence[Network] = False,
    ports: Collection[int] | None = (80, 443),
    field: str | None = None,
    resolve: Resolve = system_resolver,
    ssl_context: ssl.SSLContext | None = None,
) -> Fetched:
    """Fetches a URL by GET.

    Args:
        url: what a stranger gave.
        max_bytes: how much content is taken at most; it is held in memory.
        timeout: seconds for everything together: names, connections, redirects, content.
        allowed_types: content types; what arrives is judged by its first bytes, not by its header.
        allow_private: True for tests, or the private networks that may be reached.
        ports: those that may be asked for; None for any.
        field: the input's field (``images.0``), for errors.
        resolve: the addresses of a host and port.
        ssl_context: how certificates are checked; the usual authorities if None.

    Raises:
        InvalidInput: the URL is not one to be fetched, or leads to something else than what is allowed.
        TooLarge: there is more content than `max_bytes`.
        Unavailable: no answer, or an error of the other server's, which may pass.
    """

    def read(response: httpcore2.Response, hop: str) -> Fetched:
        return _read(response, hop, max_bytes, allowed_types, field)

    return _followed(url, read, timeout, allow_private, ports, field, resolve, ssl_context)


def copy_url(
    url: str,
    target: BinaryIO,
    *,
    provider: str,
    max_bytes: int,
    timeout: float,
    own: tuple[str, int] | None = None,
) -> None:
    """Copies what a vendor made into `target`, in pieces, with the same care as for a stranger's URL.

    Args:
        own: the vendor's host and port as the operator has set them, which may be private; no other may be.

    Raises:
        Transient: it could not be had, or not as a whole; it may be had later.
    """

    def read(response: httpcore2.Response, hop: str) -> None:
        if response.status != 200:
            raise Transient(f"{provider}: its file was answered with {response.status}", provider=provider)
        size, length = 0, _header(response, b"content-length")
        for piece in response.iter_stream():
            size += len(piece)
            if size > max_bytes:
                raise TooLarge(
                    sentence(
                        "{provider}: the file is larger than the limit of {most} bytes",
                        provider=provider,
                        most=f"{max_bytes:,}",
                    )
                )
            target.write(piece)
        if length.isdigit() and int(length) != size:
            raise Transient(f"{provider}: its file came only in part", provider=provider)

    try:
        _followed(url, read, timeout, False, (80, 443), None, system_resolver, None, own)
    except Unresolved:  # the vendor's own address: names of its files come and go
        raise Transient(f"{provider}: the address of its file cannot be fetched from", provider=provider) from None


def _followed(
    url: str,
    read: Callable[[httpcore2.Response, str], R],
    timeout: float,
    allow_private: bool | Sequence[Network],
    ports: Collection[int] | None,
    field: str | None,
    resolve: Resolve,
    ssl_context: ssl.SSLContext | None,
    own: tuple[str, int] | None = None,
) -> R:
    """The result of `read` for the response after all redirects."""
    clock = Deadline(timeout)
    hop = url
    for _ in range(MAX_REDIRECTS + 1):
        target = parse_url(hop, None, field)
        anywhere = allow_private is True or (own is not None and _same(target, *own))
        if not anywhere:
            target = parse_url(hop, ports, field)
        with _translated(target, field, timeout):
            addresses = _checked(target, anywhere or allow_private, resolve, clock, field)
            with _get(target, addresses, clock, ssl_context) as response:
                if response.status not in _REDIRECTS:
                    return read(response, hop)
                hop = urljoin(hop, _header(response, b"location"))
    raise InvalidInput(
        sentence(
            "this address redirects more than {most} times; send the final address",
            most=MAX_REDIRECTS,
        ),
        field=field,
    )


def _same(target: Target, host: str, port: int) -> bool:
    """Whether this is that host and port; this machine has several names."""
    names = {host.lower(), *(_THIS_MACHINE if host.lower() in _THIS_MACHINE else ())}
    return target.port == port and target.host in names


_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


# ── where to ─────────────────────────────────────────────────────────────────────────────────────


def _checked(
    target: Target, allow_private: bool | Sequence[Network], resolve: Resolve, clock: Deadline, field: str | None
) -> list[str]:
    """The addresses of the host, if a connection may be made to every one of them."""
    addresses = [target.host] if target.literal else clock.call(lambda: resolve(target.host, target.port))
    also = () if isinstance(allow_private, bool) else allow_private
    if allow_private is not True and not all(is_public(address, also) for address in addresses):
        if target.literal is None:
            raise _unknown(target, field)
        raise InvalidInput(
            sentence(
                "this address cannot be fetched: {host} is in a private or reserved network; upload the file instead",
                host=target.host,
            ),
            field=field,
        )
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    return addresses


class Unresolved(InvalidInput):
    """A name without a public address. One text for all of them, since names of the private network are a secret."""


def _unknown(target: Target, field: str | None) -> Unresolved:
    return Unresolved(
        sentence(
            "this address cannot be fetched: there is no host named {host} on the public internet, or it is in a private"
            " or reserved network; check the address, or upload the file instead",
            host=target.host,
        ),
        field=field,
    )


# ── the request ──────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _get(
    target: Target, addresses: Sequence[str], clock: Deadline, ssl_context: ssl.SSLContext | None
) -> Iterator[httpcore2.Response]:
    # `identity`, and no decompression here: a small answer cannot become a large one.
    headers = [
        (b"Host", target.authority.encode()),
        (b"User-Agent", _AGENT),
        (b"Accept", b"*/*"),
        (b"Accept-Encoding", b"identity"),
    ]
    url = httpcore2.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    backend = Pinned(addresses, clock)
    with (
        httpcore2.ConnectionPool(ssl_context or _usual_authorities(), network_backend=backend) as pool,
        pool.stream("GET", url, headers=headers) as response,
    ):
        yield response


@functools.lru_cache(maxsize=1)
def _usual_authorities() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


def _read(
    response: httpcore2.Response, url: str, max_bytes: int, allowed_types: Collection[str], field: str | None
) -> Fetched:
    if response.status >= 500 or response.status == 429:
        raise Unavailable(
            sentence("the server at this address answered {status}; try again later", status=response.status),
            field=field,
        )
    if response.status != 200:
        raise InvalidInput(
            sentence("this address cannot be fetched: the server answered {status}", status=response.status),
            field=field,
        )
    too_large = TooLarge(
        sentence("the file at this address is larger than the limit of {most} bytes", most=f"{max_bytes:,}"),
        field=field,
    )
    length = _header(response, b"content-length")
    if length.isdigit() and int(length) > max_bytes:
        raise too_large

    content, kind = bytearray(), None
    for piece in response.iter_stream():
        content += piece
        if len(content) > max_bytes:
            raise too_large
        if kind is None and len(content) >= HEAD:  # a video is refused by its first bytes, not after a full download
            kind = _allowed(content, allowed_types, field)
    return Fetched(bytes(content), kind or _allowed(content, allowed_types, field), url)


def _allowed(content: bytearray, allowed_types: Collection[str], field: str | None) -> str:
    kind = kind_of(bytes(content[:HEAD]))
    if kind is None or kind not in allowed_types:
        wanted = ", ".join(sorted(allowed_types))
        raise InvalidInput(
            sentence("the file at this address is {named}; accepted types: {wanted}", named=named(kind), wanted=wanted),
            field=field,
        )
    return kind


def _header(response: httpcore2.Response, name: bytes) -> str:
    return next((value.decode("utf-8", "replace") for key, value in response.headers if key.lower() == name), "")


@contextmanager
def _translated(target: Target, field: str | None, timeout: float) -> Iterator[None]:
    """Turns transport errors into errors for the caller."""
    try:
        yield
    except (RequestError, StageError):
        raise
    except httpcore2.TimeoutException:
        text = f"{target.host} did not deliver within {in_words(timeout)}; try again, or upload the file itself"
        raise Unavailable(text, field=field) from None
    except (socket.gaierror, UnicodeError):
        raise _unknown(target, field) from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
        reason = error.args[0] if error.args else None  # httpcore2 wraps the socket's own error
        if isinstance(reason, ssl.SSLCertVerificationError):
            text = f"the certificate of {target.host} does not hold: {reason.verify_message}"
            raise InvalidInput(text, field=field) from None
        raise Unavailable(
            sentence("the connection to {host} failed; try again later", host=target.host), field=field
        ) from error
