"""``stagepass audit``: who did what, when, from where and why."""

from typing import Annotated

import typer

from stagepass.cli.jobs import Limit
from stagepass.cli.output import Json, as_json, emit_view, table, when


def audit(
    job: Annotated[str | None, typer.Option(metavar="JOB", help="Only acts on this job.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only acts of this person.")] = None,
    act: Annotated[str | None, typer.Option(help="Only this act: cancel, resume, redrive, pause, limit, …")] = None,
    owner: Annotated[str | None, typer.Option(help="Only acts on this owner's jobs.")] = None,
    bulk: Annotated[str | None, typer.Option(metavar="ID", help="Only the acts of this bulk operation.")] = None,
    limit: Limit = 50,
    before: Annotated[int | None, typer.Option(metavar="N", help="Only older entries: the next page.")] = None,
    json: Json = False,
) -> None:
    """Show the audit log, newest first. Submits are not in it.

    [bold]Examples[/bold]

      stagepass audit --job 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11

      stagepass audit --act pause
    """
    from stagepass.cli.find import job_id_of
    from stagepass.cli.installation import installation
    from stagepass.engine.model.filters import AuditFilter
    from stagepass.views.audit import audit_view

    system = installation()
    job_id = job_id_of(system, job) if job else None
    which = AuditFilter(owner, actor, act, job_id, None, bulk, None, before, limit)
    found = [audit_view(entry) for entry in system.store.audit(which)]
    if as_json():
        for entry in found:
            emit_view(entry)
        return
    rows = [
        (
            one.id,
            when(int(one.at.timestamp() * 1000)),
            one.actor,
            one.act,
            one.subject,
            _change(one.before, one.after),
            one.why,
        )
        for one in found
    ]
    table(("entry", "time", "actor", "act", "subject", "change", "why"), rows, empty="audit.none")


def _change(before: object, after: object) -> str:
    """``failed → running, anew=true``."""
    was, now = before if isinstance(before, dict) else {}, after if isinstance(after, dict) else {}
    moved = [f"{was[name]} → {now[name]}" for name in was if name in now and was[name] != now[name]]
    added = [f"{name}={value}" for name, value in now.items() if name not in was]
    return ", ".join([*moved, *added])
