"""nginx: which location serves which address, and what holds in it."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from stagepass.doctor.manifests.model import Deployment, Location

_TOKEN = re.compile(r"#[^\n]*|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[{};]|[^\s{};]+|\n")

_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}


@dataclass(slots=True)
class _Block:
    words: list[str]
    line: int
    directives: dict[str, list[list[str]]] = field(default_factory=dict)
    blocks: list["_Block"] = field(default_factory=list)


def read(deployment: Deployment, text: str, file: Path) -> None:
    """Every location of a server that leads to somewhere."""
    root = _parse(text)
    upstreams = _upstreams(root)
    for block, inherited in _servers(root):
        for location in block.blocks:
            if location.words[:1] == ["location"]:
                _location(deployment, location, inherited, str(file), upstreams)


def _parse(text: str) -> _Block:
    root = _Block([], 1)
    stack, line = [root], 1
    words: list[str] = []
    for token in _TOKEN.findall(text):
        if token == "\n":  # noqa: S105  (a line's end)
            line += 1
        elif token.startswith("#"):
            continue
        elif token == ";":  # noqa: S105
            if words:
                stack[-1].directives.setdefault(words[0], []).append(words[1:])
            words = []
        elif token == "{":  # noqa: S105
            block = _Block(words, line)
            stack[-1].blocks.append(block)
            stack.append(block)
            words = []
        elif token == "}":  # noqa: S105
            if len(stack) > 1:
                stack.pop()
            words = []
        else:
            words = [*words, token.strip("\"'")]
            line += token.count("\n")
    return root


def _servers(root: _Block) -> list[tuple[_Block, dict[str, list[list[str]]]]]:
    holders = (root, *(block for block in root.blocks if block.words[:1] == ["http"]))
    return [
        (block, {**root.directives, **holder.directives, **block.directives})
        for holder in holders
        for block in holder.blocks
        if block.words[:1] == ["server"]
    ]


def _upstreams(root: _Block) -> dict[str, str]:
    """The first server of each upstream, by its name."""
    holders = (root, *(block for block in root.blocks if block.words[:1] == ["http"]))
    return {
        block.words[1]: block.directives["server"][0][0]
        for holder in holders
        for block in holder.blocks
        if block.words[:1] == ["upstream"] and block.directives.get("server")
    }


def _location(
    deployment: Deployment, block: _Block, inherited: dict[str, list[list[str]]], file: str, upstreams: dict[str, str]
) -> None:
    found = {**inherited, **block.directives}
    if "proxy_pass" not in block.directives:
        return
    headers = {entry[0].lower(): " ".join(entry[1:]) for entry in found.get("proxy_set_header", ()) if entry}
    upstream = _last(found, "proxy_pass", "")
    for name, value in (entry[:2] for entry in found.get("set", ()) if len(entry) > 1):
        upstream = upstream.replace(name, value)
    for name, server in upstreams.items():
        upstream = upstream.replace(f"//{name}", f"//{server}")
    deployment.locations.append(
        Location(
            " ".join(block.words[1:]),
            file,
            block.line,
            buffering=_last(found, "proxy_buffering", "on") != "off",
            most_body=_size(_last(found, "client_max_body_size", "1m")),
            read_timeout=_seconds(_last(found, "proxy_read_timeout", "60s")),
            upstream=upstream,
            headers=headers,
        )
    )


def _last(found: dict[str, list[list[str]]], name: str, default: str) -> str:
    given = found.get(name)
    return given[-1][0] if given and given[-1] else default


def _size(text: str) -> int:
    text = text.lower()
    if text == "0":
        return 2**62
    number = text.rstrip("kmg")
    return int(number) * _UNITS.get(text[-1], 1) if number.isdigit() else 1024**2


def _seconds(text: str) -> float:
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|s|m|h|d|)", text))


def serving(locations: list[Location], path: str) -> Location | None:
    """The location that serves an address, by nginx's own order: exact, ``^~``, expressions, then the longest start."""
    best: Location | None = None
    length = -1
    for location in locations:
        kind, _, rest = location.path.partition(" ")
        if kind == "=" and rest == path:
            return location
        plain = rest if kind == "^~" else location.path
        if kind not in ("~", "~*", "=") and path.startswith(plain) and len(plain) > length:
            best, length = location, len(plain)
    if best is not None and best.path.startswith("^~"):
        return best
    for location in locations:
        kind, _, rest = location.path.partition(" ")
        if kind in ("~", "~*"):
            try:
                if re.search(rest, path, re.IGNORECASE if kind == "~*" else 0):
                    return location
            except re.error:
                continue
    return best
