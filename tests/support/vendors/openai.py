"""OpenAI's Chat Completions, or a server that is like it: python -m tests.support.vendors.openai --port 0."""

from tests.support.vendors.server import Call, Reply, Vendor, main
from tests.support.vendors.words import fitting


def said(text: str | None, finish: str = "stop", **message: object) -> dict[str, object]:
    """The body of an answer."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None, **message},
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


class OpenAI(Vendor):
    """Answers with a value that fits the schema of `response_format`."""

    routes = (
        ("POST", r".*/chat/completions", "chat"),
        ("GET", r".*/models", "models"),
        ("GET", r".*/models/(.+)", "model"),
    )

    def chat(self, call: Call) -> Reply:
        wanted = call.body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        return Reply(said(fitting(wanted)))

    def models(self, call: Call) -> Reply:
        return Reply({"object": "list", "data": [{"id": "m", "object": "model"}]})

    def model(self, call: Call) -> Reply:
        if call.parts[0] != "m":
            return Reply({"error": {"message": "The model does not exist", "code": "model_not_found"}}, 404)
        return Reply({"id": "m", "object": "model"})


if __name__ == "__main__":
    main(OpenAI)
