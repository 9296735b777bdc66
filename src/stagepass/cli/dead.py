"""``stagepass dead``: inspect, redrive and discard dead letters."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagepass.cli.anew import BuyAgain, WithAnew
from stagepass.cli.jobs import Limit
from stagepass.cli.output import Json, ago, as_json, emit_view, note, out, table, when
from stagepass.cli.texts import language
from stagepass.engine.model.orders import Anew
from stagepass.sentences import sentence

if TYPE_CHECKING:
    from stagepass.bootstrap import System
    from stagepass.engine.model.records import StageRun

group = typer.Typer(
    help="Inspect, redrive or discard dead letters (stage runs that failed permanently).",
    no_args_is_help=True,
)

Run = Annotated[str, typer.Argument(metavar="RUN", help="Id of the stage run: JOB.STAGE, as printed by `dead list`.")]
Runs = Annotated[
    list[str] | None, typer.Argument(metavar="RUN...", help="Ids of stage runs, as printed by `dead list`.")
]


@group.command("list")
def list_(
    pipeline: Annotated[str | None, typer.Option(help="Only this pipeline.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only this stage.")] = None,
    code: Annotated[str | None, typer.Option(help="Only this error code, such as quota_exhausted.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only this owner.")] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List dead letters, newest first.

    [bold]Example[/bold]

      stagepass dead list --code quota_exhausted
    """
    from stagepass.cli.installation import installation
    from stagepass.content.translate import stored_text
    from stagepass.engine.model.filters import RunFilter
    from stagepass.engine.model.states import RunState
    from stagepass.views.runs import dead_view

    system = installation()
    which = RunFilter(owner, (RunState.FAILED,), pipeline, stage, code, None, limit)
    found = system.engine.find_runs(which)
    if as_json():
        for run in found:
            emit_view(dead_view(run))
        return
    now = system.engine.clock.now()
    rows = [
        (
            run.id,
            error.get("code"),
            stored_text(error, "message", language()),
            ago(run.finished_at or run.created_at, now),
        )
        for run in found
        for error in [run.error or {}]
    ]
    table(("run", "error", "message", "age"), rows, empty="dead.none")


@group.command()
def show(run: Run, json: Json = False) -> None:
    """Show a dead letter: input, error, attempts, traceback, the job's cost so far and the cost of a redrive.

    Also shows held stage runs, with the commands that decide them.
    """
    from stagepass.cli.installation import installation
    from stagepass.cli.money import tell_price, tell_spent
    from stagepass.content.translate import stored_text
    from stagepass.engine.model.states import RunState
    from stagepass.errors import NotFound
    from stagepass.reports.prices import Prices
    from stagepass.views.runs import dead_detail

    system = installation()
    found = system.store.run(run)
    if found is None or found.state not in (RunState.FAILED, RunState.HELD):
        raise NotFound(_no_letter(run, found), run_id=run)
    job = system.engine.job(found.job_id, None)
    price = Prices(system.store, system.registry).of(job)
    if as_json():
        emit_view(dead_detail(system, found, job))
        return
    rows = [
        (one.number, one.outcome, (one.error or {}).get("message"), when(one.ended_at))
        for one in system.store.attempts([run])
    ]
    table(("attempt", "outcome", "message", "ended"), rows, empty="dead.no_attempts")
    error = found.error or {}
    out().print(_headline(error), markup=False)
    if advice := stored_text(error, "advice", language()):
        out().print(advice, markup=False)
    if trace := error.get("trace"):
        out().print(trace, style="dim", markup=False)
    out().print(found.item_input or job.input, style="dim", markup=False)
    if found.state is RunState.FAILED:
        tell_price(price)
        return
    tell_spent(price)
    tell_decisions(run, calls_of(system, [run]).get(run))


def _no_letter(run: str, found: "StageRun | None") -> str:
    if found is None:
        return sentence("there is no dead letter {run}", run=run)
    return sentence("there is no dead letter {run}; its state: {state}", run=run, state=found.state)


def _headline(error: dict[str, Any]) -> str:
    """The error's code and message, and its type where the code does not say it: ``permanent (KeyError): 'id'``."""
    from stagepass.content.translate import stored_text

    code, kind = str(error.get("code", "")), str(error.get("type", ""))
    named = f" ({kind})" if kind and kind.lower() != code.replace("_", "") else ""
    return f"{code}{named}: {stored_text(error, 'message', language()) or ''}"


def calls_of(system: "System", runs: list[str]) -> dict[str, str]:
    """By held stage run: the call of unknown outcome."""
    with system.store.begin() as tx:
        return dict(tx.open_calls(runs))


def decisions(run: str, call: str | None) -> list[str]:
    """The commands that a held run waits for."""
    if call is None:
        return [f"stagepass jobs resume {run.split('.')[0]}"]
    return [f"stagepass dead decide {run} {call} --value JSON", f"stagepass dead decide {run} {call} --again"]


def tell_decisions(run: str, call: str | None) -> None:
    """The same, for people."""
    for line in decisions(run, call):
        note("dead.held_next", line=line)


Everything = Annotated[bool, typer.Option("--all", help="Select every dead letter that matches the filters.")]
OfPipeline = Annotated[str | None, typer.Option("--pipeline", help="With --all: only this pipeline.")]
OfStage = Annotated[str | None, typer.Option("--stage", help="With --all: only this stage.")]
OfCode = Annotated[str | None, typer.Option("--code", help="With --all: only this error code.")]
OfOwner = Annotated[str | None, typer.Option("--owner", help="With --all: only this owner.")]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="With --all: run it. Without --yes, only show what would happen.")
]


@group.command(cls=WithAnew)
def redrive(
    runs: Runs = None,
    anew: BuyAgain = Anew.NO,
    everything: Everything = False,
    pipeline: OfPipeline = None,
    stage: OfStage = None,
    code: OfCode = None,
    owner: OfOwner = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Redrive dead letters: run them again, with the stages of their jobs that stopped because of them.

    They continue with what they had bought.

    With --all, shows the count and the cost; add --yes to run it.

    [bold]Examples[/bold]

      stagepass dead redrive 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11.song

      stagepass dead redrive --all --pipeline promo --code quota_exhausted --yes
    """
    from stagepass.cli.installation import installation
    from stagepass.cli.money import tell_total, total
    from stagepass.errors import Conflict, NotFound
    from stagepass.views.redrive import Redriven, priced

    system = installation()
    wanted = _wanted(system, runs, everything, pipeline, stage, code, owner)
    if everything and not yes:
        if as_json():
            emit_view(priced(system, _chosen(system, pipeline, stage, code, owner), more=False))
        else:
            tell_total(len(wanted), total(system, wanted))
        return
    sent, refused = list[str](), dict[str, str]()
    for run in wanted:
        try:
            sent.append(system.engine.redrive(run, None, anew=anew).id)
        except (Conflict, NotFound) as problem:
            if not everything:
                raise
            if run.split(".")[0] not in sent:  # else another run of its job has sent it on already
                refused[run] = problem.message
    if as_json():
        emit_view(Redriven(jobs=sorted(set(sent)), runs=len(sent), refused=refused, more=False))
    else:
        note("dead.redriven", style="green", count=len(sent))
        for run, why in refused.items():
            note("dead.refused", style="yellow", run=run, why=why)


@group.command()
def discard(
    runs: Runs = None,
    everything: Everything = False,
    pipeline: OfPipeline = None,
    stage: OfStage = None,
    code: OfCode = None,
    owner: OfOwner = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Drop dead letters; their jobs stay failed. With --all, shows the count; add --yes to do it."""
    from stagepass.cli.installation import installation
    from stagepass.errors import Conflict, NotFound
    from stagepass.views.redrive import Discarded

    system = installation()
    wanted = _wanted(system, runs, everything, pipeline, stage, code, owner)
    if everything and not yes:
        if as_json():
            emit_view(Discarded(dry_run=True, runs=wanted, refused={}, more=False))
        else:
            note("dead.would_discard", "yellow", count=len(wanted))
        return
    gone, refused = list[str](), dict[str, str]()
    for run in wanted:
        try:
            system.engine.discard(run, None)
        except (Conflict, NotFound) as problem:  # it went its way meanwhile
            if not everything:
                raise
            refused[run] = problem.message
            continue
        gone.append(run)
        if not as_json():
            note("dead.discarded", style="green", run=run)
    if as_json():
        emit_view(Discarded(runs=gone, refused=refused, more=False))


def _wanted(
    system: "System",
    runs: list[str] | None,
    everything: bool,
    pipeline: str | None,
    stage: str | None,
    code: str | None,
    owner: str | None,
) -> list[str]:
    if bool(runs) == everything:
        raise typer.BadParameter(sentence("name stage runs or give --all"), param_hint="RUN")
    return runs or [run.id for run in _chosen(system, pipeline, stage, code, owner)]


def _chosen(
    system: "System", pipeline: str | None, stage: str | None, code: str | None, owner: str | None
) -> "list[StageRun]":
    from stagepass.engine.model.filters import RunFilter
    from stagepass.engine.model.states import RunState

    which = RunFilter(owner, (RunState.FAILED,), pipeline, stage, code, None, 10_000)
    return system.engine.find_runs(which)
