"""OpenAI, and every server that speaks its Chat Completions: Ollama, vLLM, llama.cpp and others.

Contract: platform.openai.com/docs/api-reference/chat, as of November 2026.
"""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from stagepass.errors import Blocked, Permanent
from stagepass.providers.answers import OddAnswer
from stagepass.providers.tables import COMPATIBLE, OPENAI
from stagepass.providers.vendors.answer import Said, Turn, VendorText, plain_schema, typed
from stagepass.providers.vendors.http import Http
from stagepass.providers.vendors.prices import Prices
from stagepass.providers.vendors.wire import amount, own_shape, record, word

MOST_TOKENS = 16_384
"""Tokens of an answer, its thoughts included."""


class OpenAIText(VendorText):
    """A `TextModel` of api.openai.com."""

    name = "openai"

    def __init__(self, model: str, key: str, base_url: str, prices: Prices) -> None:
        super().__init__(model, prices)
        self._http = Http(base_url or "https://api.openai.com/v1", {"Authorization": f"Bearer {key}"}, OPENAI)

    def ask(self, turns: Sequence[Turn], schema: type[BaseModel], seconds: float) -> Said:
        body = {
            "model": self.model,
            "messages": [_message(turn) for turn in turns],
            "max_completion_tokens": MOST_TOKENS,
            **_format(schema, plain_schema(schema)),
        }
        return _said(self, self._http.post("/chat/completions", body, time_limit=seconds))

    def self_check(self) -> str:
        self._http.get(f"/models/{self.model}", time_limit=10)
        return f"openai: the key is good and {self.model} is there"


class CompatibleText(VendorText):
    """A `TextModel` of a server that speaks OpenAI's dialect, and may or may not enforce a schema.

    Args:
        most_tokens: of an answer; a small model may write on and on, until its time is over.
    """

    name = "compatible"

    def __init__(self, model: str, key: str, base_url: str, prices: Prices, *, most_tokens: int | None = None) -> None:
        super().__init__(model, prices)
        self._http = Http(base_url, {"Authorization": f"Bearer {key or 'none'}"}, COMPATIBLE)
        self._most_tokens = most_tokens or MOST_TOKENS
        self._way = 0
        """Of `_ways`, the first that the server is not known to refuse."""

    def ask(self, turns: Sequence[Turn], schema: type[BaseModel], seconds: float) -> Said:
        wanted = json.dumps(plain_schema(schema, bounds=True), ensure_ascii=False)
        asked = Turn("user", f"{turns[0].text}\n\nAnswer with one JSON value that fits this schema:\n{wanted}")
        first = Turn("user", asked.text, turns[0].images)  # the schema as words too: it may be ignored as a setting
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [_message(turn) for turn in (first, *turns[1:])],
            "max_tokens": self._most_tokens,
        }
        for way, setting in self._ways(schema):
            try:
                said = _said(self, self._http.post("/chat/completions", {**body, **setting}, time_limit=seconds))
            except Permanent as problem:
                if not setting or not any(f"HTTP {status}" in problem.message for status in (400, 422)):
                    raise
            else:
                self._way = max(way, self._way)  # it took the question that it refused before
                return said
        raise AssertionError("the last way has no setting that could be refused")

    def _ways(self, schema: type[BaseModel]) -> list[tuple[int, dict[str, Any]]]:
        """The schema as a grammar, as most servers know one, and in words alone."""
        strict, plain = plain_schema(schema, grammar=True), plain_schema(schema, bounds=True)
        ways = [(0, _format(schema, strict)), (1, _format(schema, plain)), (2, {})]
        if strict == plain:
            del ways[1 if self._way == 0 else 0]
        return [(way, setting) for way, setting in ways if way >= self._way]

    def self_check(self) -> str:
        listed = self._http.get("/models", time_limit=10)
        with own_shape(self.name):
            models = [word(one.get("id")) for one in listed.get("data") or []]
        if models and not any(self.model in (id, id.rpartition("/")[2]) for id in models):  # llama.cpp lists a path
            raise Permanent(
                f"compatible: the server does not have {self.model}",
                provider=self.name,
                advice=f"name one that it has: {', '.join(models[:5])}",
            )
        return f"compatible: the server answers with {len(models)} models"


def _message(turn: Turn) -> dict[str, Any]:
    if not turn.images:
        return {"role": turn.role, "content": turn.text}
    parts: list[dict[str, Any]] = [{"type": "text", "text": turn.text}]
    for image in turn.images:
        kind, content = typed(image)
        parts.append({"type": "image_url", "image_url": {"url": f"data:{kind};base64,{content}"}})
    return {"role": turn.role, "content": parts}


def _format(schema: type[BaseModel], words: dict[str, Any]) -> dict[str, Any]:
    wanted_schema = {"name": schema.__name__, "strict": True, "schema": words}
    return {"response_format": {"type": "json_schema", "json_schema": wanted_schema}}


def _said(model: VendorText, answer: Any) -> Said:
    """Read the content of an answer; a refusal or a filter is `Blocked`, a truncated answer `InvalidOutput`."""
    usage = record(answer.get("usage"))
    choice = answer["choices"][0]
    message = choice.get("message") or {}
    if choice.get("error") or choice.get("finish_reason") == "error":  # a gateway whose own vendor failed half-way
        raise OddAnswer(f"{model.name}: answered with an error", provider=model.name)
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        raise Blocked(
            f"{model.name}: rejected the content", provider=model.name, advice="change the text or the photos"
        )
    if choice.get("finish_reason") == "length":
        raise model.cut_off()
    return Said(
        _text(message.get("content")) or _called_with(message),
        int(amount(usage.get("prompt_tokens"))),
        int(amount(usage.get("completion_tokens"))),
    )


def _text(content: Any) -> str:
    """A message's content: a text, or parts of which some are texts."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _called_with(message: dict[str, Any]) -> str:
    """The arguments of a call, of a server that takes every schema for a tool."""
    for call in message.get("tool_calls") or []:
        return _text(call["function"]["arguments"])
    return ""
