"""An operator's action never buys silently: it continues with existing orders, or says that it buys again."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stagepass.engine.model.ids import stage_of
from stagepass.engine.model.orders import Anew, Order
from stagepass.engine.model.records import Job, StageRun
from stagepass.engine.model.states import DONE, RunState
from stagepass.engine.rules.unit_of_work import UnitOfWork
from stagepass.errors import Conflict
from stagepass.sentences import sentence

MOST_NAMED = 20
"""Orders that a refusal names."""

ByRun = Mapping[str, Sequence[Order]]
"""Orders by stage run."""


def orders_of(uow: UnitOfWork, job: Job, runs: Iterable[StageRun], others: Iterable[str] = ()) -> ByRun:
    """The orders of these runs of a job, with those of the jobs that they started.

    Args:
        others: ids of runs that may have orders although their rows are gone.
    """
    found: dict[str, list[Order]] = defaultdict(list)
    runs = list(runs)
    for order in uow.tx.orders(job.id, sorted({*others, *(run.id for run in runs)})):
        found[order.run_id].append(order)
    for run_id, children in uow.tx.started(sorted(run.id for run in runs)).items():
        found[run_id] += [replace(order, run_id=run_id) for order in _of_jobs(uow, children)]
    return {run_id: some for run_id, some in found.items() if some}


def _of_jobs(uow: UnitOfWork, job_ids: Sequence[str]) -> list[Order]:
    """The orders of child jobs, and of the jobs that those have started."""
    found: list[Order] = []
    left = list(job_ids)
    while left:
        child = left.pop()
        runs = sorted(run.id for run in uow.tx.runs_of(child, frozenset(RunState)))
        found += uow.tx.orders(child, runs)
        for grandchildren in uow.tx.started(runs).values():
            left += grandchildren
    return found


def refuse_open(uow: UnitOfWork, orders: ByRun, anew: Anew) -> None:
    """Raises `Conflict` if buying again would abandon an order that was not collected yet."""
    if anew is Anew.FORCE:
        return
    found = [order for run_id, some in orders.items() if _is_open(uow.runs.get(run_id)) for order in some]
    if found:
        raise Conflict(
            sentence(
                "{stage} has an order that was not collected yet: {orders}; continue with it, or send anew=force to "
                "buy again",
                stage=stage_of(found[0].run_id),
                orders=_named(found),
            ),
            **_details(found),
        )


def refuse_purchase(job: Job, name: str, orders: Iterable[Order]) -> None:
    """Raises `Conflict` where making a stage again means that these have to be bought again."""
    found = list(orders)
    if found:
        raise Conflict(
            sentence(
                "{stage} was bought for the {name} that is there: {orders}; to make both again and pay again, send "
                "anew=true",
                stage=stage_of(found[0].run_id),
                name=name,
                orders=_named(found),
            ),
            **_details(found),
        )


def _is_open(run: StageRun | None) -> bool:
    return run is None or run.state not in DONE


def _named(orders: Sequence[Order]) -> str:
    return "; ".join(map(str, orders[:MOST_NAMED])) + ("; …" if len(orders) > MOST_NAMED else "")


def _details(orders: Sequence[Order]) -> dict[str, Any]:
    return {
        "reason": "order",
        "usd": round(sum(order.usd for order in orders), 6) or None,
        "orders": [order.facts(stage_of(order.run_id)) for order in orders[:MOST_NAMED]],
    }
