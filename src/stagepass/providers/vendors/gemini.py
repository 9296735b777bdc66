"""Google's Gemini. Contract: ai.google.dev/api/generate-content, version v1, as of November 2026."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from stagepass.errors import Blocked
from stagepass.providers.tables import GEMINI
from stagepass.providers.vendors.answer import Said, Turn, VendorText, plain_schema, typed
from stagepass.providers.vendors.http import Http
from stagepass.providers.vendors.prices import Prices
from stagepass.providers.vendors.wire import amount, record

MOST_TOKENS = 16_384
"""Tokens of an answer, its thoughts included."""

REFUSED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "LANGUAGE",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)
"""Ends of an answer that mean no."""

_HARMS = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")


class GeminiText(VendorText):
    """A `TextModel` of generativelanguage.googleapis.com.

    Args:
        safety: the threshold for all harms, such as ``BLOCK_ONLY_HIGH``; empty for the vendor's own.
        thinking: tokens that it may think with; None for the model's own.
    """

    name = "gemini"

    def __init__(
        self, model: str, key: str, base_url: str, prices: Prices, *, safety: str = "", thinking: int | None = None
    ) -> None:
        super().__init__(model, prices)
        base = (base_url or "https://generativelanguage.googleapis.com").rstrip("/")
        self._http = Http(f"{base}/v1", {"x-goog-api-key": key}, GEMINI, limit_header="X-Server-Timeout")
        self._safety = safety
        self._thinking = thinking

    def ask(self, turns: Sequence[Turn], schema: type[BaseModel], seconds: float) -> Said:
        settings: dict[str, Any] = {
            "maxOutputTokens": MOST_TOKENS,
            "responseMimeType": "application/json",
            "responseJsonSchema": plain_schema(schema),
        }
        if self._thinking is not None:
            settings["thinkingConfig"] = {"thinkingBudget": self._thinking}
        body: dict[str, Any] = {"contents": [_content(turn) for turn in turns], "generationConfig": settings}
        if self._safety:
            body["safetySettings"] = [
                {"category": f"HARM_CATEGORY_{harm}", "threshold": self._safety} for harm in _HARMS
            ]
        return self._said(self._http.post(f"/models/{self.model}:generateContent", body, time_limit=seconds))

    def self_check(self) -> str:
        self._http.get(f"/models/{self.model}", time_limit=10)
        return f"gemini: the key is good and {self.model} is there"

    def _said(self, answer: Any) -> Said:
        """The text of all parts that are no thoughts. No candidate, or an end of `REFUSED`, is `Blocked`."""
        candidates = answer.get("candidates") or []
        if not candidates and (answer.get("promptFeedback") or {}).get("blockReason"):
            raise self._blocked()
        candidate = candidates[0] if candidates else {}
        why = candidate.get("finishReason")
        if why in REFUSED:
            raise self._blocked()
        if why == "MAX_TOKENS":
            raise self.cut_off()
        parts = (candidate.get("content") or {}).get("parts") or []
        usage = record(answer.get("usageMetadata"))
        return Said(
            "".join(str(part.get("text") or "") for part in parts if not part.get("thought")),
            int(amount(usage.get("promptTokenCount"))),
            int(amount(usage.get("candidatesTokenCount")) + amount(usage.get("thoughtsTokenCount"))),
        )

    def _blocked(self) -> Blocked:
        return Blocked("gemini: rejected the content", provider=self.name, advice="change the text or the photos")


def _content(turn: Turn) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"text": turn.text}]
    for image in turn.images:
        kind, content = typed(image)
        parts.append({"inlineData": {"mimeType": kind, "data": content}})
    return {"role": "model" if turn.role == "assistant" else "user", "parts": parts}
