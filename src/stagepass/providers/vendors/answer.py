"""Shared code of the text vendors: the schema to send, reading the answer, and one repair.

No vendor is trusted to enforce a schema; the answer is always checked, and one that does not fit is sent
back once with what is wrong about it.
"""

import base64
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from stagepass.errors import InvalidOutput, TimedOut
from stagepass.providers.fetching.kinds import HEAD, kind_of
from stagepass.providers.ports import TextAnswer, TextRequest, Usage
from stagepass.providers.vendors.prices import Prices
from stagepass.providers.vendors.reading import Unfit, read
from stagepass.providers.vendors.wire import own_shape

__all__ = ["LONGEST_WAIT", "Said", "Turn", "Unfit", "VendorText", "plain_schema", "read", "typed"]

LONGEST_WAIT = 60.0
"""Default time limit of a call, in seconds."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation: `role` is user or assistant."""

    role: str
    text: str
    images: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A vendor's answer: the text and its token counts."""

    text: str
    tokens_in: int = 0
    tokens_out: int = 0


class VendorText(ABC):
    """A `TextModel` over a vendor's API; a vendor only implements a single request."""

    name: str

    def __init__(self, model: str, prices: Prices) -> None:
        self.model = model
        self._prices = prices

    @abstractmethod
    def ask(self, turns: Sequence[Turn], schema: type[BaseModel], seconds: float) -> Said:
        """Make one request, with this time limit in seconds. Raises a `StageError`."""

    @abstractmethod
    def self_check(self) -> str:
        """See `stagepass.providers.ports.SelfCheck`."""

    def generate(self, request: TextRequest) -> TextAnswer:
        """See `stagepass.providers.ports.TextModel.generate`."""
        limit = LONGEST_WAIT if request.time_limit is None else request.time_limit
        end = time.monotonic() + limit
        turns = [Turn("user", request.prompt, request.images)]
        said = self._asked(turns, request.schema, limit)
        asked = [said]
        try:
            value = read(said.text, request.schema)
        except Unfit as problem:
            left = end - time.monotonic()
            if left <= 1:
                raise TimedOut(f"{self.name}: no time was left to repair its answer", provider=self.name) from None
            turns += [Turn("assistant", said.text[:_ECHO] or "(nothing)"), Turn("user", f"{problem}\n{_AGAIN}")]
            said = self._asked(turns, request.schema, left)
            asked.append(said)
            value = self._repaired(said, request.schema)
        return TextAnswer(value, self.name, self.model, self._usage(asked))

    def _asked(self, turns: Sequence[Turn], schema: type[BaseModel], seconds: float) -> Said:
        with own_shape(self.name):
            return self.ask(turns, schema, seconds)

    def _repaired(self, said: Said, schema: type[BaseModel]) -> BaseModel:
        try:
            return read(said.text, schema)
        except Unfit as problem:
            raise InvalidOutput(
                f"{self.name}: its answer does not fit {schema.__name__}, also after one repair: {problem}",
                provider=self.name,
                advice="choose another model",
            ) from None

    def _usage(self, asked: Sequence[Said]) -> Usage:
        tokens_in, tokens_out = sum(one.tokens_in for one in asked), sum(one.tokens_out for one in asked)
        return Usage(tokens_in, tokens_out, self._prices.usd(self.name, self.model, tokens_in, tokens_out))

    def cut_off(self) -> InvalidOutput:
        """The answer ended because it became too long; asking again in the same way would end the same."""
        return InvalidOutput(
            f"{self.name}: its answer was cut off because it became too long",
            provider=self.name,
            advice="choose a model that says or thinks less, or allow it more tokens",
        )


_ECHO = 20_000
"""Characters of an answer that does not fit which are sent back with what is wrong about it."""

_AGAIN = "Answer again, with the whole JSON value and nothing else."


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────

_PLAIN = {"$ref", "$defs", "type", "properties", "items", "enum", "const", "anyOf", "description", "required"}
"""The words of JSON Schema that every vendor knows; what else a schema says is checked when the answer is there."""


_BOUNDS = {"minItems", "maxItems", "minLength", "maxLength"}
"""Schema keywords that limit the length of texts and lists, for servers with a grammar and for the prompt."""

_GRAMMAR = _BOUNDS | {"prefixItems"}
"""Schema keyword only for servers with a grammar: the schema of each entry of a list, one by one, instead of `items`."""


def plain_schema(schema: type[BaseModel], *, bounds: bool = False, grammar: bool = False) -> dict[str, Any]:
    """The schema in the words that strict modes take: every field required, no others allowed.

    Args:
        bounds: keep how long texts and lists may be, too.
        grammar: keep what only a server with a grammar follows, too.
    """
    more = _GRAMMAR if grammar else _BOUNDS if bounds else set()
    plain = _plain(schema.model_json_schema(), _PLAIN | more)
    assert isinstance(plain, dict)
    return plain


def _plain(node: Any, words: Set[str]) -> Any:
    if isinstance(node, list):
        return [_plain(entry, words) for entry in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:  # strict modes take no words beside it
        return {"$ref": node["$ref"]}
    kept: dict[str, Any] = {}
    for word, value in node.items():
        if word in ("properties", "$defs"):
            kept[word] = {name: _plain(part, words) for name, part in value.items()}
        elif word in words:
            kept[word] = _plain(value, words)
    if "prefixItems" in kept:
        kept.pop("items", None)  # llama.cpp would read them instead
    if "properties" in kept or kept.get("type") == "object":
        kept.pop("description", None)  # a class's docstring is for us; its fields' descriptions are for the model
        kept.update(required=list(kept.get("properties", {})), additionalProperties=False)
    return kept


def typed(image: bytes) -> tuple[str, str]:
    """The content type of a picture, and its content in base64."""
    return kind_of(image[:HEAD]) or "application/octet-stream", base64.b64encode(image).decode()
