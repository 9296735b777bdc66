"""Docker Compose files."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stagepass.doctor.manifests.command import read_command, words_of
from stagepass.doctor.manifests.lined import Lined, child
from stagepass.doctor.manifests.model import Deployment, Process, Value
from stagepass.doctor.manifests.variables import read_lines

_REFERENCE = re.compile(r"\$\{?([A-Za-z_]\w*)(?::?([-?+])([^}]*))?\}?")

HIDDEN = "***"
"""Stands for a part of a value that is not in the file."""


def read(deployment: Deployment, document: Lined, file: Path) -> None:
    """The services of one file."""
    beside = file.parent / ".env"
    known = (
        {name: value for _, name, value in read_lines(beside.read_text("utf-8", "replace"))} if beside.is_file() else {}
    )
    services = child(document, "services")
    for name, service in services.items():
        deployment.services.add(name)
        if isinstance(service, Lined):
            deployment.processes.append(_process(deployment, name, service, file, services.lines[name], known))


def _process(
    deployment: Deployment, name: str, service: Lined, file: Path, line: int, known: Mapping[str, str]
) -> Process:
    process = Process(name, str(file), line, "compose", image=str(service.get("image", "")))
    for named in _files(service.get("env_file")):
        _read_file(deployment, process, file.parent / named, service.lines.get("env_file", line))
    given = service.get("environment")
    if isinstance(given, Lined):
        for key, value in given.items():
            process.environment[key] = _value(value, known, str(file), given.lines[key])
    for entry in given if isinstance(given, list) else ():
        key, sign, value = str(entry).partition("=")
        process.environment[key] = _value(
            value if sign else f"${{{key}}}", known, str(file), service.lines["environment"]
        )
    entry_point = words_of(service.get("entrypoint"))
    read_command(process, [*entry_point, *words_of(service.get("command"))])
    process.grace = seconds(service.get("stop_grace_period"), default=10.0)
    probe = child(service, "healthcheck").get("test")
    process.probe = " ".join(map(str, probe)) if isinstance(probe, list) else str(probe or "")
    process.replicas = int(child(service, "deploy").get("replicas") or service.get("scale") or 1)
    process.restarts = service.get("restart", "no") not in ("no", False) or bool(
        child(service, "deploy", "restart_policy")
    )
    process.mounts = tuple(_mounts(service.get("volumes")))
    process.published = tuple(_published(service.get("ports")))
    return process


def _files(given: Any) -> list[str]:
    entries = given if isinstance(given, list) else [given] if given else []
    return [str(entry.get("path") if isinstance(entry, dict) else entry) for entry in entries]


def _read_file(deployment: Deployment, process: Process, path: Path, line: int) -> None:
    if not path.is_file():
        deployment.problems.append((process.file, line, f"{process.name}: the file {path.name} is not there"))
        return
    for number, name, value in read_lines(path.read_text("utf-8", "replace")):
        process.environment[name] = Value(value, str(path), number, source="file")


def _value(given: Any, known: Mapping[str, str], file: str, line: int) -> Value:
    text = "" if given is None else str(given).lower() if isinstance(given, bool) else str(given)
    unknown = False

    def fill(match: re.Match[str]) -> str:
        nonlocal unknown
        if known.get(match[1]):
            return known[match[1]]
        if match[2] == "-":
            return match[3]
        unknown = True
        return HIDDEN

    filled = _REFERENCE.sub(fill, text)
    source = text if filled != text else ""
    return Value(None if unknown and filled == HIDDEN else filled, file, line, source)


def seconds(given: Any, default: float | None = None) -> float | None:
    """``1m30s``, ``90``, ``90s`` in seconds."""
    if given is None:
        return default
    text = str(given).strip()
    if text in ("infinity", "0"):
        return float("inf")
    units = {"h": 3600.0, "min": 60.0, "m": 60.0, "sec": 1.0, "s": 1.0, "ms": 0.001, "": 1.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(min|ms|sec|h|m|s|)", text)
    return sum(float(number) * units[unit] for number, unit in parts) if parts else default


def _mounts(given: Any) -> list[tuple[str, str]]:
    found = []
    for entry in given if isinstance(given, list) else ():
        if isinstance(entry, dict):
            found.append((str(entry.get("source", "")), str(entry.get("target", ""))))
        else:
            source, _, target = str(entry).partition(":")
            found.append((source, target.partition(":")[0]))
    return [(source, target) for source, target in found if source and target]


def _published(given: Any) -> list[int]:
    """Container ports that any machine can reach."""
    found = []
    for entry in given if isinstance(given, list) else ():
        if isinstance(entry, dict):
            if not str(entry.get("host_ip", "")).startswith("127."):
                found.append(str(entry.get("target", "")))
            continue
        text = str(entry).partition("/")[0]
        if not text.startswith(("127.0.0.1:", "localhost:")):
            found.append(text.rpartition(":")[2])
    return [int(port) for port in found if port.isdigit()]
