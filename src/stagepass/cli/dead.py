"""``stagepass dead``: stage runs out of attempts, kept with all that is needed to send them again."""

from typing import Annotated

import typer

from stagepass.cli.jobs import Limit
from stagepass.cli.output import Json, ago, as_json, emit, note, out, table

group = typer.Typer(
    help="Dead letters: stage runs out of attempts, kept with all that is needed to send them again.",
    no_args_is_help=True,
)

Run = Annotated[str, typer.Argument(metavar="RUN", help="The stage run's id: JOB.STAGE, as `dead list` prints it.")]
Runs = Annotated[list[str] | None, typer.Argument(metavar="RUN...", help="Stage runs, as `dead list` prints them.")]


@group.command("list")
def list_(
    pipeline: Annotated[str | None, typer.Option(help="Of this pipeline only.")] = None,
    stage: Annotated[str | None, typer.Option(help="Of this stage only.")] = None,
    code: Annotated[str | None, typer.Option(help="With this kind of error only, such as quota_exhausted.")] = None,
    owner: Annotated[str | None, typer.Option(help="Of this owner only.")] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List dead letters, the newest first.

    [bold]Example[/bold]

      stagepass dead list --code quota_exhausted
    """
    from stagepass.bootstrap import load_system
    from stagepass.cli.shapes import run_shape
    from stagepass.engine.ports import RunFilter
    from stagepass.engine.states import RunState

    system = load_system()
    which = RunFilter(owner, (RunState.FAILED,), pipeline, stage, code, None, limit)
    found = system.engine.dead(which)
    if as_json():
        for run in found:
            emit(run_shape(run))
        return
    now = system.engine.clock.now()
    rows = [
        (run.id, error.get("code"), error.get("message"), ago(run.finished_at or run.created_at, now))
        for run in found
        for error in [run.error or {}]
    ]
    table(("run", "error", "message", "age"), rows, empty="dead.none")


@group.command()
def show(run: Run, json: Json = False) -> None:
    """Show a dead letter with each of its attempts and, where kept, the trace of the last."""
    from stagepass.bootstrap import load_system
    from stagepass.cli.shapes import run_shape
    from stagepass.errors import NotFound

    system = load_system()
    found = system.store.run(run)
    if found is None:
        raise NotFound(f"there is no stage run {run}", run_id=run)
    shape = run_shape(found, system.store.attempts([run]))
    if as_json():
        emit(shape)
        return
    rows = [
        (entry["attempt"], entry["outcome"], (entry["error"] or {}).get("message"), entry["ended_at"])
        for entry in shape["history"]
    ]
    table(("attempt", "outcome", "message", "ended"), rows, empty="dead.none")
    if trace := (found.error or {}).get("trace"):
        out().print(trace, style="dim", markup=False)


@group.command()
def redrive(
    runs: Runs = None,
    everything: Annotated[bool, typer.Option("--all", help="All that --pipeline, --stage and --code leave.")] = False,
    pipeline: Annotated[str | None, typer.Option(help="With --all: of this pipeline only.")] = None,
    stage: Annotated[str | None, typer.Option(help="With --all: of this stage only.")] = None,
    code: Annotated[str | None, typer.Option(help="With --all: with this kind of error only.")] = None,
    json: Json = False,
) -> None:
    """Send dead letters again, with what their jobs had stopped beside them.

    [bold]Examples[/bold]

      stagepass dead redrive 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11.song

      stagepass dead redrive --all --pipeline promo --code quota_exhausted
    """
    from stagepass.bootstrap import load_system
    from stagepass.engine.ports import RunFilter
    from stagepass.engine.states import RunState
    from stagepass.errors import Conflict

    if bool(runs) == everything:
        raise typer.BadParameter("name stage runs, or give --all", param_hint="RUN")
    system = load_system()
    wanted = list(runs or ())
    if everything:
        which = RunFilter(None, (RunState.FAILED,), pipeline, stage, code, None, 10_000)
        wanted = [run.id for run in system.engine.dead(which)]
    sent = []
    for run in wanted:
        try:
            sent.append(system.engine.redrive(run, None).id)
        except Conflict:  # another run of its job has sent it on already
            if not everything:
                raise
    if as_json():
        emit({"redriven": len(sent), "jobs": sorted(set(sent))})
    else:
        note("dead.redriven", style="green", count=len(sent))


@group.command()
def discard(run: Run, json: Json = False) -> None:
    """Give a dead letter up; its job stays failed."""
    from stagepass.bootstrap import load_system

    system = load_system()
    job = system.engine.discard(run, None)
    if as_json():
        emit({"discarded": run, "job": job.id})
    else:
        note("dead.discarded", style="green", run=run)


@group.command()
def held(
    pipeline: Annotated[str | None, typer.Option(help="Of this pipeline only.")] = None,
    owner: Annotated[str | None, typer.Option(help="Of this owner only.")] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List stage runs that wait for a person: calls that may have cost money and whose answer was lost."""
    from stagepass.bootstrap import load_system
    from stagepass.cli.shapes import run_shape
    from stagepass.engine.ports import RunFilter
    from stagepass.engine.states import RunState

    system = load_system()
    found = system.engine.dead(RunFilter(owner, (RunState.HELD,), pipeline, limit=limit))
    with system.store.begin() as tx:
        calls = dict(tx.open_calls([run.id for run in found]))
    if as_json():
        for run in found:
            emit({**run_shape(run), "call": calls.get(run.id)})
        return
    now = system.engine.clock.now()
    rows = [
        (run.id, calls.get(run.id, "-"), (run.error or {}).get("message"), ago(run.created_at, now)) for run in found
    ]
    table(("run", "call", "message", "age"), rows, empty="dead.none_held")


@group.command()
def decide(
    run: Run,
    call: Annotated[str, typer.Argument(metavar="CALL", help="The call's name, as `dead held` prints it.")],
    value: Annotated[
        str | None, typer.Option(help="What the call gave, as JSON: it is kept, and not made again.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="It had no effect: allow it to be made again.")] = False,
    json: Json = False,
) -> None:
    """Decide on a call that may have cost money, and let its job go on.

    [bold]Examples[/bold]

      stagepass dead decide 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11.song suno_task_id --value '"5c79be8e"'

      stagepass dead decide 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11.song suno_task_id --again
    """
    from json import JSONDecodeError, loads

    from stagepass.bootstrap import load_system

    if (value is None) != again:
        raise typer.BadParameter("give --value with what the call gave, or --again", param_hint="--value")
    try:
        kept = loads(value) if value is not None else None
    except JSONDecodeError:
        raise typer.BadParameter("this is not JSON; a text needs its quotes: '\"abc\"'", param_hint="--value") from None
    job = load_system().engine.decide(run, None, name=call, value=kept, again=again)
    if as_json():
        emit({"decided": run, "call": call, "job": job.id})
    else:
        note("dead.decided", style="green", run=run)
