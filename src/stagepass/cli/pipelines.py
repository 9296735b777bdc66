"""``stagepass pipelines``: what this installation can do, with each one's graph."""

from typing import TYPE_CHECKING, Annotated

import typer

from stagepass.cli.output import Json, as_json, emit_view, note, out, spoken
from stagepass.cli.texts import language, text

if TYPE_CHECKING:
    from stagepass.declare.pipeline import Pipeline
    from stagepass.declare.stage import Stage


def pipelines(
    name: Annotated[str | None, typer.Argument(help="Only this pipeline.")] = None,
    json: Json = False,
) -> None:
    """List pipelines with their stages and dependencies.

    With --json, includes the input schema of each.
    """
    from stagepass.pipelines.discover import discover
    from stagepass.settings import Settings

    settings = Settings.load()
    registry = discover(settings.pipelines, settings.time_limits)
    found = [registry.latest(name)] if name else list(registry)
    if as_json():
        from stagepass.views.pipelines import pipeline_view

        for pipeline in found:
            emit_view(pipeline_view(pipeline, language()))
        return
    if not found:
        note("pipelines.none")
    for pipeline in found:
        _print(pipeline)


def _print(pipeline: "Pipeline") -> None:
    from rich.text import Text

    title = pipeline.title.get(language()) or pipeline.title.get("en") or ""
    out().print(Text.assemble((pipeline.name, "bold cyan"), f" v{pipeline.version}  ", (title, "dim")))
    depth: dict[str, int] = {}
    for stage in pipeline.stages.values():
        depth[stage.name] = 1 + max((depth[parent.name] for parent in stage.after), default=-1)
        out().print(Text.assemble(_branch(depth[stage.name]), (stage.name, "bold"), "  ", (_facts(stage), "dim")))
    for handler in pipeline.handlers.values():
        what = text("pipelines.undo", stage=handler.undoes.name) if handler.undoes else text("pipelines.on_failure")
        out().print(Text.assemble("   ↩ ", (handler.name, "bold"), "  ", (f"{what} · {_facts(handler)}", "dim")))
    fields = [
        field_name if field.is_required() else f"[{field_name}]"
        for field_name, field in pipeline.input.model_fields.items()
    ]
    out().print(Text.assemble(("   " + text("pipelines.input"), "dim"), "  ", " ".join(fields)))
    out().print()


def _branch(depth: int) -> str:
    return "   " if depth == 0 else "   " + "   " * (depth - 1) + "└─ "


def _facts(stage: "Stage") -> str:
    facts = []
    if len(stage.after) > 1:
        facts.append(text("pipelines.after", stages=", ".join(parent.name for parent in stage.after)))
    if stage.over:
        facts.append(text("pipelines.each", list=".".join((stage.over[0].name, *stage.over[1]))))
    if stage.batch:
        facts.append(text("pipelines.batch", most=stage.batch.most, within=spoken(stage.batch.within)))
    if stage.when:
        facts.append(text("pipelines.when"))
    facts.append(text(f"pipelines.{stage.pool}"))
    facts.append(text("pipelines.limit", limit=spoken(stage.time_limit)))
    if stage.needs:
        facts.append(text("pipelines.needs", ports=", ".join(port.__name__ for port in stage.needs)))
    return " · ".join(facts)
