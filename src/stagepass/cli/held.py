"""``stagepass dead held`` and ``dead decide``: calls that may have cost money, and whose answer was lost."""

from typing import Annotated

import typer

from stagepass.cli.dead import Run, calls_of, tell_decisions
from stagepass.cli.dead import group as group
from stagepass.cli.jobs import Limit
from stagepass.cli.output import Json, ago, as_json, emit_view, note, table
from stagepass.sentences import sentence


@group.command()
def held(
    pipeline: Annotated[str | None, typer.Option(help="Only this pipeline.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only this owner.")] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List stage runs that need a decision: calls that may have been billed and whose answer was lost."""
    from stagepass.cli.installation import installation
    from stagepass.engine.model.filters import RunFilter
    from stagepass.engine.model.states import RunState
    from stagepass.views.runs import held_view

    system = installation()
    found = system.engine.find_runs(RunFilter(owner, (RunState.HELD,), pipeline, limit=limit))
    calls = calls_of(system, [run.id for run in found])
    if as_json():
        for run in found:
            emit_view(held_view(run, [calls[run.id]] if run.id in calls else []))
        return
    now = system.engine.clock.now()
    rows = [
        (run.id, calls.get(run.id, "-"), (run.error or {}).get("message"), ago(run.created_at, now)) for run in found
    ]
    table(("run", "call", "message", "age"), rows, empty="dead.none_held")
    for run in found:
        tell_decisions(run.id, calls.get(run.id))


@group.command()
def decide(
    run: Run,
    call: Annotated[str, typer.Argument(metavar="CALL", help="Name of the call, as printed by `dead held`.")],
    value: Annotated[
        str | None, typer.Option(help="The call went through: its result, as JSON. The call is not repeated.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="The call did not go through: repeat it.")] = False,
    json: Json = False,
) -> None:
    """Decide on a call that may have been billed, and let its job continue.

    [bold]Examples[/bold]

      stagepass dead decide 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11.song suno_task_id --value '"5c79be8e"'

      stagepass dead decide 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11.song suno_task_id --again
    """
    from stagepass.cli.installation import installation
    from stagepass.strict import loads
    from stagepass.views.jobs import job_view

    if (value is None) != again:
        raise typer.BadParameter(
            sentence("give either --value with the call's result, or --again"), param_hint="--value"
        )
    try:
        kept = loads(value) if value is not None else None
    except ValueError as problem:
        refusal = sentence("this is not valid JSON ({problem}); quote a text twice: '\"abc\"'", problem=problem)
        raise typer.BadParameter(refusal, param_hint="--value") from None
    system = installation()
    job = system.engine.decide(run, None, name=call, value=kept, again=again)
    if as_json():
        emit_view(job_view(system, *system.engine.look(job.id, None)))
    else:
        note("dead.decided", style="green", run=run)
