"""Output of commands: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagepass.cli.texts import language, text

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

_as_json = False


def _choose_json(value: bool) -> bool:
    global _as_json
    _as_json = _as_json or value
    return value


Json = Annotated[
    bool,
    typer.Option("--json", help="Print JSON on standard output, and nothing else there.", callback=_choose_json),
]


def as_json() -> bool:
    """Whether ``--json`` was given."""
    return _as_json


def out() -> "Console":
    """Standard output, for people."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def err() -> "Console":
    """Standard error, for people."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def emit(value: Any) -> None:
    """One JSON value on one line of standard output."""
    print(json.dumps(value, ensure_ascii=False, separators=(",", ":")), flush=True)


def emit_view(record: "BaseModel") -> None:
    """A record as the API answers it, on one line of standard output."""
    print(record.model_dump_json(), flush=True)


def note(code: str, /, style: str = "dim", **parameters: Any) -> None:
    """A remark on standard error."""
    from rich.text import Text

    err().print(Text(text(code, **parameters), style=style))


def waiting(problem: Exception) -> None:
    """Say what a start waits for."""
    from stagepass.content.translate import translated

    note("up.waiting", style="yellow", problem=translated(problem.args[0], language()))


def warn(warning: str) -> None:
    """Say what is right to know about the settings."""
    from stagepass.content.translate import translated

    note("up.warning", style="yellow", warning=translated(warning, language()))


def complain(message: str, code: str, details: dict[str, Any] | None = None) -> None:
    """Print why the command failed: on standard error, and with ``--json`` also on standard output."""
    from rich.text import Text

    from stagepass.content.translate import translated

    message = translated(message, language())
    errors = [
        {**entry, "message": translated(entry["message"], language())} for entry in (details or {}).get("errors", [])
    ]
    err().print(Text.assemble((text("error"), "bold red"), ": ", message))
    for other in errors[1:]:  # the first is the message itself
        err().print(Text(f"       {other['field']}: {other['message']}"))
    if _as_json:
        facts = {**(details or {}), **({"errors": errors} if errors else {})}
        emit({"error": {"code": code, "message": message, **facts}})


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str, states: str = "") -> None:
    """Rows for people; tab-separated in a pipe, so that `cut` and `awk` can read them.

    Args:
        empty: code of the text shown on a terminal when there are no rows.
        states: prefix of the codes that name the states in the column ``state`` (``run``: ``run.failed``).
            A pipe gets the states as they are stored.
    """
    rows = [[str(cell) if cell is not None else "" for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    if not rows:
        note(empty)
        return
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold dim", padding=(0, 2, 0, 0))
    for name in columns:
        made.add_column(text(f"column.{name}"), overflow="fold")
    for row in rows:
        cells = zip(columns, row, strict=True)
        made.add_row(*(Text(_shown(name, cell, states), style=STYLES.get(cell, "")) for name, cell in cells))
    from rich.console import Console

    Console(highlight=False).print(made)


def _shown(column: str, cell: str, states: str) -> str:
    return text(f"{states}.{cell}") if states and column == "state" else cell


STYLES = {
    "completed": "green",
    "failed": "bold red",
    "cancelled": "yellow",
    "held": "magenta",
    "running": "cyan",
    "retrying": "yellow",
}
"""Style by state."""


def when(milliseconds: int | None) -> str | None:
    """A time as ISO 8601 in UTC."""
    if milliseconds is None:
        return None
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ago(milliseconds: int, now: int) -> str:
    """Rough age, for a table."""
    seconds = max(0, (now - milliseconds) // 1000)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def spoken(seconds: float) -> str:
    """A span of time in words, in the reader's language: ``10 s``, ``5 min``, ``7 days``."""
    from stagepass.content.translate import translated
    from stagepass.spans import in_words

    return translated(in_words(seconds), language())


def lasted(seconds: float) -> str:
    """A span of time: ``0:07``, ``12:31``, ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
