"""The state of a watched job: updated by its events, drawn by `live` or printed by `lines`."""

import time
from dataclasses import dataclass, field
from typing import Any

from stagepass.declare.pipeline import Pipeline
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import Event, Job

MARKS = {
    "pending": "○",
    "running": "●",
    "waiting": "◔",
    "retrying": "↻",
    "held": "‖",
    "parked": "?",
    "completed": "✓",
    "skipped": "–",
    "failed": "✗",
    "cancelled": "✗",
}


@dataclass(slots=True)
class Row:
    """One stage of the job, with all of its items.

    Attributes:
        items: by item number (None for a stage without `each`): how much of it is done, from 0 to 1.
        total: how many stage runs there are, as far as is known.
        began, ended: milliseconds since the epoch.
    """

    name: str
    after: tuple[str, ...]
    state: str = "pending"
    items: dict[int | None, float] = field(default_factory=dict)
    total: int = 1
    message: str | None = None
    began: int | None = None
    ended: int | None = None

    @property
    def fraction(self) -> float:
        """Progress of the stage, 0 to 1."""
        if self.state in ("completed", "skipped"):
            return 1.0
        return min(1.0, sum(self.items.values()) / max(1, self.total))

    @property
    def done(self) -> int:
        """Items that are done."""
        return sum(1 for fraction in self.items.values() if fraction >= 1.0)

    def seconds(self, now: int | None = None) -> float:
        """Elapsed time, in seconds."""
        if self.began is None:
            return 0.0
        return ((self.ended or now or int(time.time() * 1000)) - self.began) / 1000


class Board:
    """The stages of one job, in the order of their declaration."""

    def __init__(self, job: Job, pipeline: Pipeline | None) -> None:
        self.job = job
        self.began = job.created_at
        stages = pipeline.stages.values() if pipeline else ()
        self.rows = {stage.name: Row(stage.name, tuple(parent.name for parent in stage.after)) for stage in stages}
        self._take_totals(job)

    def refresh(self, job: Job) -> None:
        """The job as it is stored now: its state, its error, and how many items its stages have."""
        self.job = job
        self._take_totals(job)

    def _take_totals(self, job: Job) -> None:
        for name, tally in job.tally.items():
            self._row(name).total = tally.total

    def _row(self, name: str) -> Row:
        return self.rows.setdefault(name, Row(name, ()))

    def take(self, news: Event | Tick) -> None:
        """Note what an event or a tick of progress tells."""
        if isinstance(news, Tick):
            row = self._row(news.stage)
            row.items[news.item] = min(news.fraction, 0.999)
            row.message = news.message or row.message
        elif news.stage is not None and news.type.startswith("stage."):
            self._take_stage(self._row(news.stage), news)
        elif news.type == "job.resumed":
            self._reopen(set(news.data.get("kept", ())))

    def _take_stage(self, row: Row, event: Event) -> None:
        what = event.type.removeprefix("stage.")
        over = what in ("completed", "skipped", "cancelled", "failed")
        if what == "started" and row.began is None:
            row.began = event.at
        if what in ("completed", "skipped"):
            row.items[event.item] = 1.0
        row.message = None if what in ("started", "completed") else event.data.get("message")
        row.state = "running" if what in ("started", "rescued", "decided", "answered") else what
        if over and event.item is not None and row.done < row.total and what != "failed":
            row.state = "running"  # other items are still running
        elif over:
            row.ended = event.at

    def _reopen(self, kept: set[str]) -> None:
        for name, row in self.rows.items():
            if name not in kept:
                self.rows[name] = Row(name, row.after, total=row.total)


def result_of(job: Job, result: Any) -> dict[str, Any]:
    """The end of a job, for programs."""
    return {"id": job.id, "state": job.state.value, "error": job.error, "result": result}
