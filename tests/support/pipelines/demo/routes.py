"""A route of the pipeline's own."""

from typing import Annotated

from fastapi import APIRouter, Depends

from stagepass.pipelines.http import RouteDeps


def make_router(deps: RouteDeps) -> APIRouter:
    router = APIRouter()

    @router.get("/demo/hello")
    def hello(owner: Annotated[str, Depends(deps.owner)]) -> dict[str, str]:
        """Says who is there."""
        return {"hello": owner}

    return router
