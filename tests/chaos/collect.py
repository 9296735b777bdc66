"""Reads what is known at the end: our store, the vendors' journals, the stages' diary."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from stagepass.store import SqlStore
from stagepass.store.tables import events, jobs, spends, stage_runs
from tests.chaos import shapes
from tests.chaos.clients import Clients
from tests.chaos.crowd import Crowd
from tests.chaos.history import Call, History, Kept, Noted
from tests.chaos.plan import Plan

LEAVES = {pipeline.name: pipeline.leaves[0].name for pipeline in shapes.PIPELINES}
"""The stage whose output is the job's."""


def collect(plan: Plan, clients: Clients, crowd: Crowd, store: SqlStore) -> History:
    """The history of a run that is over."""
    charges = [charge["reference"] for vendor in (crowd.shop, crowd.till) for charge in vendor.invoice()]
    return History(
        planned=[submission.job for submission in plan.submissions],
        told=clients.told,
        kept=read_store(store),
        charges=charges,
        calls=read_diary(crowd.diary),
    )


def read_store(store: SqlStore) -> list[Kept]:
    """Every job, with its events and what it spent."""
    noted = _events(store)
    spent = _spent(store)
    outputs = _outputs(store)
    return [
        Kept(
            row.id,
            row.owner,
            row.idempotency_key,
            row.state,
            row.seq,
            outputs.get(row.id),
            noted[row.id],
            spent[row.id],
        )
        for row in _all(store, sa.select(jobs))
    ]


def read_diary(path: Path) -> list[Call]:
    """The calls of stages, in the order in which they were made."""
    parts = (line.split(" ") for line in path.read_text().splitlines())
    return [Call(job, run, int(attempt)) for job, run, attempt, *_ in parts]


def _events(store: SqlStore) -> dict[str, list[Noted]]:
    found: dict[str, list[Noted]] = defaultdict(list)
    for row in _all(store, sa.select(events).order_by(events.c.job_id, events.c.seq)):
        run = (row.stage or "") + ("" if row.item is None else f".{row.item}")
        data = row.data if isinstance(row.data, dict) else json.loads(row.data or "{}")
        found[row.job_id].append(Noted(row.seq, row.type, run, data.get("attempt", 0)))
    return found


def _spent(store: SqlStore) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in _all(store, sa.select(spends)):
        found[row.job_id].append(row.model)
    return found


def _outputs(store: SqlStore) -> dict[str, Any]:
    c = stage_runs.c
    query = sa.select(c.job_id, c.pipeline, c.stage, c.output).where(c.output.is_not(None), c.item.is_(None))
    return {row.job_id: json.loads(row.output) for row in _all(store, query) if LEAVES.get(row.pipeline) == row.stage}


def _all(store: SqlStore, query: sa.Executable) -> Sequence[Any]:
    return store._all(query)
