"""How long work stands still after a `kill -9` in its middle, on every backend; beside it, Celery alone and DBOS.

python -m benchmarks.recovery [--kills 50] [--backend postgresql+rabbitmq ...] [--peers] [--write]
"""

import argparse
import gc
from collections.abc import Callable
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
SLOW_KILLS = 3
"""Kills where a system takes its two minutes, or does not recover in them."""


def main() -> None:
    """Each backend's scenarios, then the peers'; prints a table, and writes it down with --write."""
    options = _options()
    rows: list[Row] = []

    def run(label: str, scenario: str, kills: int, make: Callable[[Place], Side], *, another: bool) -> None:
        with Place() as place:
            side = make(place)
            try:
                seen = measure(side, kills, lanes=min(options.lanes, kills), another=another, seed=options.seed)
            finally:
                side.close()
        gc.collect()
        rows.append(Row(label, scenario, seen))
        print(report.line(rows[-1]), flush=True)

    for backend in options.backend:
        database, broker = BACKENDS[backend]
        label = f"Stagepass, {report.NAMES[database]} + {broker}"
        apart = partial(Stagepass, database=database, broker=broker, elsewhere=True)
        here = partial(Stagepass, database=database, broker=broker, elsewhere=False)
        run(label, report.ELSEWHERE, options.kills, apart, another=True)
        run(label, report.SAME_MACHINE, options.kills, here, another=True)
        run(label, report.RESTARTED, options.restarts, here, another=False)
    if options.peers:
        _peers(run, options)
    text = report.table(rows, options)
    print(text)
    if options.write:
        report.write(text)


def _peers(run: Callable[..., None], options: argparse.Namespace) -> None:
    slow = min(SLOW_KILLS, options.kills)
    for label, kills, broker, visibility in (
        ("RabbitMQ", options.kills, "RabbitMQ", ""),
        ("Redis, its defaults", slow, "Redis", ""),
        ("Redis, visibility_timeout=10", slow, "Redis", "10"),
    ):
        side = partial(CeleryAlone, broker=broker, visibility=visibility)
        run(f"Celery alone, {label}", report.ALIVE, kills, side, another=True)
    if not Path(options.peers_python).exists():
        print(f"DBOS is left out: there is no {options.peers_python}; `make recovery` makes it")
        return
    interpreter = str(Path(options.peers_python).absolute())
    run("DBOS, PostgreSQL", report.ALIVE, slow, partial(Dbos, interpreter=interpreter, same=False), another=True)
    run(
        "DBOS, PostgreSQL",
        report.RESTARTED + ", under the same executor id",
        options.restarts,
        partial(Dbos, interpreter=interpreter, same=True),
        another=False,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="kills of each scenario with another worker alive")
    parser.add_argument("--restarts", type=int, default=10, help="kills of the only worker")
    parser.add_argument("--lanes", type=int, default=2, choices=range(1, 5), help="kills that may overlap")
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
