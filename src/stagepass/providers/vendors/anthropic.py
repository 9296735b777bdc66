"""Anthropic's Messages. Contract: platform.claude.com/docs, version 2026-10-21."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from stagepass.errors import Blocked, Permanent
from stagepass.providers.tables import ANTHROPIC
from stagepass.providers.vendors.answer import Said, Turn, VendorText, plain_schema, typed
from stagepass.providers.vendors.http import Http
from stagepass.providers.vendors.prices import Prices
from stagepass.providers.vendors.wire import amount, record

VERSION = "2026-10-21"

MOST_TOKENS = 16_384
"""Maximum number of answer tokens; the API requires it."""


class AnthropicText(VendorText):
    """A `TextModel` of api.anthropic.com."""

    name = "anthropic"

    def __init__(self, model: str, key: str, base_url: str, prices: Prices) -> None:
        super().__init__(model, prices)
        headers = {"Authorization": f"Bearer {key}", "anthropic-version": VERSION}
        self._http = Http(base_url or "https://api.anthropic.com", headers, ANTHROPIC)

    def ask(self, turns: Sequence[Turn], schema: type[BaseModel], seconds: float) -> Said:
        body = {
            "model": self.model,
            "max_tokens": MOST_TOKENS,
            "messages": [{"role": turn.role, "content": _parts(turn)} for turn in turns],
            "output_config": {"format": {"type": "json_schema", "schema": plain_schema(schema)}},
        }
        return self._said(self._http.post("/v1/messages", body, time_limit=seconds))

    def self_check(self) -> str:
        self._http.get(f"/v1/models/{self.model}", time_limit=10)
        return f"anthropic: the key is good and {self.model} is there"

    def _said(self, answer: Any) -> Said:
        why = answer.get("stop_reason")
        if why == "refusal":
            raise Blocked("anthropic: rejected the content", provider=self.name, advice="change the text or the photos")
        if why == "max_tokens":
            raise self.cut_off()
        if why == "model_context_window_exceeded":
            raise Permanent("anthropic: the request is too long", provider=self.name, advice="shorten the request")
        usage = record(answer.get("usage"))
        counted = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        return Said(
            "".join(str(part.get("text") or "") for part in answer.get("content") or [] if part.get("type") == "text"),
            int(sum(amount(usage.get(name)) for name in counted)),
            int(amount(usage.get("output_tokens"))),
        )


def _parts(turn: Turn) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"type": "text", "text": turn.text}]
    for image in turn.images:
        kind, content = typed(image)
        parts.append({"type": "image", "source": {"type": "base64", "media_type": kind, "data": content}})
    return parts
