"""Pipelines: what there is, what each takes, and what it does."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from stagepass.api.deps import PREFIX, Owner, SystemDep
from stagepass.api.views import PipelineList, PipelineSummary, PipelineView, StageInfo
from stagepass.declare.pipeline import Pipeline
from stagepass.declare.stage import Stage
from stagepass.providers.fetching.accept import file_fields

router = APIRouter(tags=["pipelines"])

Languages = Annotated[str | None, Header(alias="Accept-Language", description="for titles", examples=["ko, en;q=0.5"])]


@router.get(f"{PREFIX}/pipelines", summary="List pipelines")
def list_pipelines(_: Owner, system: SystemDep, response: Response, languages: Languages = None) -> PipelineList:
    """Every pipeline that this installation knows."""
    response.headers["Vary"] = "Accept-Language"
    return PipelineList(
        pipelines=[
            PipelineSummary(name=p.name, version=p.version, title=title(p, languages), stages=list(p.stages))
            for p in system.registry
        ]
    )


@router.get(f"{PREFIX}/pipelines/{{name}}", summary="Look at a pipeline")
def get_pipeline(
    name: str, _: Owner, system: SystemDep, response: Response, languages: Languages = None
) -> PipelineView:
    """Its stages and what each comes after, the schema of its input, and inputs that work."""
    response.headers["Vary"] = "Accept-Language"
    pipeline = system.registry.latest(name)
    return PipelineView(
        name=pipeline.name,
        version=pipeline.version,
        title=title(pipeline, languages),
        stages=[_stage(stage) for stage in pipeline.stages.values()],
        input=input_schema(pipeline),
        uploads=list(file_fields(pipeline.input)),
        examples=pipeline.examples,
    )


def _stage(stage: Stage) -> StageInfo:
    return StageInfo(
        name=stage.name,
        queue=stage.queue,
        after=[parent.name for parent in stage.after],
        each=".".join((stage.over[0].name, *stage.over[1])) if stage.over else None,
        batch=stage.batch.most if stage.batch else None,
        optional=stage.when is not None,
        pool=stage.pool,
        retries=stage.retry.times,
        time_limit=stage.time_limit,
        run_limit=stage.run_limit,
        needs=[port.__name__ for port in stage.needs],
    )


def input_schema(pipeline: Pipeline, ref_template: str = "#/$defs/{model}") -> dict[str, Any]:
    """JSON schema of what is submitted. Files are sent in a form, never named."""
    schema = pipeline.input.model_json_schema(ref_template=ref_template)
    if "File" in schema.get("$defs", {}):
        schema["$defs"]["File"] = {
            "title": "File",
            "type": "string",
            "format": "binary",
            "description": "a file part of this name in a multipart form",
        }
    return schema


def title(pipeline: Pipeline, languages: str | None) -> str:
    """Its title in the language that is liked best; else English, else any, else its name."""
    titles = {tag.lower(): text for tag, text in pipeline.title.items()}
    for wanted in [*_preferred(languages or ""), "en"]:
        if wanted in titles:
            return titles[wanted]
    return next(iter(titles.values()), pipeline.name)


def _preferred(header: str) -> list[str]:
    """The language tags of an Accept-Language header, each followed by its language alone, the most liked first."""
    liked: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, q = part.strip().lower().partition(";q=")
        try:
            liked.append((float(q) if q else 1.0, tag))
        except ValueError:
            continue
    found = [tag for q, tag in sorted(liked, key=lambda pair: -pair[0]) if tag and q > 0]
    return list(dict.fromkeys(step for tag in found for step in (tag, tag.partition("-")[0])))
