"""``stagepass jobs``: list, show, cancel, resume and retry jobs."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from stagepass.cli.anew import BuyAgain, WithAnew
from stagepass.cli.exits import Exit
from stagepass.cli.output import Json, ago, as_json, emit_view, lasted, note, out, table
from stagepass.cli.reason import Why, act_because
from stagepass.cli.texts import text
from stagepass.engine.model.orders import Anew
from stagepass.sentences import sentence

if TYPE_CHECKING:
    from stagepass.bootstrap import System
    from stagepass.engine.model.records import Job, StageRun
    from stagepass.engine.model.states import JobState
    from stagepass.views.detail import JobDetail
    from stagepass.views.jobs import JobSummary

group = typer.Typer(help="List, show, cancel, resume and retry jobs.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job, or the id that the client gave it.")]
Wait = Annotated[bool, typer.Option("--watch", "-w", help="Then watch the job.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Show at most N, newest first.")]


@group.command("list")
def list_(
    state: Annotated[
        list[str] | None,
        typer.Option("--state", help="queued, running, held, completed, failed or cancelled; may be repeated."),
    ] = None,
    pipeline: Annotated[str | None, typer.Option(help="Only this pipeline.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only this owner.")] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="NAME[=VALUE]", help="Only jobs with this tag; may be repeated."),
    ] = None,
    code: Annotated[str | None, typer.Option(help="Only this error code, such as quota_exhausted.")] = None,
    limit: Limit = 20,
    before: Annotated[
        str | None, typer.Option(metavar="JOB", help="Only jobs older than this one: the next page.")
    ] = None,
    json: Json = False,
) -> None:
    """List jobs, newest first.

    [bold]Examples[/bold]

      stagepass jobs list --state failed --state held

      stagepass jobs list --json -n 100 | jq -r 'select(.state == "failed") | .id'
    """
    from stagepass.cli.installation import installation
    from stagepass.declare.tags import read_wanted
    from stagepass.engine.model.filters import JobFilter
    from stagepass.views.jobs import summaries

    system = installation()
    which = JobFilter(owner, pipeline, read_states(state), before, limit, tags=read_wanted(tag or ()), code=code)
    jobs = system.engine.jobs(which)
    found = summaries(system, jobs)
    if as_json():
        for shown in found:
            emit_view(shown)
        return
    now = system.engine.clock.now()
    rows = [
        (
            job.id,
            job.pipeline,
            job.state.value,
            f"{shown.progress:.0%}",
            job.owner,
            ago(job.created_at, now),
            _stage_of(shown),
            f"{shown.paused.scope.value}:{shown.paused.name}" if shown.paused else shown.reason,
            " ".join(f"{name}={value}" for name, value in shown.tags.items()),
        )
        for job, shown in zip(jobs, found, strict=True)
    ]
    columns = ("job", "pipeline", "state", "progress", "owner", "age", "stage", "reason", "tags")
    table(columns, rows, empty="jobs.none", states="state")


def _stage_of(job: "JobSummary") -> str:
    """The current stage, and its state where it is not running."""
    if job.current_stage is None or job.stage_state in (None, "running"):
        return job.current_stage or ""
    return f"{job.current_stage}: {text(f'run.{job.stage_state}')}"


def read_states(given: list[str] | None) -> "tuple[JobState, ...]":
    """The states that ``--state`` names."""
    from stagepass.engine.model.states import JobState

    wanted = given or []
    if unknown := [name for name in wanted if name not in list(JobState)]:
        raise typer.BadParameter(
            sentence("{value} is not one of: {values}", value=f"{unknown[0]!r}", values=", ".join(JobState)),
            param_hint="--state",
        )
    return tuple(JobState(name) for name in wanted)


ITEMS = 10
"""Maximum number of items per stage and state that are shown one by one; JSON has all."""


@group.command()
def show(job: JobId, json: Json = False) -> None:
    """Show a job with its stages, attempts, errors and results."""
    from stagepass.cli.find import job_id_of
    from stagepass.cli.installation import installation
    from stagepass.views.detail import job_detail

    system = installation()
    found, runs = system.engine.look(job_id_of(system, job), None)
    shown = job_detail(system, found, runs)
    if as_json():
        emit_view(shown)
        return
    _print(system, found, runs, shown)


def _print(system: "System", job: "Job", runs: "Sequence[StageRun]", shown: "JobDetail") -> None:
    from stagepass.cli.money import dollars
    from stagepass.cli.places import with_places
    from stagepass.cli.watch import explain, print_result

    now = system.engine.clock.now()
    began = ago(job.created_at, now)
    out().print(
        f"[bold]{job.pipeline}[/bold] v{job.version}  {job.id}  "
        f"{text(f'state.{job.state}')}  {text('jobs.age', age=began, owner=job.owner)}"
    )
    rows = rows_of(runs, now)
    table(("stage", "state", "attempts", "took", "message"), rows, empty="jobs.none", states="run")
    if shown.tags:
        out().print(" ".join(f"{name}={value}" for name, value in shown.tags.items()), style="dim", markup=False)
    if shown.paused:
        held = shown.paused
        note("jobs.paused", style="yellow", target=f"{held.scope.value}:{held.name}", why=held.why or "-")
    for warning in shown.warnings:
        note("jobs.warning", style="yellow", warning=warning)
    for line in shown.spend.stages:
        amounts = {"spent": dollars(line.spent), "saved": dollars(line.saved), "twice": dollars(line.twice)}
        out().print(text("ledger.line", stage=line.stage, **amounts), style="dim", markup=False)
    if job.error or job.state in ("failed", "held"):
        explain(job)
    value = with_places(system, system.engine.result(job))
    if value is not None:
        print_result(value)


def rows_of(runs: "Sequence[StageRun]", now: int) -> list[tuple[object, ...]]:
    """A line for each stage run; of many items in the same state, for the first few and for the rest together."""
    rows: list[tuple[object, ...]] = []
    alike = Counter((run.stage, run.state) for run in runs if run.item is not None)
    told: Counter[tuple[str, str]] = Counter()
    for run in runs:
        kind = (run.stage, run.state)
        told[kind] += run.item is not None
        if told[kind] == ITEMS + 1:
            rows.append((f"{run.stage}[…]", run.state.value, "", "", text("jobs.more", count=alike[kind] - ITEMS)))
        if told[kind] > ITEMS:
            continue
        name = run.stage + (f"[{run.item}]" if run.item is not None else "")
        took = ((run.finished_at or now) - run.started_at) / 1000 if run.started_at else None
        said = (run.error or {}).get("message") or run.message
        rows.append((name, run.state.value, run.attempts, lasted(took) if took is not None else "", said))
    return rows


@group.command()
def cancel(job: JobId, watch: Wait = False, json: Json = False) -> None:
    """Cancel a job: waiting stages stop at once, running ones at their next `ctx` call."""
    _act("cancel", job, watch)


@group.command("tag")
def tag_(
    job: JobId,
    tags: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="Tags to set; NAME= removes one.")],
    why: Why = None,
    json: Json = False,
) -> None:
    """Set or remove tags of a job.

    [bold]Example[/bold]

      stagepass jobs tag order-4711 customer=acme draft=
    """
    from stagepass.cli.find import job_id_of
    from stagepass.cli.installation import installation
    from stagepass.declare.tags import pair_of
    from stagepass.views.jobs import job_view

    system = installation()
    act_because(why)
    given = {name: value or None for name, value in map(pair_of, tags)}
    found = system.engine.tag(job_id_of(system, job), None, given)
    shown = job_view(system, *system.engine.look(found.id, None))
    if as_json():
        emit_view(shown)
    else:
        text_ = " ".join(f"{name}={value}" for name, value in shown.tags.items())
        note("jobs.tagged", style="green", job=found.id, tags=text_ or "-")


@group.command(cls=WithAnew)
def resume(job: JobId, anew: BuyAgain = Anew.NO, watch: Wait = False, json: Json = False) -> None:
    """Resume a failed, cancelled or held job from where it stopped; finished stages and open orders are kept."""
    _act("resume", job, watch, anew=anew)


@group.command(cls=WithAnew)
def retry(
    job: JobId,
    stage: Annotated[str, typer.Argument(help="The stage to run again; later stages follow.")],
    anew: BuyAgain = Anew.NO,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, also for a completed job.")] = False,
    watch: Wait = False,
    json: Json = False,
) -> None:
    """Run a stage again from the stored results of earlier stages. It continues with what it had bought.

    For a completed job, shows what that will cost; on a terminal, asks first.

    [bold]Examples[/bold]

      stagepass jobs retry 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11 song --watch

      stagepass jobs retry 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11 song --anew
    """
    _confirm_retry(job, stage, anew, yes=yes)
    _act("retry", job, watch, stage, anew=anew)


def _confirm_retry(job_id: str, stage: str, anew: Anew, *, yes: bool) -> None:
    """Show what it costs to make a part of a completed job again; ask, where there is someone to ask."""
    import sys

    from stagepass.cli.find import job_id_of
    from stagepass.cli.installation import installation
    from stagepass.cli.money import dollars
    from stagepass.reports.prices import Prices

    system = installation()
    job = system.engine.job(job_id_of(system, job_id), None)
    if job.state != "completed" or stage not in job.tally:
        return
    price = Prices(system.store, system.registry).of_retry(job, stage, anew=anew is not Anew.NO)
    code = "jobs.price" if price.sampled else "jobs.no_price"
    amounts = {"usd": dollars(price.usd), "later": dollars(price.later_usd), "kept": dollars(price.kept_usd)}
    note(code, style="yellow", stage=stage, count=price.sampled, stages=", ".join(price.later), **amounts)
    if not yes and not as_json() and sys.stdin.isatty() and not typer.confirm(text("jobs.sure"), err=True):
        raise typer.Exit(Exit.OK)


def _act(what: str, job_id: str, watch: bool, *rest: str, **options: Anew) -> None:
    from stagepass.cli.find import job_id_of
    from stagepass.cli.installation import installation
    from stagepass.cli.watch import show as follow
    from stagepass.views.jobs import job_view

    system = installation()
    job = getattr(system.engine, what)(job_id_of(system, job_id), *rest, None, **options)
    if watch:
        raise typer.Exit(follow(system, job))
    if as_json():
        emit_view(job_view(system, *system.engine.look(job.id, None)))
    else:
        stage = rest[0] if rest else ""
        note(f"jobs.{what}", style="green", job=job.id, stage=stage, state=text(f"state.{job.state}"))
