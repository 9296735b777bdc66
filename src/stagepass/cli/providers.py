"""``stagepass providers``: which providers are closed for now, and what waits for them."""

from stagepass.cli.output import Json, ago, as_json, emit_view, table


def providers(json: Json = False) -> None:
    """Show providers that are closed for now: out of credit, down, or over their rate limit.

    Stage runs that need them wait without using an attempt. After the pause, one call probes the provider; once
    it succeeds, everything continues automatically.

    [bold]Example[/bold]

      stagepass providers --json
    """
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
