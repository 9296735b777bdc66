"""Pipelines: the list, and each one's inputs and stages."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from stagepass.api.deps import Owner, SystemDep
from stagepass.api.views import PipelineList
from stagepass.views.jobs import PREFIX
from stagepass.views.pipelines import PipelineView, pipeline_summary, pipeline_view

router = APIRouter(tags=["pipelines"])

Languages = Annotated[str | None, Header(alias="Accept-Language", description="for titles", examples=["ko, en;q=0.5"])]


@router.get(f"{PREFIX}/pipelines", summary="List pipelines")
def list_pipelines(_: Owner, system: SystemDep, response: Response, languages: Languages = None) -> PipelineList:
    """Every pipeline that this installation knows."""
    response.headers["Vary"] = "Accept-Language"
    return PipelineList(pipelines=[pipeline_summary(pipeline, languages) for pipeline in system.registry])


@router.get(f"{PREFIX}/pipelines/{{name}}", summary="Look at a pipeline")
def get_pipeline(
    name: str, _: Owner, system: SystemDep, response: Response, languages: Languages = None
) -> PipelineView:
    """Its stages and what each comes after, the schema of its input, and inputs that work."""
    response.headers["Vary"] = "Accept-Language"
    return pipeline_view(system.registry.latest(name), languages)
