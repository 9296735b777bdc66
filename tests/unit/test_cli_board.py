"""What a watched job looks like, after each piece of news."""

import io
from typing import Any

from pydantic import BaseModel
from rich.console import Console

from stagepass import Pipeline
from stagepass.cli.board import Board
from stagepass.cli.lines import Lines
from stagepass.cli.live import Picture
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import Event, Job, Tally


class Input(BaseModel):
    pages: list[str] = []


def board(tally: dict[str, Tally] | None = None) -> Board:
    pipeline = Pipeline("p", input=Input)

    @pipeline.stage()
    def split(request: Input) -> Input:
        return request

    @pipeline.stage(after=split, each="split.pages")
    def read(page: str) -> str:
        return page

    @pipeline.stage(after=read)
    def join(read: list[str]) -> str:
        return ""

    job = Job("j", "p", 1, "me", "{}", created_at=0, updated_at=0, tally=tally or {"split": Tally(1)})
    return Board(job, pipeline)


def event(type: str, stage: str | None, at: int = 1000, item: int | None = None, **data: Any) -> Event:
    return Event("j", 1, type, at, stage, item, data)


def drawn(board: Board) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(Picture(board))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_stage_goes_from_pending_to_done() -> None:
    found = board()
    assert found.rows["read"].state == "pending"
    found.take(event("stage.started", "split"))
    found.take(Tick("j", "split", None, 0.4, "cutting", 1200))
    assert (found.rows["split"].fraction, found.rows["split"].message) == (0.4, "cutting")
    assert "40%" in drawn(found)
    assert "cutting" in drawn(found)
    found.take(event("stage.completed", "split", 3000))
    row = found.rows["split"]
    assert (row.state, row.fraction, row.seconds(), row.message) == ("completed", 1.0, 2.0, None)


def test_items_of_a_list_make_one_bar() -> None:
    found = board({"split": Tally(1, 1), "read": Tally(4, 1)})
    for item in range(2):
        found.take(event("stage.started", "read", item=item))
    found.take(event("stage.completed", "read", item=0))
    found.take(Tick("j", "read", 1, 0.5, None, 1100))
    row = found.rows["read"]
    assert (row.state, row.done, row.total, row.fraction) == ("running", 1, 4, 0.375)
    assert "1/4" in drawn(found)


def test_a_retry_is_shown_with_its_reason() -> None:
    found = board()
    found.take(event("stage.started", "split"))
    found.take(event("stage.retrying", "split", code="transient", message="no answer", seconds=2.0, retries=3))
    assert found.rows["split"].state == "retrying"
    assert "no answer" in drawn(found)


def test_a_resumed_job_keeps_what_was_done_and_forgets_the_rest() -> None:
    found = board()
    found.take(event("stage.completed", "split"))
    found.take(event("stage.failed", "read", item=0, message="no"))
    found.take(event("job.resumed", None, kept=["split"]))
    assert (found.rows["split"].state, found.rows["read"].state) == ("completed", "pending")


def test_lines_leave_out_small_steps() -> None:
    found = board()
    console = Console(file=io.StringIO(), width=100)
    lines = Lines(found, console)
    for fraction in (0.1, 0.3, 0.4, 0.6):
        lines.take(Tick("j", "split", None, fraction, None, 1000))
    lines.take(event("stage.retrying", "split", 61_000, code="transient", message="no answer", seconds=2.0))
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        " 0:01 split 30%",
        " 0:01 split 60%",
        " 1:01 split attempt failed: no answer; retrying in 2 s",
    ]
