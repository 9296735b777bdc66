"""Google's Gemini: python -m tests.support.vendors.gemini --port 0."""

from typing import Any

from tests.support.vendors.server import Call, Reply, Vendor, main
from tests.support.vendors.words import fitting


def said(*parts: Any, finish: str = "STOP") -> dict[str, object]:
    """The body of an answer; a part is its text, or the whole of it."""
    listed = [{"text": part} if isinstance(part, str) else part for part in parts]
    return {
        "candidates": [{"content": {"parts": listed, "role": "model"}, "finishReason": finish, "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 5,
            "thoughtsTokenCount": 3,
            "totalTokenCount": 18,
        },
        "modelVersion": "m",
    }


class Gemini(Vendor):
    """Answers with a value that fits the schema of `generationConfig`, in two parts and with a thought."""

    routes = (
        ("POST", r"/v1(?:beta)?/models/([^/]+):generateContent", "generate"),
        ("GET", r"/v1(?:beta)?/models/([^/]+)", "model"),
    )

    def authorized(self, call: Call) -> bool:
        return call.headers.get("x-goog-api-key") == self.key

    def refused(self) -> Reply:
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
        error = {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": details}
        return Reply({"error": error}, 400)

    def generate(self, call: Call) -> Reply:
        text = fitting(call.body["generationConfig"]["responseJsonSchema"])
        return Reply(said({"text": "let me think {", "thought": True}, text[:9], text[9:]))

    def model(self, call: Call) -> Reply:
        return Reply({"name": f"models/{call.parts[0]}"})


if __name__ == "__main__":
    main(Gemini)
