"""``stagepass bulk``: one act on many jobs, with the count and the price first."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from stagepass.cli.anew import BuyAgain, WithAnew
from stagepass.cli.choosing import Code, Newer, Older, Owner, Pipeline, Stage, State, Tag, chosen_by
from stagepass.cli.money import dollars
from stagepass.cli.output import Json, ago, as_json, emit_view, note, table
from stagepass.cli.reason import Why, act_because
from stagepass.engine.model.orders import Anew

if TYPE_CHECKING:
    from stagepass.bootstrap import System
    from stagepass.engine.model.bulk import Bulk, Selection

group = typer.Typer(
    help="Cancel, resume, redrive, discard or tag many jobs at once. Shows the count and the cost first.",
    no_args_is_help=True,
)

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it; without it, only the count and the cost are shown.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for its end.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the bulk operation, as printed by `bulk list`.")]


@group.command()
def cancel(
    pipeline: Pipeline = None,
    state: State = None,
    code: Code = None,
    tag: Tag = None,
    owner: Owner = None,
    older: Older = None,
    newer: Newer = None,
    why: Why = None,
    yes: Yes = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Cancel all open jobs that fit."""
    selection = chosen_by(pipeline, None, state, code, tag, owner, older, newer)
    _act("cancel", selection, why, yes, wait)


@group.command(cls=WithAnew)
def resume(
    pipeline: Pipeline = None,
    state: State = None,
    code: Code = None,
    tag: Tag = None,
    owner: Owner = None,
    older: Older = None,
    newer: Newer = None,
    anew: BuyAgain = Anew.NO,
    why: Why = None,
    yes: Yes = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Resume all failed, cancelled or held jobs that fit; finished stages and open orders are kept."""
    selection = chosen_by(pipeline, None, state, code, tag, owner, older, newer)
    _act("resume", selection, why, yes, wait, anew=anew)


@group.command(cls=WithAnew)
def redrive(
    pipeline: Pipeline = None,
    stage: Stage = None,
    code: Code = None,
    tag: Tag = None,
    owner: Owner = None,
    older: Older = None,
    newer: Newer = None,
    anew: BuyAgain = Anew.NO,
    why: Why = None,
    yes: Yes = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Redrive all dead letters that fit.

    [bold]Examples[/bold]

      stagepass bulk redrive --pipeline promo --code quota_exhausted

      stagepass bulk redrive --pipeline promo --code quota_exhausted --yes --wait
    """
    selection = chosen_by(pipeline, stage, None, code, tag, owner, older, newer)
    _act("redrive", selection, why, yes, wait, anew=anew)


@group.command()
def discard(
    pipeline: Pipeline = None,
    stage: Stage = None,
    code: Code = None,
    tag: Tag = None,
    owner: Owner = None,
    older: Older = None,
    newer: Newer = None,
    why: Why = None,
    yes: Yes = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Discard all dead letters that fit; their jobs stay failed."""
    selection = chosen_by(pipeline, stage, None, code, tag, owner, older, newer)
    _act("discard", selection, why, yes, wait)


@group.command("tag")
def tag_(
    tags: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="Tags to set; NAME= removes one.")],
    pipeline: Pipeline = None,
    state: State = None,
    code: Code = None,
    tag: Tag = None,
    owner: Owner = None,
    older: Older = None,
    newer: Newer = None,
    why: Why = None,
    yes: Yes = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Set or remove tags of all jobs that fit.

    [bold]Example[/bold]

      stagepass bulk tag release=2026-11 --pipeline promo --newer-than 2d --yes
    """
    from stagepass.declare.tags import pair_of

    given = {name: value or None for name, value in map(pair_of, tags)}
    selection = chosen_by(pipeline, None, state, code, tag, owner, older, newer)
    _act("tag", selection, why, yes, wait, tags=given)


@group.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Show at most N, newest first.")] = 20,
    json: Json = False,
) -> None:
    """List bulk operations, newest first."""
    from stagepass.cli.installation import installation
    from stagepass.views.bulk import bulk_view

    system = installation()
    found = system.store.bulks(None, None, limit)
    if as_json():
        for bulk in found:
            emit_view(bulk_view(bulk))
        return
    now = system.engine.clock.now()
    rows = [
        (
            one.id,
            one.act.value,
            one.state.value,
            one.done,
            one.refused,
            one.total,
            one.by.name,
            ago(one.created_at, now),
        )
        for one in found
    ]
    table(("bulk", "act", "state", "done", "refused", "total", "actor", "age"), rows, empty="bulk.none", states="bulk")


@group.command()
def show(id: Id, wait: Wait = False, json: Json = False) -> None:
    """Show a bulk operation: how far it is, and what was refused."""
    from stagepass.cli.installation import installation

    system = installation()
    _show(_waited(system, id) if wait else system.bulk.get(id))


@group.command()
def stop(id: Id, why: Why = None, json: Json = False) -> None:
    """Stop a bulk operation; what it has done stays done."""
    from stagepass.cli.installation import installation
    from stagepass.engine.model.actors import act_of

    system = installation()
    act_because(why)
    _show(system.bulk.stop(id, act_of("stop")))


def _act(
    name: str,
    chosen: "Selection",
    why: str | None,
    yes: bool,
    wait: bool,
    *,
    anew: Anew = Anew.NO,
    tags: dict[str, str | None] | None = None,
) -> None:
    from stagepass.cli.installation import installation
    from stagepass.engine.model.actors import current_actor
    from stagepass.engine.model.bulk import BulkAct
    from stagepass.views.bulk import estimate_view

    system = installation()
    act_because(why)
    act = BulkAct(name)
    estimate = system.bulk.estimate(act, chosen)
    if not yes:
        if as_json():
            emit_view(estimate_view(act, estimate))
            return
        note(f"bulk.would.{act.value}", count=estimate.total)
        if estimate.usd is not None:
            figures = {"usd": dollars(estimate.usd), "later": dollars(estimate.later_usd or 0.0)}
            note("bulk.price", kept=dollars(estimate.kept_usd or 0.0), count=estimate.priced, **figures)
        note("bulk.confirm")
        return
    by = current_actor()
    assert by is not None
    chosen = replace(chosen, until=estimate.until)
    bulk = system.bulk.start(act, chosen, by, estimate.total, estimate.usd, anew=anew, tags=tags)
    _show(_waited(system, bulk.id) if wait else bulk)


def _waited(system: "System", id: str) -> "Bulk":
    """The operation, once it has ended; its progress meanwhile."""
    from stagepass.engine.model.bulk import BulkState

    seen = -1
    while (bulk := system.bulk.get(id)).state is BulkState.RUNNING:
        if bulk.done + bulk.refused != seen and not as_json():
            seen = bulk.done + bulk.refused
            note("bulk.progress", done=seen, total=bulk.total)
        time.sleep(0.5)
    return bulk


def _show(bulk: "Bulk") -> None:
    from stagepass.cli.texts import text
    from stagepass.views.bulk import bulk_view

    if as_json():
        emit_view(bulk_view(bulk))
        return
    state = text(f"bulk.{bulk.state.value}")
    note(
        "bulk.shown",
        style="green",
        id=bulk.id,
        act=bulk.act.value,
        state=state,
        done=bulk.done,
        refused=bulk.refused,
        total=bulk.total,
    )
    for target, reason in bulk.refusals.items():
        note("bulk.refusal", id=target, reason=reason)
