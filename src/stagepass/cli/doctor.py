"""``stagepass doctor``: what is wrong with this installation or these manifests, and how to mend it."""

import json as json_
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stagepass.cli.exits import Exit
from stagepass.cli.output import Json, as_json, emit, emit_view
from stagepass.cli.texts import language
from stagepass.sentences import sentence

if TYPE_CHECKING:
    from rich.console import Console

    from stagepass.doctor.check import Report
    from stagepass.views.doctor import DoctorView, FindingView

COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}
MARKS = {"error": "✗", "warning": "!", "note": "·"}

Level = Literal["error", "warning", "note"]


def doctor(
    manifests: Annotated[
        list[Path] | None,
        typer.Option(
            "--manifests",
            metavar="PATH",
            help="Check deployment files instead (compose, Kubernetes, supervisor, systemd, Procfile, nginx, .env): "
            "files or folders; may be repeated. Needs no service.",
        ),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live/--no-live", help="Contact database, Redis, broker, files and PUBLIC_URL.")
    ] = True,
    providers: Annotated[
        bool, typer.Option("--providers", help="Also check each provider's key with a free request.")
    ] = False,
    fail_on: Annotated[
        Level, typer.Option("--fail-on", help="Exit with 1 from this severity on: error, warning or note.")
    ] = "warning",
    sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0 for a code host.")] = False,
    explain: Annotated[str | None, typer.Option("--explain", metavar="CODE", help="Explain a rule and exit.")] = None,
    json: Json = False,
) -> None:
    """Check this installation: code, settings, services, workers and work in flight against each other.

    Reads only. Each finding comes with its evidence and the command or line that fixes it. Exits with 0 if
    nothing is wrong, 1 if something is, and 5 if a part could not be checked.

    [bold]Examples[/bold]

      stagepass doctor

      stagepass doctor --manifests deploy/compose --sarif > doctor.sarif

      stagepass doctor --no-live --fail-on error

      stagepass doctor --explain SP101
    """
    from stagepass.cli.examination import live_report, manifest_report
    from stagepass.doctor.sarif import sarif as as_sarif
    from stagepass.views.doctor import doctor_view

    if explain is not None:
        _explain(explain)
        return
    report = manifest_report(manifests, reach=live) if manifests else live_report(reach=live, providers=providers)
    view = doctor_view(report, language())
    if sarif:
        print(json_.dumps(as_sarif(report, language()), ensure_ascii=False, indent=2))
    elif as_json():
        emit_view(view)
    else:
        print_findings(view)
    raise typer.Exit(exit_code(report, fail_on))


def exit_code(report: "Report", fail_on: Level) -> int:
    """1 for findings, 5 where something could not be looked at, else 0."""
    if report.worst(fail_on):
        return Exit.FAILED
    return Exit.UNAVAILABLE if report.unseen else Exit.OK


def _explain(code: str) -> None:
    from stagepass.doctor.rule import GROUPS, catalogue
    from stagepass.doctor.texts import has, text
    from stagepass.errors import NotFound

    found = next((rule for rule in catalogue() if rule.code == code.upper()), None)
    if found is None:
        known = ", ".join(rule.code for rule in catalogue())
        raise NotFound(sentence("there is no rule {code}; the rules: {known}", code=code, known=known))
    title = text(f"{found.code}.title", language())
    said = (
        text(f"{found.code}.more", language()) if has(f"{found.code}.more") else text(f"{found.code}.text", language())
    )
    if as_json():
        group = GROUPS[found.code[2]]
        emit({"code": found.code, "severity": found.severity, "group": group, "title": title, "text": said})
        return
    print(f"{found.code} ({found.severity}): {title}\n\n{said}")


# ── for a person ──


def print_findings(view: "DoctorView") -> None:
    """Grouped, the worst first; each with its fix on a line that can be copied."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    last = ""
    for finding in sorted(view.findings, key=lambda one: (list(COLOURS).index(one.severity), one.group, one.code)):
        heading = f"{_said(f'severity.{finding.severity}')} · {_said(f'group.{finding.group}')}"
        if heading != last:
            console.print(Text(f"\n{heading}" if last else heading, style="bold"))
            last = heading
        _print(console, finding)
    for part, why in view.unseen.items():
        console.print(Text.assemble(("? ", "magenta"), _said("doctor.unseen", part=part, why=why)))
    if sys.stdout.isatty() or not view.findings:
        code = "doctor.healthy" if view.healthy else "doctor.summary"
        counts = {level: sum(one.severity == level for one in view.findings) for level in COLOURS}
        said = _said(code, rules=view.rules, skipped=len(view.skipped), **counts)
        console.print(Text(said, style="green" if view.healthy else "dim"))


def _print(console: "Console", finding: "FindingView") -> None:
    from rich.text import Text

    where = f"{finding.where.file}:{finding.where.line}: " if finding.where else ""
    mark = (f"  {MARKS[finding.severity]} {finding.code} ", COLOURS[finding.severity])
    console.print(Text.assemble(mark, (f"{finding.title}", "bold"), f" ({finding.subject})"))
    console.print(Text(f"      {where}{finding.text}"))
    console.print(Text.assemble("      ", (f"{_said('label.fix')}  ", "dim"), (finding.fix, "green")))


def _said(code: str, **parameters: object) -> str:
    from stagepass.doctor.texts import text

    return text(code, language(), **parameters)
