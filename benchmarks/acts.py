"""What a person's act, or a failure, costs the committing thread of a process, beside a job with large outputs.

python -m benchmarks.acts [--items 1000] [--open 10] [--bytes 200000] [--database-url postgresql://…]

With ``--open`` as large as ``--items``, an act ends or revives every item of the map.
"""

import argparse
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from stagepass import Pipeline, heap
from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operations import Settle
from stagepass.engine.engine import OPERATOR
from stagepass.engine.execute.runner import MAX_OUTPUT
from stagepass.engine.model.ids import new_id, run_id
from stagepass.engine.model.outcomes import Completed, Failure
from stagepass.engine.model.records import Job, StageRun, Tally
from stagepass.engine.model.states import JobState, RunState
from stagepass.engine.model.transaction import Changes
from stagepass.errors import Permanent
from stagepass.testing import Lab

PAGE = 100


class Sheet(BaseModel):
    """The input of the measured pipeline."""

    pages: list[str] = []
    text: str = ""


sheets = Pipeline("sheets", input=Sheet)


@sheets.stage()
def split(request: Sheet) -> Sheet:
    """The list."""
    return request


@sheets.stage(after=split, each="split.pages")
def read(item: str) -> str:
    """One item."""
    return item


@sheets.stage(after=read)
def join() -> int:
    """The fan-in; it asks for nothing, so that only the engine's own reads are seen."""
    return 0


def main() -> None:
    """Measure each act on jobs of its own, once for time and once for memory, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--open", type=int, default=10, help="items that are not done yet")
    parser.add_argument("--bytes", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database-url", default=None, help="an empty database; by default SQLite in a folder")
    options = parser.parse_args()
    heap.settle()  # as the processes of an installation do
    with Lab(sheets, database_url=options.database_url) as lab:
        acts: dict[str, Callable[[], Callable[[], Any]]] = {
            "cancel": lambda: _act(lab, options, JobState.RUNNING, lab.engine.cancel),
            "resume": lambda: _act(lab, options, JobState.CANCELLED, lab.engine.resume),
            "failure": lambda: _settle(lab, options, Failure(Permanent("no"))),
            "an item done": lambda: _settle(lab, options, Completed('"x"')),
        }
        print(
            f"{options.items} items with outputs of {options.bytes:,} bytes, {options.open} of them open; {lab.store.dialect}"
        )
        print(f"{'':14}{'ms':>8}{'cpu ms':>8}{'MB':>8}   (medians of {options.rounds}; the most of one)")
        for name, prepare in acts.items():
            times = [_milliseconds(prepare()) for _ in range(options.rounds)]
            wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
            print(f"{name:14}{wall:8.1f}{cpu:8.1f}{_megabytes(prepare()):8.2f}")


def _act(
    lab: Lab, options: argparse.Namespace, state: JobState, act: Callable[[str, str | None], Job]
) -> Callable[[], Any]:
    job = _job(lab, options, state)
    return lambda: act(job.id, OPERATOR)


def _settle(lab: Lab, options: argparse.Namespace, outcome: Any) -> Callable[[], Any]:
    _job(lab, options, JobState.RUNNING)
    (claimed,) = lab.engine.committer.do(Claim(("sheets.read",), 1, lab.worker)).claimed
    return lambda: lab.engine.committer.do(Settle(claimed, outcome))


def _job(lab: Lab, options: argparse.Namespace, state: JobState) -> Job:
    """A job whose items are done, but for a few, written as it would be found; those of before are gone."""
    lab.store.delete_jobs(lab.store.owner_jobs("bench", 10))
    given = json.dumps("x" * (MAX_OUTPUT // options.items - 10))  # a list has the room of one output
    output, done = json.dumps("x" * options.bytes), options.items - options.open
    tally = {"split": Tally(1, 1), "read": Tally(options.items, done)}
    job = Job(new_id(), "sheets", 1, "bench", "{}", 1, 1, state=state, tally=tally)
    job.input = Sheet(text="y" * options.bytes).model_dump_json()
    first = StageRun(run_id(job.id, "split"), job.id, "sheets", 1, "split", "sheets.split", "bench", 1)
    first = replace(first, state=RunState.COMPLETED, output="{}")
    left = RunState.READY if state is JobState.RUNNING else RunState.CANCELLED
    runs = [first] + [
        replace(
            first,
            id=run_id(job.id, "read", item),
            stage="read",
            queue="sheets.read",
            item=item,
            item_input=given,
            state=RunState.COMPLETED if item < done else left,
            output=output if item < done else None,
        )
        for item in range(options.items)
    ]
    with lab.store.begin() as tx:
        tx.save(Changes(new_jobs=[job]))
    for start in range(0, len(runs), PAGE):
        with lab.store.begin() as tx:
            tx.save(Changes(new_runs=runs[start : start + PAGE]))
    return job


def _milliseconds(act: Callable[[], Any]) -> tuple[float, float]:
    """From asking to the answer, and of it this process's own: no other work is under way in it."""
    began, computed = time.perf_counter(), time.process_time()
    act()
    return (time.perf_counter() - began) * 1000, (time.process_time() - computed) * 1000


def _megabytes(act: Callable[[], Any]) -> float:
    """The most that Python held at once."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main()
