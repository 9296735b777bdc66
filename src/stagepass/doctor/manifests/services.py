"""Files of process managers: systemd, supervisor, Procfile."""

import re
import shlex
from configparser import ConfigParser, Error
from pathlib import Path

from stagepass.doctor.manifests.command import read_command, words_of
from stagepass.doctor.manifests.compose import seconds
from stagepass.doctor.manifests.model import Deployment, Process, Value
from stagepass.doctor.manifests.variables import read_lines

_GIVEN = re.compile(r'([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|\'[^\']*\'|[^,]*)')
_FROM_ENVIRONMENT = re.compile(r"%\(ENV_(\w+)\)s")


def read_systemd(deployment: Deployment, text: str, file: Path) -> None:
    """One unit."""
    process = Process(file.stem, str(file), 1, "systemd")
    process.restarts, process.grace = False, 90.0
    command = ""
    for number, line in enumerate(text.replace("\\\n", " ").splitlines(), 1):
        key, _, value = line.strip().partition("=")
        match key.strip():
            case "Environment":
                for pair in shlex.split(value):
                    name, _, given = pair.partition("=")
                    process.environment[name] = Value(given, str(file), number)
            case "EnvironmentFile":
                process.environment.setdefault("*", Value(None, str(file), number, value.strip().lstrip("-")))
            case "ExecStart":
                command, process.line = value.strip().lstrip("@-+!:"), number
            case "TimeoutStopSec":
                process.grace = seconds(value)
            case "Restart":
                process.restarts = value.strip() not in ("no", "")
    read_command(process, words_of(command))
    if process.role == "migrate":
        process.restarts = None
    deployment.processes.append(process)


def read_supervisor(deployment: Deployment, text: str, file: Path) -> None:
    """Every program of a file."""
    parser = ConfigParser(interpolation=None, strict=False, inline_comment_prefixes=(" ;",))
    try:
        parser.read_string(text)
    except Error as problem:
        deployment.problems.append((str(file), getattr(problem, "lineno", 1) or 1, str(problem).splitlines()[0]))
        return
    lines = {
        found[1]: n for n, line in enumerate(text.splitlines(), 1) if (found := re.match(r"\[program:([^\]]+)\]", line))
    }
    shared = _pairs(parser.get("supervisord", "environment", fallback=""), str(file), 1)
    for section in parser.sections():
        if not section.startswith("program:"):
            continue
        name, given = section.removeprefix("program:"), parser[section]
        line = lines.get(name, 1)
        process = Process(name, str(file), line, "supervisor", environment=dict(shared))
        process.environment |= _pairs(given.get("environment", ""), str(file), line)
        if shared or "environment" not in given:
            process.environment.setdefault("*", Value(None, str(file), line, "inherited"))
        process.grace = float(given.get("stopwaitsecs", "10"))
        process.replicas = int(given.get("numprocs", "1"))
        process.restarts = given.get("autorestart", "unexpected").lower() not in ("false", "0", "no")
        read_command(process, words_of(given.get("command", "")))
        deployment.processes.append(process)


def _pairs(text: str, file: str, line: int) -> dict[str, Value]:
    found = {}
    for name, given in _GIVEN.findall(text):
        value = given.strip().strip("\"'")
        reference = _FROM_ENVIRONMENT.search(value)
        found[name] = Value(None if reference else value, file, line, reference[0] if reference else "")
    return found


def read_procfile(deployment: Deployment, text: str, file: Path) -> None:
    """Each line is a process; its environment is the platform's."""
    for number, line in enumerate(text.splitlines(), 1):
        name, sign, command = line.partition(":")
        if sign and re.fullmatch(r"[A-Za-z0-9_-]+", name.strip()):
            process = Process(name.strip(), str(file), number, "procfile")
            process.environment["*"] = Value(None, str(file), number, "platform")
            read_command(process, words_of(command.strip()))
            deployment.processes.append(process)


def read_variables(deployment: Deployment, text: str, file: Path) -> None:
    """A file with variables alone."""
    deployment.variables += [(str(file), number, name, value) for number, name, value in read_lines(text)]
