"""``stagepass limit``: limits of providers and queues, changed while everything runs."""

from typing import TYPE_CHECKING, Annotated

import typer

from stagepass.cli.output import Json, ago, as_json, emit_view, note, table
from stagepass.cli.reason import Why, act_because
from stagepass.sentences import sentence

if TYPE_CHECKING:
    from stagepass.engine.model.controls import Scope
    from stagepass.engine.model.limits import Limit


def limit(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="A provider, or a queue such as promo.song. Without it, limits are listed."
        ),
    ] = None,
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="LIMIT",
            help="CALLS/SECONDS:AT_ONCE for a provider, such as 10/10s:3, 10/10s or :3; for a queue, how many run at once.",
        ),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Use the limit of the settings again.")] = False,
    why: Why = None,
    json: Json = False,
) -> None:
    """Limit a provider's calls, or the stage runs of a queue that run at the same time, over all workers.

    It holds at once, without a restart, and until it is reset.

    [bold]Examples[/bold]

      stagepass limit suno 10/10s:3

      stagepass limit promo.song 4

      stagepass limit suno --reset
    """
    from stagepass.cli.installation import installation
    from stagepass.engine.model.controls import Scope
    from stagepass.views.controls import limit_view

    system = installation()
    if name is None:
        _list()
        return
    scope = Scope.QUEUE if "." in name and name in system.registry.queues() else Scope.PROVIDER
    act_because(why)
    if reset:
        changed, code = system.controls.reset_limit(scope, name), "limit.reset"
    elif value is None:
        raise typer.BadParameter(sentence("give the limit, or --reset"), param_hint="LIMIT")
    else:
        changed, code = system.controls.limit(scope, name, _read(scope, name, value)), "limit.set"
    if as_json():
        emit_view(limit_view(changed))
    else:
        note(code, style="green", name=name, limit=value or "")


def _read(scope: "Scope", name: str, value: str) -> "Limit":
    from stagepass.engine.model.controls import Scope
    from stagepass.engine.model.limits import Limit
    from stagepass.errors import SettingsError
    from stagepass.providers.registry import parse_limits

    at_once = value.removeprefix(":")
    if at_once.isdecimal() and at_once.isascii() and (scope is Scope.QUEUE or value.startswith(":")):
        return Limit(concurrency=int(at_once[:9]))
    try:
        return parse_limits(f"{name}={value}")[name]
    except SettingsError:
        raise typer.BadParameter(
            sentence("{value} is no limit; write CALLS/SECONDS:AT_ONCE, such as 10/10s:3", value=f"{value!r}"),
            param_hint="LIMIT",
        ) from None


def _list() -> None:
    from stagepass.cli.installation import installation
    from stagepass.providers.registry import parse_limits
    from stagepass.views.controls import limit_views

    system = installation()
    now = system.engine.clock.now()
    views = limit_views(system.store.runtime_limits(), parse_limits(system.settings.provider_limits))
    if as_json():
        for view in views:
            emit_view(view)
        return
    rows = [
        (
            view.scope.value,
            view.name,
            view.concurrency,
            f"{view.rate}/{view.per_seconds:g}s" if view.rate else "",
            view.source,
            ago(int(view.since.timestamp() * 1000), now) if view.since else "",
            view.actor,
            view.why,
        )
        for view in views
    ]
    table(("scope", "name", "concurrency", "rate", "source", "age", "actor", "why"), rows, empty="limit.none")
