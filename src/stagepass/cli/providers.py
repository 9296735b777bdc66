"""``stagepass providers``: which providers are closed for now, what waits for them, and closing and opening by hand."""

from typing import Annotated

import typer

from stagepass.cli.output import Json, ago, as_json, emit_view, note, table
from stagepass.cli.reason import Why, act_because

group = typer.Typer(invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the provider, such as suno.")]


@group.callback()
def providers(context: typer.Context, json: Json = False) -> None:
    """Show providers that are closed for now: out of credit, down, over their rate limit, or closed by an operator.

    Stage runs that need them wait without using an attempt. After the pause, one call probes the provider; once
    it succeeds, everything continues automatically.

    [bold]Examples[/bold]

      stagepass providers --json

      stagepass providers close suno --why "vendor maintenance"
    """
    if context.invoked_subcommand is not None:
        return
    from stagepass.cli.installation import installation
    from stagepass.views.providers import breaker_view

    system = installation()
    now = system.engine.clock.now()
    breakers = system.provider_limits.breakers()
    shown = [breaker_view(one, now, dict(system.store.count_parked(one.provider))) for one in breakers]
    if as_json():
        for view in shown:
            emit_view(view)
        return
    rows = [
        (view.provider, view.state, view.reason, ago(breaker.since, now), view.parked)
        for view, breaker in zip(shown, breakers, strict=True)
    ]
    table(("provider", "state", "reason", "age", "parked"), rows, empty="providers.none")


@group.command()
def close(name: Name, why: Why = None, json: Json = False) -> None:
    """Close a provider: no calls until it is opened; stage runs that need it wait without using an attempt."""
    from stagepass.cli.installation import installation
    from stagepass.engine.model.controls import Scope
    from stagepass.views.controls import pause_view

    system = installation()
    act_because(why)
    kept = system.controls.pause(Scope.PROVIDER, name)
    if as_json():
        emit_view(pause_view(kept))
    else:
        note("providers.closed", style="green", name=name)


@group.command("open")
def open_(name: Name, why: Why = None, json: Json = False) -> None:
    """Open a provider, whatever closed it; stage runs that wait for it continue."""
    from stagepass.cli.installation import installation

    system = installation()
    act_because(why)
    system.controls.open_provider(name)
    if not as_json():
        note("providers.opened", style="green", name=name)
