"""What one item of a fan-out costs, and whether that grows with the list.

python -m benchmarks.fanout [--items 10 100 1000 10000] [--database-url postgresql://…] [--write]
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.sides import Stagepass
from stagepass.embedded.redis import EmbeddedRedis

DOCS = Path(__file__).parent.parent / "docs" / "patterns.md"
SLOTS = 32
PER_SIZE = 2000
"""Items in all that a size is measured with, at the least: small lists are run several times."""


def main() -> None:
    """Run each size, print the table, and write it down with --write."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="stagepass-fanout-"))
    redis = EmbeddedRedis(folder)
    redis.prepare()
    server = subprocess.Popen(redis.argv(), stdout=subprocess.DEVNULL)
    redis.wait_ready()
    side = Stagepass(folder, redis.socket, SLOTS, options.database_url)
    try:
        run(side, 100)  # warm
        rows = [(items, *_measure(side, items)) for items in options.items]
    finally:
        side.stop()
        server.terminate()
        server.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)
    report = _report(rows, options)
    print(report)
    if options.write:
        _write(report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--database-url", default="", help="by default SQLite in a folder of its own")
    parser.add_argument("--write", action="store_true", help="write the table into docs/patterns.md")
    return parser.parse_args()


def run(side: Stagepass, items: int) -> float:
    """One fan-out to its end. Returns seconds."""
    ended = threading.Event()
    side.done = lambda job: ended.set()
    began = time.perf_counter()
    job = side.system.engine.submit("bench_fanout", {"items": items}).job
    if not ended.wait(timeout=600):
        raise TimeoutError(f"{items} items were not done in 600 s")
    seconds = time.perf_counter() - began
    result = side.system.engine.result(side.system.engine.job(job.id, None))
    if result != items * (items + 1) // 2:
        raise AssertionError(f"the fan-in of {items} items gave {result}")
    return seconds


Row = tuple[int, float, float, float, float | None]
"""How often it was run, seconds of one run, and ms per item: in all, of the worker's CPU, of the database's CPU."""


def _measure(side: Stagepass, items: int) -> Row:
    times = max(1, min(50, PER_SIZE // items))
    cpu, database = side.worker_cpu(), side.database_cpu()
    seconds = [run(side, items) for _ in range(times)]
    cpu = side.worker_cpu() - cpu
    after = side.database_cpu()
    served = (after - database) / times / items * 1000 if after else None
    median = statistics.median(seconds)
    print(f"{items} items: {median:.2f} s, median of {times}")
    return times, median, median / items * 1000, cpu / times / items * 1000, served


def _report(rows: Sequence[tuple[int, *Row]], options: argparse.Namespace) -> str:
    database = options.database_url.partition(":")[0] or "sqlite"
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared with other work (load {os.getloadavg()[0]:.0f}), "
        f"{database}, Python {platform.python_version()}, Celery {version('celery')}, one worker with {SLOTS} threads.",
        "",
        "| items | runs | seconds | ms per item | worker CPU ms per item | database CPU ms per item |",
        "|---|---|---|---|---|---|",
    ]
    for n, times, s, ms, cpu, served in rows:
        last = "in the worker's" if served is None else f"{served:.2f}"
        lines.append(f"| {n:,} | {times} | {s:.2f} | {ms:.2f} | {cpu:.2f} | {last} |")
    return "\n".join(lines)


def _write(report: str) -> None:
    begin, end = "<!-- fanout:begin -->", "<!-- fanout:end -->"
    head, _, rest = DOCS.read_text().partition(begin)
    DOCS.write_text(f"{head}{begin}\n{report}\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
