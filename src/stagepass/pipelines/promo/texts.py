"""The messages of this pipeline: what a stage reports travels as a code, and is read in any language."""

from functools import cache
from typing import Any

from stagepass.content.catalogue import Catalogue
from stagepass.sentences import Sentence


@cache
def texts() -> Catalogue:
    """The catalogue of this pipeline."""
    return Catalogue.load("stagepass.pipelines.promo")


def say(code: str, language: str, *, stage: str | None = None, **parameters: Any) -> str:
    """A message, with the stage by its name in that language."""
    named = {} if stage is None else {"stage": texts().text(f"stage.{stage}", language)}
    return texts().text(code, language, **named, **parameters)


def message(code: str, **parameters: Any) -> Sentence:
    """Progress messages of a stage: English for logs and lists, and the code for `say`."""
    return Sentence(texts().text(code, "en", **parameters), code, parameters)
