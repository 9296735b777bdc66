"""``stagepass watch``: follow a job, and show its outcome."""

import json as json_
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagepass.cli.exits import Exit
from stagepass.cli.output import Json, as_json, emit, err, out
from stagepass.cli.texts import has, language, text

if TYPE_CHECKING:
    from stagepass.bootstrap import System
    from stagepass.engine.model.ports import Tick
    from stagepass.engine.model.records import Event, Job


def watch(
    job: Annotated[
        str,
        typer.Argument(metavar="JOB", help="Id of the job, as printed by `submit`, or the id that the client gave it."),
    ],
    json: Json = False,
) -> None:
    """Watch a job until it ends, with a progress bar per stage.

    Then prints the result, or the failure and the next step. A job that already ended is replayed.
    With --json, each event is one line and the last line is the outcome.

    [bold]Example[/bold]

      stagepass watch 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11
    """
    from stagepass.cli.find import job_id_of
    from stagepass.cli.installation import installation

    system = installation()
    found = system.engine.job(job_id_of(system, job), None)
    raise typer.Exit(show(system, found))


def show(system: "System", job: "Job", *, quiet: bool = False, result: bool = True) -> int:
    """Follow a job and tell its end.

    Args:
        quiet: tell the end only.
        result: print the result of a completed job.

    Returns:
        The exit code that its end stands for.
    """
    from stagepass.cli.board import Board, result_of
    from stagepass.cli.follow import follow
    from stagepass.cli.places import with_places

    board = Board(job, system.registry.find(job.pipeline, job.version))
    view, tell = _view(board, quiet)

    def take(news: "Event | Tick", stored: "Job | None") -> None:
        if stored is not None:
            board.refresh(stored)
        board.take(news)
        tell(news)

    with view:
        job = follow(system, job, take)
        board.refresh(job)
    value = with_places(system, system.engine.result(job))
    if as_json():
        emit({"type": "end", **result_of(job, value)})
    elif job.state == "completed":
        if result:
            print_result(value)
    else:
        explain(job)
    return code_of(job)


def _view(board: Any, quiet: bool) -> tuple[AbstractContextManager[Any], Any]:
    """Select the view: nothing, JSON lines, a live board, or plain lines."""
    if quiet:
        return nullcontext(), lambda news: None
    if as_json():
        from stagepass.bus.publish import as_json as shape

        return nullcontext(), lambda news: emit(shape(news))
    console = err()
    if console.is_terminal:
        from stagepass.cli.live import live

        return live(board, console), lambda news: None
    from stagepass.cli.lines import Lines

    return nullcontext(), Lines(board, console).take


def print_result(value: Any) -> None:
    """A job's result on standard output: coloured on a terminal, plain JSON in a pipe."""
    if sys.stdout.isatty():
        out().print_json(data=value, ensure_ascii=False)
    else:
        print(json_.dumps(value, ensure_ascii=False, indent=2))


def explain(job: "Job") -> None:
    """Why it did not complete, and what to do next."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    from stagepass.content.translate import stored_text

    error = job.error or {}
    code = str(error.get("code", job.state.value))
    stage = error.get("stage")
    lines = [Text(text(f"kind.{code}") if has(f"kind.{code}") else code, style="bold")]
    lines += [Text(said) for name in ("message", "advice") if (said := stored_text(error, name, language()))]
    undone = next((name for name in ("not_undone", "undone") if error.get(name)), None)
    keys = [f"next.{key}" for key in (undone or code, job.state.value)]
    advice = next((key for key in keys if has(key)), "next")
    todo = Text(text(advice, job=job.id, run=error.get("run_id", ""), provider=error.get("provider") or ""))
    title = text(f"ended.{job.state}_at", stage=stage) if stage else text(f"ended.{job.state}")
    colour = "magenta" if job.state == "held" else "yellow" if job.state == "cancelled" else "red"
    if err().is_terminal:
        panel = Panel(Group(*lines), title=title, title_align="left", border_style=colour, expand=False)
        err().print(panel, soft_wrap=False)
        err().print(todo)  # below it: a command within a frame could not be copied
    else:
        err().print(Text("\n").join([Text(title), *lines, todo]))


def code_of(job: "Job") -> int:
    """The exit code for a job's state."""
    return {"completed": Exit.OK, "held": Exit.HELD}.get(job.state.value, Exit.FAILED)
