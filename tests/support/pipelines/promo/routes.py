"""The real routes of `promo`."""

from stagepass.pipelines.promo.routes import make_router

__all__ = ["make_router"]
