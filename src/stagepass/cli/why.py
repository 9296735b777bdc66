"""``stagepass why JOB``: what a job waits for, on one screen."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING

from stagepass.cli.jobs import JobId
from stagepass.cli.output import STYLES, Json, as_json, emit_view
from stagepass.cli.texts import language
from stagepass.cli.texts import text as said

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from stagepass.views.why import ReasonView, WhyView

SHOWN = 4
"""Reasons that fit on one screen."""

LABEL = 10
"""Columns of the labels."""

COLOURS = {"operator": "bold red", "person": "bold magenta", "time": "bold cyan"}


def why(job: JobId, json: Json = False) -> None:
    """Explain why a job waits: the cause, the evidence, what happens next, and the command that moves it.

    Of a job that has ended, it says how it ended and what can be done.

    [bold]Examples[/bold]

      stagepass why 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11

      stagepass why order-4711 --json | jq -r '.reasons[0].acts[0].command'
    """
    from stagepass.cli.find import job_id_of
    from stagepass.cli.installation import installation
    from stagepass.views.why import why_view

    system = installation()
    found = system.engine.look(job_id_of(system, job), None)
    answer = why_view(system, *found, language(), private=True)
    if as_json():
        emit_view(answer)
    else:
        print_why(answer, found[0].owner)


def print_why(answer: "WhyView", owner: str) -> None:
    """The answer for a person."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    state = Text(said(f"state.{answer.state}"), style=STYLES.get(answer.state.value, ""))
    console.print(
        Text.assemble((answer.pipeline, "bold"), f" v{answer.version}  {answer.job_id}  ", state, f"  {owner}")
    )
    for reason in answer.reasons[:SHOWN]:
        console.print()
        _print_reason(console, reason, answer.looked_at)
    if len(answer.reasons) > SHOWN:
        console.print(Text(_frame("label.more", count=len(answer.reasons) - SHOWN, job=answer.job_id), style="dim"))
    if answer.unseen:
        console.print(Text(_frame("label.unseen", what=", ".join(answer.unseen)), style="yellow"))


def _print_reason(console: "Console", reason: "ReasonView", now: datetime, indent: str = "") -> None:
    from rich.text import Text

    where = (reason.stage or "") + (f"[{reason.item}]" if reason.item is not None else "")
    more = f"  ({_frame('label.items', count=reason.count - 1)})" if reason.count > 1 else ""
    head = f"{where}: {reason.text}" if where else reason.text
    console.print(Text.assemble(indent, (head, COLOURS[reason.waits_for]), (more, "dim")))
    if reason.since is not None:
        _row(console, indent, _frame("label.since"), Text(_time(reason.since, now)))
    for number, fact in enumerate(reason.evidence):
        value = "" if fact.value == "" else str(fact.value)
        moment = "" if fact.at is None or abs((fact.at - now).total_seconds()) < 1 else _time(fact.at, now)
        shown = f"{value} ({moment})" if value and moment else value or moment or _frame("label.now")
        _row(console, indent, _frame("label.seen") if number == 0 else "", Text(f"{fact.label}: {shown}"))
    due = f" ({_time(reason.next.at, now)})" if reason.next.at is not None else ""
    _row(console, indent, _frame("label.next"), Text(reason.next.text + due))
    for number, act in enumerate(reason.acts):
        note = f"   # {act.note}" if act.note else ""
        _row(
            console,
            indent,
            _frame("label.do") if number == 0 else "",
            Text.assemble((act.command, "green"), (note, "dim")),
        )
    if reason.child is not None:
        for below in reason.child.reasons[:1]:
            _print_reason(console, below, now, indent + "    ")


def _row(console: "Console", indent: str, label: str, value: "Text") -> None:
    """One line; it is not folded, because a folded command could not be copied."""
    from rich.cells import cell_len
    from rich.text import Text

    pad = " " * max(1, LABEL - cell_len(label))
    console.print(Text.assemble(f"{indent}  ", (label, "dim"), pad, value), soft_wrap=True)


def _time(moment: datetime, now: datetime) -> str:
    from stagepass.doctor.texts import span

    seconds = (moment - now).total_seconds()
    clock = f"{moment.astimezone():%H:%M:%S}" if abs(seconds) < 43_200 else f"{moment.astimezone():%Y-%m-%d %H:%M}"
    if abs(seconds) < 1:
        return f"{clock}, {_frame('label.now')}"
    code = "label.in" if seconds > 0 else "label.ago"
    return f"{clock}, {_frame(code, span=span(abs(seconds) * 1000))}"


def _frame(code: str, **parameters: object) -> str:
    from stagepass.doctor.texts import text

    return text(code, language(), **parameters)
