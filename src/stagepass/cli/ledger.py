"""``stagepass ledger``: what was spent, what checkpoints saved, and what was paid twice."""

from datetime import datetime
from typing import Annotated

import typer

from stagepass.cli.output import Json, as_json, emit, table


def ledger(
    pipeline: Annotated[str | None, typer.Option(help="Only this pipeline.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only jobs with spending since this date or time (UTC).")
    ] = None,
    json: Json = False,
) -> None:
    """Show spending per stage in US dollars: spent, saved by checkpoints, and paid twice.

    Saved: the cost that retries, resumes, redrives and crashes would have repeated without checkpoints. Paid twice
    is 0 unless a stage calls a provider outside `ctx.once` and then needs another attempt.

    [bold]Example[/bold]

      stagepass ledger --pipeline promo --since 2026-11-01
    """
    from datetime import UTC

    from stagepass.cli.installation import installation
    from stagepass.cli.money import dollars, line_shape
    from stagepass.reports.ledger import Line, of_all

    system = installation()
    begin = int(since.replace(tzinfo=UTC).timestamp() * 1000) if since else 0
    lines = of_all(system.store, system.registry, pipeline=pipeline, since=begin)
    whole = Line()
    for line in lines.values():
        whole.add(line)
    if as_json():
        for queue, line in lines.items():
            emit({"queue": queue, **line_shape(line)})
        emit({"queue": None, **line_shape(whole)})
        return
    rows = [
        (queue, line.payments, line.tokens_in, line.tokens_out, *map(dollars, (line.spent, line.saved, line.twice)))
        for queue, line in [*lines.items(), ("=", whole)]
    ]
    columns = ("queue", "payments", "tokens_in", "tokens_out", "spent", "saved", "twice")
    table(columns, rows if lines else [], empty="ledger.none")
