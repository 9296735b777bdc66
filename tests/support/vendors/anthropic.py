"""Anthropic's Messages: python -m tests.support.vendors.anthropic --port 0."""

from tests.support.vendors.server import Call, Reply, Vendor, main
from tests.support.vendors.words import fitting


def said(*texts: str, stop: str = "end_turn") -> dict[str, object]:
    """The body of an answer."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": text} for text in texts],
        "stop_reason": stop,
        "usage": {
            "input_tokens": 10,
            "output_tokens": 5,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }


class Anthropic(Vendor):
    """Answers with a value that fits the schema of `output_config`."""

    routes = (("POST", "/v1/messages", "messages"), ("GET", r"/v1/models/(.+)", "model"))

    def messages(self, call: Call) -> Reply:
        if call.headers.get("anthropic-version") != "2026-10-21" or "max_tokens" not in call.body:
            error = {"type": "invalid_request_error", "message": "version and max_tokens are needed"}
            return Reply({"type": "error", "error": error}, 400)
        return Reply(said(fitting(call.body["output_config"]["format"]["schema"])))

    def model(self, call: Call) -> Reply:
        return Reply({"type": "model", "id": call.parts[0]})


if __name__ == "__main__":
    main(Anthropic)
