"""The local text model: writers in Python that answer by a request's purpose, without a key or a network.

A pipeline registers its writers when it is imported:

    @writes("promo.lyric", model="shop-song-1")
    def write_lyric(request: TextRequest) -> LyricText: ...
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from stagepass.errors import DeclarationError, InvalidOutput, Permanent
from stagepass.providers.ports import TextAnswer, TextRequest

Writer = Callable[[TextRequest], BaseModel]
"""Answers one request; the same request must give the same answer, from any thread."""

W = TypeVar("W", bound=Writer)


@dataclass(frozen=True, slots=True)
class _Entry:
    model: str
    write: Writer

    @property
    def where(self) -> str:
        return f"{self.write.__module__}.{getattr(self.write, '__qualname__', repr(self.write))}"


_writers: dict[str, _Entry] = {}


def writes(purpose: str, *, model: str) -> Callable[[W], W]:
    """Register the decorated function as the local writer of `purpose`; `model` is its name in results."""

    def register(write: W) -> W:
        LocalTextModel.register(purpose, model, write)
        return write

    return register


class LocalTextModel:
    """Answers with the writer that is registered for a request's purpose. A `TextModel`."""

    name = "local"

    @staticmethod
    def register(purpose: str, model_name: str, write: Writer) -> None:
        """Make `write` the writer of `purpose`.

        Raises:
            DeclarationError: another function already is.
        """
        entry = _Entry(model_name, write)
        # A module that is imported again brings the same function by name, and may.
        known = _writers.setdefault(purpose, entry)
        if known.where != entry.where:
            raise DeclarationError(f"purpose {purpose!r} has two local writers: {known.where} and {entry.where}")
        _writers[purpose] = entry

    @staticmethod
    def purposes() -> frozenset[str]:
        """Answers that need no key."""
        return frozenset(_writers)

    def generate(self, request: TextRequest) -> TextAnswer:
        """Answer once.

        Raises:
            Permanent: no writer answers this purpose.
            InvalidOutput: the answer does not fit `request.schema`.
        """
        entry = _writers.get(request.purpose)
        if entry is None:
            raise Permanent(
                f"no local writer answers {request.purpose!r}; choose a text model with the setting TEXT_MODEL",
                provider=self.name,
                advice="Set TEXT_MODEL to a model that a key is there for.",
            )
        answer = entry.write(request)
        try:
            value = request.schema.model_validate(answer.model_dump())
        except ValidationError as error:
            # Where and what, without the answer itself: it may hold what a person wrote.
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in error.errors())
            raise InvalidOutput(
                f"the answer of {entry.model} does not fit {request.schema.__name__}: {wrong}", provider=self.name
            ) from None
        return TextAnswer(value=value, provider=self.name, model=entry.model)
