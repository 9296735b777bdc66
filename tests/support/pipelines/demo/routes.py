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

    @router.post("/demo/count")
    def count(owner: Annotated[str, Depends(deps.owner)], words: list[str]) -> dict[str, int]:
        """Counts words; FastAPI reads the body."""
        return {"words": len(words)}

    return router
