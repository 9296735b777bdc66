"""Addresses of a Redis whose primary is found by Sentinel: ``sentinel://host:26379,host:26379/mymaster?db=0``."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from stagepass.errors import SettingsError
from stagepass.sentences import sentence

SCHEMES = ("sentinel", "redis+sentinel")
PORT = 26379


@dataclass(frozen=True, slots=True)
class Sentinels:
    """The Sentinels to ask, and the name of the primary that they watch.

    Attributes:
        username, password: of the Redis itself; the Sentinels' own is `sentinel_password`.
    """

    hosts: tuple[tuple[str, int], ...]
    primary: str
    db: int = 0
    username: str | None = None
    password: str | None = None
    sentinel_password: str | None = None

    def celery_url(self) -> str:
        """The same as kombu writes it: one URL per Sentinel, the name of the primary left to its options."""
        secret = f"{quote(self.username or '', safe='')}:{quote(self.password, safe='')}@" if self.password else ""
        return ";".join(f"sentinel://{secret}{_host(host)}:{port}/{self.db}" for host, port in self.hosts)

    def celery_options(self) -> dict[str, Any]:
        """Kombu options that are not part of the URL."""
        asked = {"password": self.sentinel_password} if self.sentinel_password else {}
        return {"master_name": self.primary, "sentinel_kwargs": {"socket_timeout": 2, **asked}}


def is_sentinel(url: str) -> bool:
    """Whether the address is one of Sentinels."""
    return url.partition("://")[0] in SCHEMES


def with_database(url: str, db: int) -> str:
    """The same address, for another database of the same server."""
    parts = urlsplit(url)
    kept = [part for part in parts.query.split("&") if part and not part.startswith("db=")]
    return parts._replace(query="&".join([*kept, f"db={db}"])).geturl()


def parse(url: str, setting: str) -> Sentinels:
    """Read such an address. Raises `SettingsError`, which names the setting."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    secret, _, hosts = parts.netloc.rpartition("@")
    username, _, password = secret.partition(":")
    try:
        found = tuple(_split(host) for host in hosts.split(",") if host)
        db = int(query.get("db", "0"))
    except ValueError:
        raise SettingsError(
            sentence("{setting}: the port and the database must be numbers; {form}", setting=setting, form=_FORM)
        ) from None
    if not found or not parts.path.strip("/"):
        raise SettingsError(
            sentence("{setting}: name the Sentinels and the primary they monitor; {form}", setting=setting, form=_FORM)
        )
    return Sentinels(
        found,
        parts.path.strip("/"),
        db,
        unquote(username) or None,
        unquote(password) or None,
        query.get("sentinel_password"),
    )


_FORM = "write sentinel://host:26379,host:26379/mymaster?db=0"


def _split(host: str) -> tuple[str, int]:
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
        return name, int(port.removeprefix(":") or PORT)
    name, _, port = host.partition(":")
    return name, int(port or PORT)


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name
