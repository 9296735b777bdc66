"""A pipeline as JSON: its stages, and the schema of its input."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from stagepass.declare.pipeline import Pipeline
from stagepass.declare.stage import Role, Stage
from stagepass.providers.fetching.accept import file_fields


class StageInfo(BaseModel):
    """A stage as it is declared."""

    name: str
    role: Role = Field(
        default="stage", description="`undo` and `on_failure` run when a job has failed or was cancelled"
    )
    undoes: str | None = Field(default=None, description="the stage of which it undoes the runs")
    queue: str
    after: list[str]
    each: str | None = Field(default=None, description="runs once per item of this list")
    batch: int | None = Field(default=None, description="maximum number of runs, of any jobs, per call")
    optional: bool = Field(description="may be skipped")
    pool: Literal["io", "cpu"]
    concurrency: int | None = Field(default=None, description="slots of its separate worker group under `stagepass up`")
    retries: int
    time_limit: float = Field(description="seconds, of one attempt")
    run_limit: float = Field(description="seconds, from its first attempt on, waits included")
    needs: list[str] = Field(description="providers that it uses")


class PipelineSummary(BaseModel):
    """A pipeline in the list."""

    name: str
    version: int
    title: str
    stages: list[str]


class PipelineView(BaseModel):
    """A pipeline: what it takes and what it does."""

    name: str
    version: int
    title: str
    stages: list[StageInfo]
    handlers: list[StageInfo] = Field(description="stages that run only when a job has failed or was cancelled")
    undo_on: list[str] = Field(description="ends of a job for which what it did is undone", examples=[["failed"]])
    input: dict[str, Any] = Field(description="JSON schema of what is submitted")
    uploads: list[str] = Field(description="fields that take files, in a form")
    examples: list[dict[str, Any]]


def pipeline_summary(pipeline: Pipeline, languages: str | None) -> PipelineSummary:
    """A pipeline in a list. `languages`: as in Accept-Language."""
    return PipelineSummary(
        name=pipeline.name, version=pipeline.version, title=title(pipeline, languages), stages=list(pipeline.stages)
    )


def pipeline_view(pipeline: Pipeline, languages: str | None) -> PipelineView:
    """A whole pipeline. `languages`: as in Accept-Language."""
    return PipelineView(
        name=pipeline.name,
        version=pipeline.version,
        title=title(pipeline, languages),
        stages=[_stage(stage) for stage in pipeline.stages.values()],
        handlers=[_stage(stage) for stage in pipeline.handlers.values()],
        undo_on=sorted(pipeline.undo_on),
        input=input_schema(pipeline),
        uploads=list(file_fields(pipeline.input)),
        examples=pipeline.examples,
    )


def _stage(stage: Stage) -> StageInfo:
    return StageInfo(
        name=stage.name,
        role=stage.role,
        undoes=stage.undoes.name if stage.undoes else None,
        queue=stage.queue,
        after=[parent.name for parent in stage.after],
        each=".".join((stage.over[0].name, *stage.over[1])) if stage.over else None,
        batch=stage.batch.most if stage.batch else None,
        optional=stage.when is not None,
        pool=stage.pool,
        concurrency=stage.concurrency,
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
