"""Draws a board on a terminal: a bar per stage, redrawn a few times a second."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stagepass.cli.board import MARKS, Board, Row
from stagepass.cli.output import STYLES, lasted
from stagepass.cli.texts import text

BAR = 28


class Picture:
    """A board as Rich draws it; redrawn each time, so that its clocks advance."""

    def __init__(self, board: Board) -> None:
        self.board = board

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        job = self.board.job
        yield Text.assemble(
            (job.pipeline, "bold"),
            f" {job.id} ",
            (text(f"state.{job.state}"), STYLES.get(job.state, "")),
        )
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(width=BAR)
        table.add_column(justify="right", no_wrap=True, min_width=6)
        table.add_column(justify="right", no_wrap=True, min_width=5)
        table.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
        for row in self.board.rows.values():
            style = STYLES.get(row.state, "dim")
            table.add_row(
                Text(MARKS.get(row.state, "·"), style=style),
                Text(row.name, style="" if row.state != "pending" else "dim"),
                ProgressBar(total=1.0, completed=row.fraction, width=BAR, complete_style=style, finished_style=style),
                _amount(row),
                Text(lasted(row.seconds()) if row.began else "", style="dim"),
                Text(_saying(self.board, row), style="dim"),
            )
        yield table


def _amount(row: Row) -> Text:
    if row.state == "pending":
        return Text("")
    if row.total != 1:
        return Text(f"{row.done}/{row.total}")
    return Text(f"{row.fraction:.0%}") if row.fraction else Text("")


def _saying(board: Board, row: Row) -> str:
    if row.state == "pending":
        open_ = [name for name in row.after if board.rows[name].state not in ("completed", "skipped")]
        return text("watch.after", stages=", ".join(open_)) if open_ else text("watch.queued")
    said = text(f"run.{row.state}") if row.state not in ("running", "completed") else ""
    return " · ".join(filter(None, (said, row.message)))


def live(board: Board, console: Console) -> Live:
    """The board as a live picture on this console."""
    return Live(Picture(board), console=console, refresh_per_second=8, transient=False)
