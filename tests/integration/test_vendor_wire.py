"""What we send is what the vendors' own SDKs send for the same question, as recorded from them.

`sdk_calls.json` is written by `python -m tests.support.vendors.record`. All differences that are meant stand here.
"""

import json
import re
from typing import Any

import pytest

from stagepass.providers.ports import TextRequest
from stagepass.providers.vendors.answer import VendorText
from stagepass.providers.vendors.anthropic import AnthropicText
from stagepass.providers.vendors.gemini import GeminiText
from stagepass.providers.vendors.openai import OpenAIText
from stagepass.providers.vendors.prices import Prices
from tests.support.vendors.record import RECORDED, SERVERS, seen
from tests.support.vendors.sdk_calls import JPEG, KEY, PROMPT, Answer

SDKS = json.loads(RECORDED.read_text())
PRICES = Prices("2026-11-01", {})

THEIRS_ALONE = {"x-goog-api-client": "names the SDK", "stream": "false is the default"}
ONLY_CHECKED = {"title", "default", "minLength", "maxLength", "minimum", "maximum"}
"""Words of a schema that not every strict mode takes: ours sends none of them, and checks the answer by them."""


def _model(name: str, url: str) -> VendorText:
    match name:
        case "openai":
            return OpenAIText("m", KEY, f"{url}/v1", PRICES)
        case "anthropic":
            return AnthropicText("m", KEY, url, PRICES)
    return GeminiText("m", KEY, url, PRICES, safety="BLOCK_ONLY_HIGH", thinking=0)


@pytest.fixture(params=sorted(SERVERS))
def both(request: pytest.FixtureRequest) -> tuple[list[Any], list[Any]]:
    """The same two calls, a self-check and a question: ours, and the SDK's."""
    with SERVERS[request.param](key=KEY) as server:
        model = _model(request.param, server.url)
        model.self_check()
        model.generate(TextRequest("test.wire", PROMPT, Answer, images=[JPEG], time_limit=30))
        return [seen(call) for call in server.calls], SDKS[request.param]["calls"]


def test_the_same_paths_are_called(both: tuple[list[Any], list[Any]]) -> None:
    ours, theirs = ([(call["method"], call["path"]) for call in calls] for calls in both)
    assert ours == theirs


def test_key_version_and_deadline_stand_in_the_same_headers(both: tuple[list[Any], list[Any]]) -> None:
    ours, theirs = (
        {name: value for name, value in calls[-1]["headers"].items() if name not in THEIRS_ALONE and name != "accept"}
        for calls in both
    )
    assert ours == theirs


def test_the_same_is_asked(both: tuple[list[Any], list[Any]]) -> None:
    ours, theirs = (_alike(calls[-1]["body"]) for calls in both)
    assert ours == theirs


def test_nothing_that_was_recorded_is_a_key_of_somebody() -> None:
    assert set(re.findall(r"sk-[\w-]+", RECORDED.read_text())) == {KEY}


# ── one spelling for both ──


def _alike(node: Any) -> Any:
    """Without what is written in two ways: names in camel or snake case, base64 in two alphabets, and schemas."""
    if isinstance(node, list):
        return [_alike(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    if "$defs" in node:
        return _bare(node)
    alike = {_camel(name): _alike(value) for name, value in node.items() if name not in THEIRS_ALONE}
    if isinstance(alike.get("data"), str):
        alike["data"] = alike["data"].replace("-", "+").replace("_", "/")
    return alike


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def _bare(schema: Any) -> Any:
    """What an answer may look like: shapes and descriptions, without the limits of values."""
    if isinstance(schema, list):
        return [_bare(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    bare = {}
    for word, value in schema.items():
        if word in ("properties", "$defs"):
            bare[word] = {name: _bare(part) for name, part in value.items()}
        elif word == "description":
            bare[word] = value.split("\n\n{")[0]  # one SDK writes the limits into it
        elif word not in ONLY_CHECKED:
            bare[word] = _bare(value)
    if str(bare.get("description", "")).startswith("{"):
        del bare["description"]
    if bare.get("type") == "object":  # strict modes want all of it; where the SDK leaves that to the caller, we do it
        bare.pop("description", None)
        bare |= {"required": sorted(bare["properties"]), "additionalProperties": False}
    if "enum" in bare:
        bare.pop("type", None)
    return bare
