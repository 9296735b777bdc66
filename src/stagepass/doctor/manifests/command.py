"""What a command line runs: which role of Stagepass, which queues, with which pool."""

import shlex
from collections.abc import Sequence

from stagepass.doctor.manifests.model import Process

_ROLES = {"api": "api", "worker": "worker", "relay": "relay", "up": "up", "db": "migrate"}

_SHELLS = ("sh", "bash", "/bin/sh", "/bin/bash")


def words_of(command: object) -> list[str]:
    """A command as its words, whichever way it is written."""
    if isinstance(command, str):
        try:
            return shlex.split(command)
        except ValueError:
            return command.split()
    if isinstance(command, list):
        words = [str(word) for word in command]
        if len(words) == 3 and words[0] in _SHELLS and words[1].startswith("-"):
            return words_of(words[2].rpartition("&&")[2])
        return words
    return []


def read_command(process: Process, words: Sequence[str]) -> None:
    """Fill in the role, queues, pool, slots and port of a process."""
    process.command = list(words)
    rest = [word for word in words if "=" not in word or word.startswith("-")]
    rest = [word for word in rest if word not in ("exec", "env", "tini", "--", "dumb-init")]
    name = rest[0].rpartition("/")[2] if rest else ""
    if "celery" in (word.rpartition("/")[2] for word in rest[:4]):
        _celery(process, rest)
        return
    if name.startswith("python") and len(rest) > 2 and rest[1] == "-m" and rest[2].startswith("stagepass"):
        rest = ["stagepass", *rest[3:]]
    elif name.startswith("uvicorn") and any("stagepass" in word for word in rest):
        process.role, process.port = "api", _number(_option(rest, "--port")) or 8000
        return
    elif name == "stagepass":
        rest = ["stagepass", *rest[1:]]
    elif name in _ROLES:  # the image's entry point is stagepass
        rest = ["stagepass", *rest]
    else:
        return
    if len(rest) < 2 or rest[1] not in _ROLES:
        return
    process.role = _ROLES[rest[1]]
    if process.role == "worker":
        process.queues = ("*",) if "--all" in rest else tuple(_positional(rest[2:]))
        process.pool = _option(rest, "--pool") or ""
        process.slots = _number(_option(rest, "-c") or _option(rest, "--concurrency"))
    if process.role in ("api", "up"):
        process.port = _number(_option(rest, "--port")) or _number(process.value("PORT")) or 8000


def _celery(process: Process, words: Sequence[str]) -> None:
    if "worker" not in words:
        return
    app = _option(words, "-A") or _option(words, "--app") or ""
    if not app.startswith("stagepass"):
        return
    process.role = "worker"
    queues = _option(words, "-Q") or _option(words, "--queues") or ""
    process.queues = tuple(filter(None, queues.split(","))) or ("*",)
    process.pool = _option(words, "-P") or _option(words, "--pool") or "prefork"
    process.slots = _number(_option(words, "-c") or _option(words, "--concurrency"))


def _option(words: Sequence[str], name: str) -> str | None:
    for number, word in enumerate(words):
        if word == name and number + 1 < len(words):
            return words[number + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _positional(words: Sequence[str]) -> list[str]:
    found, skip = [], False
    for word in words:
        if skip or word.startswith("-"):
            skip = not skip and word.startswith("-") and "=" not in word
            continue
        found.append(word)
    return found


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
