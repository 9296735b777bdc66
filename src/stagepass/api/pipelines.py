"""Pipelines: the list, and each one's inputs and stages."""

import hashlib
from typing import Annotated
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Header, Response

from stagepass.api.deps import Owner, SystemDep
from stagepass.api.views import PipelineList
from stagepass.declare.pipeline import Pipeline
from stagepass.files.serve import matches
from stagepass.views.jobs import PREFIX
from stagepass.views.pipelines import PipelineView, pipeline_summary, pipeline_view, title

router = APIRouter(tags=["pipelines"])

Languages = Annotated[str | None, Header(alias="Accept-Language", description="for titles", examples=["ko, en;q=0.5"])]

Known = Annotated[str | None, Header(alias="If-None-Match", description="the ETag of an answer that you have")]

_answers: WeakKeyDictionary[Pipeline, dict[str, bytes]] = WeakKeyDictionary()
"""By pipeline and title: its answer. A pipeline stays as it is declared for as long as the process runs."""


@router.get(f"{PREFIX}/pipelines", summary="List pipelines")
def list_pipelines(_: Owner, system: SystemDep, response: Response, languages: Languages = None) -> PipelineList:
    """Every pipeline that this installation knows."""
    response.headers["Vary"] = "Accept-Language"
    return PipelineList(pipelines=[pipeline_summary(pipeline, languages) for pipeline in system.registry])


@router.get(
    f"{PREFIX}/pipelines/{{name}}",
    summary="Look at a pipeline",
    response_model=PipelineView,
    responses={304: {"description": "Not changed since the answer with that ETag"}},
)
async def get_pipeline(
    name: str, _: Owner, system: SystemDep, languages: Languages = None, if_none_match: Known = None
) -> Response:
    """Its stages and what each comes after, the schema of its input, and inputs that work."""
    pipeline = system.registry.latest(name)
    shown, made = title(pipeline, languages), _answers.setdefault(pipeline, {})
    body = made.get(shown)
    if body is None:
        body = made[shown] = pipeline_view(pipeline, languages).model_dump_json().encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Vary": "Accept-Language", "Cache-Control": "private, no-cache"}
    if matches(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
