"""Forms that settings have to keep, and the nearest setting for a name that is none. Errors are for people."""

import difflib
import ipaddress
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from stagepass.sentences import sentence

HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")
ORIGIN = re.compile(rf"[a-z][a-z0-9+.-]{{0,30}}://(?P<host>{HOST.pattern})")
ADDRESS = re.compile(rf"{ORIGIN.pattern}(?:[/?#]|$)", re.IGNORECASE)

_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
_RESERVED = {"host", "cookie", "authorization", "content-length", "content-type", "connection", "transfer-encoding"}

_LIKE = 0.85
"""How alike a name has to be to a setting's to be taken for a slip of the pen, from 0 to 1."""


def host_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of hosts, in lower case."""
    for name in names:
        if not HOST.fullmatch(name):
            raise ValueError(
                sentence("{name} is not a host name; write names such as api.example.org", name=f"{name[:60]!r}")
            )
    return tuple(name.lower() for name in names)


def networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Networks of gateways."""
    for text in texts:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            raise ValueError(
                sentence("{text} is not a network; write networks such as 10.0.0.0/8,::1/128", text=f"{text[:60]!r}")
            ) from None
    return texts


def public_url(url: str) -> str:
    """The address of the API as clients know it."""
    found = ADDRESS.match(url)
    if url and (not found or not url.lower().startswith(("http://", "https://"))):
        raise ValueError(sentence("{url} is not an address such as https://api.example.org", url=f"{url[:100]!r}"))
    return url


def header_name(name: str) -> str:
    """A header that names the user."""
    if not _HEADER.fullmatch(name) or name.lower() in _RESERVED:
        raise ValueError(sentence("{name} cannot name the user; write a name such as X-User-ID", name=f"{name[:60]!r}"))
    return name


def misspelled(given: Iterable[str], known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names that are no settings, each with the setting that was probably meant."""
    settings = sorted(set(known))
    for name in sorted(set(given)):
        bare = name.upper().removeprefix("STAGEPASS_")
        if name.upper() in settings:
            continue
        if bare != name.upper() and bare in settings:
            yield name, bare
        elif close := difflib.get_close_matches(bare, settings, n=1, cutoff=_LIKE):
            yield name, close[0]
        elif (
            bare.count("_") and (longer := [one for one in settings if one.startswith(f"{bare}_")]) and len(longer) == 1
        ):
            yield name, longer[0]


def split(value: Any) -> Any:
    """The parts of a list that is written with commas; other values are left to the model."""
    return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value


def folder(value: str) -> str:
    """A folder that is there, or nothing."""
    if value and not Path(value).expanduser().is_dir():
        raise ValueError(sentence("there is no such folder"))
    return value
