"""How long work stands still after a `kill -9` in its middle, on every backend; beside it, Celery alone and DBOS.

python -m benchmarks.recovery [--kills 50] [--backend postgresql+rabbitmq ...] [--peers] [--write]
"""

import argparse
import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.recovery import report
from benchmarks.recovery.lanes import measure
from benchmarks.recovery.place import Place
from benchmarks.recovery.report import Row
from benchmarks.recovery.sides import CeleryAlone, Dbos, Side, Stagepass

BACKENDS = {
    "sqlite+redis": ("sqlite", "Redis"),
    "postgresql+redis": ("postgresql", "Redis"),
    "mariadb+redis": ("mariadb", "Redis"),
    "postgresql+rabbitmq": ("postgresql", "RabbitMQ"),
}
MAKING = threading.Lock()
"""A side is made by importing its modules, which is not for several threads at once."""

SLOW_KILLS = 3
"""Kills where a system takes its two minutes, or does not recover in them."""


def main() -> None:
    """Each backend's scenarios, then the peers'; prints a table, and writes it down with --write."""
    options = _options()
    chains = [partial(_backend, options=options, backend=backend) for backend in options.backend]
    if options.peers:
        chains += [partial(_celery, options=options), partial(_dbos, options=options)]
    with report.watched_load() as load, ThreadPoolExecutor(options.together) as pool:
        rows = [row for chain in [pool.submit(chain) for chain in chains] for row in chain.result()]
    text = report.table(rows, options, (min(load), max(load)))
    print(text)
    if options.write:
        report.write(text)


def _backend(options: argparse.Namespace, backend: str) -> list[Row]:
    database, broker = BACKENDS[backend]
    label = f"Stagepass, {report.NAMES[database]} + {broker}"
    apart = partial(Stagepass, database=database, broker=broker, elsewhere=True)
    here = partial(Stagepass, database=database, broker=broker, elsewhere=False)
    return [
        _run(options, label, report.ELSEWHERE, options.kills, apart),
        _run(options, label, report.SAME_MACHINE, options.kills, here),
        _run(options, label, report.RESTARTED, options.restarts, here, another=False),
    ]


def _celery(options: argparse.Namespace) -> list[Row]:
    slow = min(SLOW_KILLS, options.kills)
    return [
        _run(
            options,
            f"Celery alone, {label}",
            report.ALIVE,
            kills,
            partial(CeleryAlone, broker=broker, visibility=visibility),
        )
        for label, kills, broker, visibility in (
            ("RabbitMQ", options.kills, "RabbitMQ", ""),
            ("Redis, its defaults", slow, "Redis", ""),
            ("Redis, visibility_timeout=10", slow, "Redis", "10"),
        )
    ]


def _dbos(options: argparse.Namespace) -> list[Row]:
    if not Path(options.peers_python).exists():
        print(f"DBOS is left out: there is no {options.peers_python}; `make recovery` makes it")
        return []
    slow = min(SLOW_KILLS, options.kills)
    restarts = min(options.restarts, 10)  # each leaves an executor behind, and all together fill the database
    make = partial(Dbos, interpreter=str(Path(options.peers_python).absolute()))
    same = f"{report.RESTARTED}, under the same executor id"
    return [
        _run(options, "DBOS, PostgreSQL", report.ALIVE, slow, partial(make, same=False)),
        _run(options, "DBOS, PostgreSQL", same, restarts, partial(make, same=True), another=False),
    ]


def _run(
    options: argparse.Namespace,
    label: str,
    scenario: str,
    kills: int,
    make: Callable[[Place], Side],
    *,
    another: bool = True,
) -> Row:
    with Place() as place:
        with MAKING:
            side = make(place)
        try:
            seen = measure(side, kills, lanes=min(options.lanes, kills), another=another, seed=options.seed)
        finally:
            side.close()
    gc.collect()
    row = Row(label, scenario, seen)
    print(report.line(row), flush=True)
    return row


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="kills of each scenario with another worker alive")
    parser.add_argument("--restarts", type=int, default=10, help="kills of the only worker")
    parser.add_argument(
        "--lanes", type=int, default=2, choices=range(1, 5), help="kills of one scenario that may overlap"
    )
    parser.add_argument("--together", type=int, default=1, help="backends and peers that are measured at a time")
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="may be repeated; default: all")
    parser.add_argument("--peers", action="store_true", help="measure Celery alone and DBOS as well")
    parser.add_argument("--peers-python", default=".venv-peers/bin/python", help="a Python with DBOS")
    parser.add_argument("--seed", type=int, default=1, help="of the moments between begin and kill")
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md")
    options = parser.parse_args()
    options.backend = options.backend or list(BACKENDS)
    return options


if __name__ == "__main__":
    main()
