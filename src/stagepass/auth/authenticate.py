"""Identifies the caller, by `AUTH_MODE`, on each request; nothing is kept between requests.

none     this machine's own user: refuses to start, and to answer, where others could reach it
api_key  ``Authorization: Bearer <key>`` or ``X-API-Key``
jwt      ``Authorization: Bearer <token>``
header   a header that a trusted gateway sets
"""

import hashlib
import hmac
import ipaddress
import logging
import re
from collections.abc import Callable

from starlette.requests import HTTPConnection

from stagepass.auth.hosts import is_loopback, public_host, refuse_other_sites
from stagepass.auth.roles import Groups, split_role
from stagepass.auth.tokens import Tokens
from stagepass.engine.model.actors import Actor, Role
from stagepass.errors import BadRequest, Forbidden, SettingsError, Unauthenticated
from stagepass.sentences import sentence
from stagepass.settings import Settings

log = logging.getLogger("stagepass.auth")

Authenticate = Callable[[HTTPConnection], Actor]
"""The caller, with their role. Raises `Unauthenticated`."""

LONGEST_NAME = 200

_WIDEST = 7
"""Bits of a network's prefix that is no longer one of gateways; 10.0.0.0/8 is."""

SHORTEST_KEY = 16

_LETTERS = 5
"""Different characters that a key has at least."""

_NAME = re.compile(r"[\w.@+-]+")
_UNSAFE = ("POST", "PUT", "PATCH", "DELETE")

ACTS = "stagepass.acts"
"""In the scope of a request whose route changes something although its method is GET."""


def make_authenticate(settings: Settings) -> Authenticate:
    """Create the authentication for these settings. Raises `SettingsError` for unsafe combinations."""
    match settings.auth_mode:
        case "none":
            return Nobody(settings)
        case "api_key":
            return ApiKeys(settings.api_keys.get_secret_value())
        case "jwt":
            return Jwt(settings)
        case "header":
            return Gateway(settings)


class Nobody:
    """No authentication, so only this machine is served, and no web page of another site.

    A caller who names no user is the operator of this machine.
    """

    def __init__(self, settings: Settings) -> None:
        if not is_loopback(settings.host):
            raise SettingsError(
                sentence(
                    "AUTH_MODE=none accepts every caller, so HOST must be 127.0.0.1, ::1 or localhost, not "
                    "{host}; or set AUTH_MODE to api_key, jwt or header",
                    host=settings.host,
                )
            )
        self._header = settings.user_header
        self._public = public_host(settings)

    def __call__(self, connection: HTTPConnection) -> Actor:
        server = connection.scope.get("server")
        if server and server[1] is not None and not is_loopback(server[0]):
            raise Forbidden(
                sentence("without AUTH_MODE, only this machine may call the API: use 127.0.0.1, or set AUTH_MODE")
            )
        if acts(connection):
            refuse_other_sites(connection.headers, self._public)
        named = connection.headers.getlist(self._header)
        if len(named) > 1:
            raise BadRequest(sentence("{header} was sent more than once; send it once", header=self._header))
        return _actor(connection, _text(named[0])) if named else _actor(connection, "local", Role.OPERATOR)


class ApiKeys:
    """Keys of callers, compared in constant time. A name may have several, so that they can be replaced."""

    def __init__(self, text: str) -> None:
        self._keys: list[tuple[bytes, str, Role]] = []
        for pair in filter(None, (part.strip() for part in text.split(","))):
            name, _, rest = (part.strip() for part in pair.partition(":"))
            key, role = split_role(rest)
            if not name or len(key) < SHORTEST_KEY:
                raise SettingsError(
                    sentence(
                        "API_KEYS: write name:key or name:key:role, separated by commas, with keys of at least {least} "
                        "characters; generate a key with: openssl rand -hex 24",
                        least=SHORTEST_KEY,
                    )
                )
            if not _NAME.fullmatch(name):
                log.warning("API_KEYS: %r names one caller only", name)
            if len(set(key)) < _LETTERS:
                raise SettingsError(
                    sentence(
                        "API_KEYS: the key of {name} can be guessed; generate one: openssl rand -hex 24", name=name
                    )
                )
            self._keys.append((_digest(key), name, role))
        if not self._keys:
            raise SettingsError(sentence("AUTH_MODE=api_key needs API_KEYS: name:key pairs, separated by commas"))
        if len({digest for digest, _, _ in self._keys}) < len(self._keys):
            raise SettingsError(sentence("API_KEYS: the same key appears twice; each key must identify one caller"))

    def __call__(self, connection: HTTPConnection) -> Actor:
        given = connection.headers.getlist("x-api-key")
        if "authorization" in connection.headers:
            given.append(_bearer(connection))
        if len(set(given)) != 1:
            raise Unauthenticated(sentence("send one API key: Authorization: Bearer <key>, or X-API-Key: <key>"))
        digest = _digest(given[0])
        found = [entry for entry in self._keys if hmac.compare_digest(entry[0], digest)]  # all of them, always
        if not found:
            raise Unauthenticated(sentence("unknown API key"))
        return _actor(connection, found[0][1], found[0][2])


class Jwt:
    """A token names the caller; the role follows from the groups in one of its claims."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = Tokens(settings)
        self._claim = settings.jwt_groups_claim
        self._groups = Groups(settings)

    def __call__(self, connection: HTTPConnection) -> Actor:
        claims = self._tokens.claims(_bearer(connection))
        return _actor(connection, claims["sub"], self._groups.role(claims.get(self._claim)))


class Gateway:
    """A header that names the user, believed only from the networks of our own gateways."""

    def __init__(self, settings: Settings) -> None:
        self._header = settings.user_header
        self._groups_header = settings.groups_header
        self._groups = Groups(settings)
        self._public = public_host(settings)
        self._trusted = [ipaddress.ip_network(text) for text in settings.trusted_proxies]
        for network in self._trusted:
            if network.num_addresses >= 2 ** (network.max_prefixlen - _WIDEST):
                log.warning("TRUSTED_PROXIES=%s lets nearly anyone name any user; list the gateways only", network)
        if not self._trusted:
            raise SettingsError(
                sentence("AUTH_MODE=header needs TRUSTED_PROXIES: the networks of the gateways that set the header")
            )

    def __call__(self, connection: HTTPConnection) -> Actor:
        if not self._is_trusted(connection):
            log.warning("a request that names its user came from outside of TRUSTED_PROXIES")
            raise Unauthenticated(sentence("the request must come through a gateway in TRUSTED_PROXIES"))
        named = connection.headers.getlist(self._header)
        if len(named) != 1:  # two: the gateway added its own to one that it let through
            raise Unauthenticated(sentence("the gateway must send {header} exactly once", header=self._header))
        if acts(connection):
            refuse_other_sites(connection.headers, self._public)
        groups = [_text(header) for header in connection.headers.getlist(self._groups_header)]
        return _actor(connection, _text(named[0]), self._groups.role(",".join(groups)))

    def _is_trusted(self, connection: HTTPConnection) -> bool:
        try:
            peer = ipaddress.ip_address(connection.client.host if connection.client else "")
        except ValueError:
            return False
        if isinstance(peer, ipaddress.IPv6Address) and peer.ipv4_mapped:
            peer = peer.ipv4_mapped
        return any(peer.version == network.version and peer in network for network in self._trusted)


def acts(connection: HTTPConnection) -> bool:
    """Whether a request changes something: by its method, or by what its route says."""
    scope = connection.scope
    return scope["type"] != "http" or scope["method"] in _UNSAFE or bool(scope.get(ACTS))


def _bearer(connection: HTTPConnection) -> str:
    given = connection.headers.getlist("authorization")
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(sentence("authentication required: send Authorization: Bearer <key or token>"))
    return token.strip()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _text(header: str) -> str:
    """A header's value, which came as UTF-8 and was read byte by byte."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise Unauthenticated(sentence("a user name must be UTF-8")) from None


def _actor(connection: HTTPConnection, name: str, role: Role = Role.USER) -> Actor:
    peer = connection.client.host if connection.client else ""
    return Actor(_name(name), role, f"api {peer}".strip()[:200])


def _name(text: str) -> str:
    if not (1 <= len(text) <= LONGEST_NAME and text.isprintable() and text == text.strip()):
        raise Unauthenticated(sentence("a user name must have 1 to {most} printable characters", most=LONGEST_NAME))
    return text
