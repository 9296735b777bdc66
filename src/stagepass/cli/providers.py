"""``stagepass providers``: which providers are closed for now, and what waits for them."""

from typing import Any

from stagepass.cli.output import Json, ago, as_json, emit, table, when


def providers(json: Json = False) -> None:
    """Show providers that are closed for now: out of credit, down, or over their rate limit.

    Stage runs that need them wait without using an attempt. After the pause, one call probes the provider; once
    it succeeds, everything continues automatically.

    [bold]Example[/bold]

      stagepass providers --json
    """
    from stagepass.cli.installation import installation

    system = installation()
    now = system.engine.clock.now()
    breakers = system.provider_limits.breakers()
    shapes: list[dict[str, Any]] = [
        {
            "provider": breaker.provider,
            "state": "open" if breaker.until > now else "trying",
            "reason": breaker.reason,
            "since": when(breaker.since),
            "next_try_at": when(breaker.until),
            "parked": dict(system.store.count_parked(breaker.provider)),
        }
        for breaker in breakers
    ]
    if as_json():
        for shape in shapes:
            emit(shape)
        return
    rows = [
        (shape["provider"], shape["state"], shape["reason"], ago(breaker.since, now), sum(shape["parked"].values()))
        for shape, breaker in zip(shapes, breakers, strict=True)
    ]
    table(("provider", "state", "reason", "age", "parked"), rows, empty="providers.none")
