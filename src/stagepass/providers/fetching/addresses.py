"""Decides which addresses of users a server may contact: only public ones.

Sources: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and successors),
RFC 6052 (NAT64), RFC 3056 (6to4), the WHATWG URL standard (what counts as an IPv4 host), and the
cloud providers' documented metadata addresses. Written out rather than `ipaddress.is_global`, whose
answers differ between Python 3.11 releases.
"""

import ipaddress
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from stagepass.errors import InvalidInput
from stagepass.sentences import sentence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL = 2048

_PORTS = {"http": 80, "https": 443}

_CLOSED_4 = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # "this" network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT); Alibaba's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, though a public number
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, withdrawn
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
_OPEN_6 = ipaddress.IPv6Network("2000::/3")  # all that is assigned as global unicast
_CLOSED_6 = [
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address; not used to serve pictures
        "3fff::/20",  # documentation
    )
]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # how hosts without IPv4 reach public IPv4 addresses

_NUMBER_LIKE = re.compile(r"(\d+|0[xX][0-9a-fA-F]*)")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_IN_A_PATH = "/%:@!$&'()*+,;=~-._"  # RFC 3986; the percent sign, since what is quoted stays as it is
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f-\x9f\\\s]")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in the parts that a request is made of; no other program reads the URL again."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def literal(self) -> Address | None:
        """The address, if the host is one."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        """The value of the ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def is_public(address: str, also: Sequence[Network] = ()) -> bool:
    """Whether a stranger may have a connection made to the address.

    Args:
        address: in the standard form.
        also: private networks that are allowed nevertheless.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(ip in network for network in also):
        return True
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        else:  # IPv4-mapped and -compatible ones, loopback and fc00::/7 lie outside of what is open
            return ip.scope_id is None and ip in _OPEN_6 and not any(ip in network for network in _CLOSED_6)
    return not any(ip in network for network in _CLOSED_4)


def parse_url(url: str, ports: Collection[int] | None, field: str | None = None) -> Target:
    """Parse a user's URL strictly.

    Args:
        url: http or https; letters of any script are allowed in host and path.
        ports: those that may be asked for; None for any.
        field: the input's field, for the error.

    Raises:
        InvalidInput: it is not one that is fetched; the text says why.
    """

    def refuse(why: str) -> InvalidInput:
        return InvalidInput(sentence("this address cannot be fetched: {why}", why=why), field=field)

    if len(url) > LONGEST_URL:
        raise refuse(sentence("it is longer than {most} characters", most=LONGEST_URL))
    if _NOT_IN_A_URL.search(url):
        raise refuse(
            sentence("it contains a space, a backslash or a control character; copy it again from the browser")
        )
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, _ascii_host(parts.hostname or ""), parts.port
        path = quote(parts.path or "/", safe=_IN_A_PATH)
        query = "?" + quote(parts.query, safe=_IN_A_PATH + "?") if parts.query else ""
    except ValueError:
        raise refuse(sentence("it is not a valid URL")) from None
    if scheme not in _PORTS:
        raise refuse(sentence("it must begin with https:// or http://"))
    if "@" in parts.netloc:
        raise refuse(sentence("it contains a user name or a password"))
    if not host:
        raise refuse(sentence("it has no valid host name"))
    port = _PORTS[scheme] if port is None else port
    if ports is not None and port not in ports:
        raise refuse(sentence("port {port} is not one of {ports}", port=port, ports=", ".join(map(str, sorted(ports)))))
    return Target(scheme, host, port, path + query)


def _ascii_host(host: str) -> str:
    """The host as DNS and `ipaddress` write it; empty if it is neither a name nor an address."""
    if ":" in host:
        address = ipaddress.IPv6Address(host)
        return "" if address.scope_id else str(address)
    # Folds full-width digits and dots too, so it comes before the look for an address.
    name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    if _NUMBER_LIKE.fullmatch(name.rpartition(".")[2]):
        # Ends in a number, so programs read it as an address, in octal (0177.0.0.1), in hexadecimal, as one
        # number (2130706433) or short (127.1). The plain form is the only one taken.
        return str(ipaddress.IPv4Address(name))
    return name if _NAME.fullmatch(name) and len(name) <= 253 else ""
