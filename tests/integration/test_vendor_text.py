"""Text vendors against local servers of theirs: what is sent, what is made of every answer."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, Field

from stagepass.errors import (
    Blocked,
    InvalidOutput,
    Permanent,
    QuotaExhausted,
    RateLimited,
    StageError,
    TimedOut,
    Transient,
)
from stagepass.providers.ports import SelfCheck, TextRequest
from stagepass.providers.vendors.answer import VendorText, plain_schema
from stagepass.providers.vendors.anthropic import AnthropicText
from stagepass.providers.vendors.gemini import GeminiText
from stagepass.providers.vendors.openai import CompatibleText, OpenAIText
from stagepass.providers.vendors.prices import Prices
from tests.support.vendors import anthropic, gemini, openai
from tests.support.vendors.server import Vendor

KEY = "sk-planted-key-1234567890"
PRICES = Prices("2026-11-01", {f"{name}:m": (1.0, 2.0) for name in ("openai", "anthropic", "gemini")})
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 60


class Part(BaseModel):
    name: str
    weight: float = Field(default=1, ge=0, le=9)


class Answer(BaseModel):
    """What is asked for."""

    word: str = Field(min_length=1, examples=["x"])
    parts: list[Part] = []


GOOD = json.dumps({"word": "yes", "parts": [{"name": "a", "weight": 2}]})


class Case:
    """One vendor: its server, its adapter, and how its server says something."""

    def __init__(self, name: str) -> None:
        self.name = name
        kinds: dict[str, type[Vendor]] = {
            "openai": openai.OpenAI,
            "compatible": openai.OpenAI,
            "anthropic": anthropic.Anthropic,
            "gemini": gemini.Gemini,
        }
        self.server = kinds[name](key=KEY)
        self.path = {"anthropic": "/v1/messages", "gemini": ":generateContent"}.get(name, "/chat/completions")

    def model(self, base_url: str | None = None) -> VendorText:
        url = base_url or self.server.url
        match self.name:
            case "openai":
                return OpenAIText("m", KEY, f"{url}/v1", PRICES)
            case "compatible":
                return CompatibleText("m", KEY, f"{url}/v1", PRICES)
            case "anthropic":
                return AnthropicText("m", KEY, url, PRICES)
        return GeminiText("m", KEY, url, PRICES, safety="BLOCK_ONLY_HIGH", thinking=0)

    def said(self, text: str) -> dict[str, Any]:
        return {"anthropic": anthropic.said, "gemini": gemini.said}.get(self.name, openai.said)(text)

    def sent(self) -> Any:
        return self.server.asked(self.path)[-1].body


@pytest.fixture(params=["openai", "compatible", "anthropic", "gemini"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    made = Case(request.param)
    with made.server:
        yield made


def question(**more: Any) -> TextRequest:
    return TextRequest("test.word", "Say a word.", Answer, **more)


def test_an_answer_fits_and_its_tokens_are_counted(case: Case) -> None:
    case.server.will(case.path, {"body": case.said(GOOD)})
    answer = case.model().generate(question())
    assert answer.value == Answer(word="yes", parts=[Part(name="a", weight=2)])
    assert (answer.provider, answer.model) == (case.name, "m")
    out = 8 if case.name == "gemini" else 5  # thoughts are paid for
    assert (answer.usage.tokens_in, answer.usage.tokens_out) == (10, out)
    expected = 0 if case.name == "compatible" else (10 * 1.0 + out * 2.0) / 1_000_000
    assert answer.usage.usd == pytest.approx(expected)


def test_the_servers_own_answer_to_the_schema_fits(case: Case) -> None:
    assert isinstance(case.model().generate(question()).value, Answer)


def test_a_picture_goes_along_with_its_type(case: Case) -> None:
    case.model().generate(question(images=[JPEG]))
    sent = json.dumps(case.sent())
    assert "image/jpeg" in sent
    assert "/9j/4AAA" in sent  # JPEG's first bytes in base64


def test_the_schema_is_sent_in_words_that_strict_modes_take(case: Case) -> None:
    case.model().generate(question())
    body = case.sent()
    schema = {
        "anthropic": lambda: body["output_config"]["format"]["schema"],
        "gemini": lambda: body["generationConfig"]["responseJsonSchema"],
    }.get(case.name, lambda: body["response_format"]["json_schema"]["schema"])()
    bounds = case.name == "compatible"
    assert schema == plain_schema(Answer, bounds=bounds)
    assert schema["required"] == ["word", "parts"]
    assert "What is asked for" not in json.dumps(schema)  # a docstring is no word to a model
    assert schema["$defs"]["Part"]["required"] == ["name", "weight"]
    assert schema["$defs"]["Part"]["additionalProperties"] is False
    unknown = {"default", "minimum", "examples", "title", *(() if bounds else ("minLength",))}
    assert not unknown & set(json.dumps(schema).replace('"', " ").split())


@pytest.mark.parametrize(
    "text",
    [f"```json\n{GOOD}\n```", f"Here it is: {GOOD} I hope it helps.", f"<think>{{no}}</think>{GOOD}"],
    ids=["in a fence", "with words around", "after thoughts"],
)
def test_json_is_found_in_what_surrounds_it(case: Case, text: str) -> None:
    case.server.will(case.path, {"body": case.said(text)})
    value = case.model().generate(question()).value
    assert isinstance(value, Answer)
    assert value.word == "yes"
    assert len(case.server.asked(case.path)) == 1


@pytest.mark.parametrize(
    "text", ['{"word": 7}', '{"word": "ye', "no json here", ""], ids=["unfit", "cut", "prose", "empty"]
)
def test_an_answer_that_does_not_fit_is_repaired_once(case: Case, text: str) -> None:
    case.server.will(case.path, {"body": case.said(text)}, {"body": case.said(GOOD)})
    answer = case.model().generate(question())
    assert isinstance(answer.value, Answer)
    assert answer.usage.tokens_in == 20  # both calls are counted
    calls = case.server.asked(case.path)
    assert len(calls) == 2
    turns = calls[1].body["contents" if case.name == "gemini" else "messages"]
    assert [turn["role"] for turn in turns] == ["user", "model" if case.name == "gemini" else "assistant", "user"]


def test_after_one_repair_it_is_invalid_output_without_the_answer_in_it(case: Case) -> None:
    case.server.will(case.path, *[{"body": case.said('{"word": 7, "secret": "Kim"}')}] * 2)
    with pytest.raises(InvalidOutput, match="word: string_type") as caught:
        case.model().generate(question())
    assert "Kim" not in str(caught.value)
    assert len(case.server.asked(case.path)) == 2


NO_ANSWERS: dict[str, Any] = {
    "a page": {"text": "<html>a proxy</html>"},
    "nothing": {"text": ""},
    "half of it": {"text": '{"id": "1", "choices": [{"mess'},
    "a stream": {"text": 'data: {"choices": []}\n\ndata: [DONE]\n\n'},
    "another shape": {"body": ["what"]},
    "a text": {"body": "busy"},
    "null": {"body": None},
    "an empty object": {"body": {}},
    "an error as text": {"body": {"error": "overloaded"}},
    "an error with a code": {"body": {"error": {"message": "model overloaded", "code": 503}}},
    "an error with a text code": {"body": {"error": {"message": "m", "code": "502"}}},
    "an error with a name": {"body": {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}},
    "an error in a list": {"body": [{"error": {"code": 500, "status": "INTERNAL"}}]},
    "an error of a proxy": {"body": {"status": 503, "detail": "no upstream"}},
    "an error object": {"body": {"object": "error", "message": "m"}},
    "brackets": {"text": "[" * 2_000_000},
    "nothing in it": {"body": {"choices": [], "content": None, "candidates": None}},
}


@pytest.mark.parametrize("no", NO_ANSWERS)
def test_a_no_under_a_status_of_success_may_pass(case: Case, no: str) -> None:
    case.server.will(case.path, NO_ANSWERS[no])
    with pytest.raises(Transient) as caught:
        case.model().generate(question())
    assert caught.value.code == "transient"
    assert len(case.server.asked(case.path)) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"code": 401, "message": "bad key"}}, Permanent),
        ({"error": "Invalid API key"}, Permanent),
        ({"error": {"type": "invalid_request_error"}}, Permanent),
        ({"error": {"code": 402}}, QuotaExhausted),
        ({"error": {"message": "Insufficient credits"}}, QuotaExhausted),
        ({"error": {"code": 429, "message": "slow"}}, RateLimited),
        ({"error": {"code": "504"}}, TimedOut),
        ({"code": 429, "message": "slow"}, RateLimited),
    ],
)
def test_a_no_under_a_status_of_success_means_what_its_body_says(case: Case, body: Any, kind: type[StageError]) -> None:
    case.server.will(case.path, {"body": body, "headers": {"Retry-After": "7"}})
    with pytest.raises(kind) as caught:
        case.model().generate(question())
    assert type(caught.value) is kind
    assert caught.value.retry_after == 7


def test_another_content_type_is_no_reason_to_ask_again(case: Case) -> None:
    case.server.will(case.path, {"text": "\ufeff" + json.dumps(case.said(GOOD))})
    assert case.model().generate(question()).usage.tokens_in == 10
    assert len(case.server.asked(case.path)) == 1


def test_an_odd_count_of_tokens_loses_no_answer(case: Case) -> None:
    for odd in ("many", None, [1], {"prompt_tokens": "x", "input_tokens": -1, "promptTokenCount": 10**30}):
        body = {**case.said(GOOD), "usage": odd, "usageMetadata": odd}
        case.server.will(case.path, {"body": body})
        assert case.model().generate(question()).usage.tokens_in == 0


def test_an_answer_that_cannot_be_sent_back_as_it_is_is_sent_back_all_the_same(case: Case) -> None:
    half = '{"word": 7, "\ud83d": "' + "\ud83d" * 100_000 + '"}'
    case.server.will(case.path, {"body": case.said(half)}, {"body": case.said(GOOD)})
    assert isinstance(case.model().generate(question()).value, Answer)
    assert len(json.dumps(case.sent(), ensure_ascii=False)) < 50_000


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "text", "text": GOOD}]},
        {"content": None, "tool_calls": [{"type": "function", "function": {"name": "Answer", "arguments": GOOD}}]},
        {"content": GOOD, "reasoning_content": "hm {"},
    ],
)
def test_an_answer_in_parts_or_as_a_call_is_read(message: Any) -> None:
    case = Case("compatible")
    with case.server:
        case.server.will(case.path, {"body": openai.said(None, **message)})
        assert isinstance(case.model().generate(question()).value, Answer)
        assert len(case.server.asked(case.path)) == 1


def test_a_gateway_whose_vendor_failed_half_way_may_pass() -> None:
    case = Case("compatible")
    body = openai.said('{"wor', "error")
    with case.server:
        case.server.will(case.path, {"body": body})
        with pytest.raises(Transient, match="with an error"):
            case.model().generate(question())


def test_a_bad_gateway_is_transient_and_asked_once(case: Case) -> None:
    case.server.will(case.path, {"status": 502, "text": "<html>bad gateway</html>"})
    with pytest.raises(Transient, match="HTTP 502") as caught:
        case.model().generate(question())
    assert type(caught.value) is Transient
    assert len(case.server.asked(case.path)) == 1


def test_a_call_ends_at_its_deadline(case: Case) -> None:
    case.server.will(case.path, {"delay": 20})
    with pytest.raises(TimedOut):
        case.model().generate(question(time_limit=0.3))


@pytest.mark.timeout(20)
def test_a_dripping_answer_ends_at_the_deadline_too(case: Case) -> None:
    case.server.will(case.path, {"drip": 0.02})
    with pytest.raises(TimedOut):
        case.model().generate(question(time_limit=0.4))


def test_a_lost_connection_leaves_open_what_was_done(case: Case) -> None:
    case.server.will(case.path, {"drop": True})
    with pytest.raises(Transient, match="connection was lost") as caught:
        case.model().generate(question())
    assert not caught.value.not_done


def test_a_refused_connection_is_certainly_not_done(case: Case, free_port: int) -> None:
    with pytest.raises(Transient, match="cannot be reached") as caught:
        case.model(f"http://127.0.0.1:{free_port}").generate(question())
    assert caught.value.not_done


def test_a_wrong_key_is_permanent_and_never_shown(case: Case) -> None:
    case.server.key = "another"
    with pytest.raises(Permanent, match="rejected the API key") as caught:
        case.model().generate(question())
    assert KEY not in f"{caught.value!r} {caught.value.advice} {case.model().__dict__}"


def test_a_self_check_costs_nothing_and_says_what_it_found(case: Case) -> None:
    model = case.model()
    assert isinstance(model, SelfCheck)
    assert model.self_check().startswith(f"{case.name}: ")
    assert not case.server.asked(case.path)


# ── what only one of them says ──


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("openai", openai.said(None, refusal="I cannot"), Blocked),
        ("openai", openai.said(None, "content_filter"), Blocked),
        ("openai", openai.said('{"word": "y', "length"), InvalidOutput),
        ("compatible", openai.said('{"word": "y', "length"), InvalidOutput),
        ("anthropic", anthropic.said("no", stop="refusal"), Blocked),
        ("anthropic", anthropic.said('{"wo', stop="max_tokens"), InvalidOutput),
        ("anthropic", anthropic.said("", stop="model_context_window_exceeded"), Permanent),
        ("gemini", gemini.said(finish="SAFETY"), Blocked),
        ("gemini", gemini.said(finish="RECITATION"), Blocked),
        ("gemini", gemini.said(finish="MAX_TOKENS"), InvalidOutput),
        ("gemini", {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, Blocked),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_an_end_that_is_no_answer_is_told_apart_and_not_repaired(name: str, body: Any, kind: type[Exception]) -> None:
    case = Case(name)
    with case.server:
        case.server.will(case.path, {"body": body})
        with pytest.raises(kind) as caught:
            case.model().generate(question())
        assert type(caught.value) is kind
        assert len(case.server.asked(case.path)) == 1


def test_gemini_is_sent_its_safety_and_its_thinking_budget() -> None:
    case = Case("gemini")
    with case.server:
        case.model().generate(question())
        body = case.sent()
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 0}
    assert {setting["threshold"] for setting in body["safetySettings"]} == {"BLOCK_ONLY_HIGH"}
    assert len(body["safetySettings"]) == 4


def test_a_server_that_refuses_a_response_format_is_asked_without_one_from_then_on() -> None:
    case = Case("compatible")
    with case.server:
        case.server.will(
            case.path, {"status": 400, "body": {"error": "response_format?"}}, *[{"body": case.said(GOOD)}] * 2
        )
        model = case.model()
        model.generate(question())
        model.generate(question())
        sent = [call.body for call in case.server.asked(case.path)]
    assert ["response_format" in body for body in sent] == [True, False, False]
    assert '"word"' in sent[2]["messages"][0]["content"]  # the schema goes along in words


def test_the_most_tokens_of_an_answer_can_be_set_for_a_server_of_ones_own() -> None:
    case = Case("compatible")
    with case.server:
        case.server.will(case.path, *[{"body": case.said(GOOD)}] * 2)
        CompatibleText("m", KEY, f"{case.server.url}/v1", PRICES, most_tokens=700).generate(question())
        case.model().generate(question())
        assert [call.body["max_tokens"] for call in case.server.asked(case.path)] == [700, 16_384]


def test_how_long_an_answer_may_be_is_told_to_a_server_with_a_grammar_and_not_to_strict_vendors() -> None:
    class Bounded(BaseModel):
        words: list[str] = Field(json_schema_extra={"minItems": 2, "maxItems": 4})
        text: str = Field(json_schema_extra={"minLength": 50})

    plain, bounded = plain_schema(Bounded)["properties"], plain_schema(Bounded, bounds=True)["properties"]
    assert plain == {"words": {"type": "array", "items": {"type": "string"}}, "text": {"type": "string"}}
    assert bounded["words"] == {**plain["words"], "minItems": 2, "maxItems": 4}
    assert bounded["text"] == {**plain["text"], "minLength": 50}
    for name, kept in (("openai", False), ("compatible", True), ("anthropic", False), ("gemini", False)):
        case = Case(name)
        with case.server:
            case.server.will(case.path, {"body": case.said('{"words": ["a", "b"], "text": "c"}')})
            case.model().generate(replace(question(), schema=Bounded))
            assert ("maxItems" in json.dumps(case.sent())) is kept


EACH = [{"const": "a", "type": "string"}, {"const": "b", "type": "string"}]


class Told(BaseModel):
    words: list[str] = Field(json_schema_extra={"prefixItems": EACH, "maxItems": 2})


@pytest.mark.parametrize("name", ["openai", "compatible", "anthropic", "gemini"])
def test_what_each_entry_is_only_a_server_with_a_grammar_is_told(name: str) -> None:
    case = Case(name)
    with case.server:
        case.server.will(case.path, {"body": case.said('{"words": ["a", "b"]}')})
        case.model().generate(replace(question(), schema=Told))
        sent = case.sent()
        if name != "compatible":
            assert "prefixItems" not in json.dumps(sent)
            return
        words = sent["response_format"]["json_schema"]["schema"]["properties"]["words"]
        assert words == {"type": "array", "prefixItems": EACH, "maxItems": 2}  # llama.cpp would read `items` instead
        assert "prefixItems" not in json.dumps(sent["messages"])


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_knows_no_such_grammar_is_told_the_plain_schema_from_then_on(status: int) -> None:
    case = Case("compatible")
    answer = {"body": case.said('{"words": ["a", "b"]}')}
    with case.server:
        case.server.will(case.path, {"status": status, "body": {"error": "prefixItems?"}}, *[answer] * 2)
        model = case.model()
        for _ in range(2):
            model.generate(replace(question(), schema=Told))
        sent = [json.dumps(call.body["response_format"]) for call in case.server.asked(case.path)]
    assert ["prefixItems" in words for words in sent] == [True, False, False]
    assert ['"items"' in words for words in sent] == [False, True, True]


def test_a_server_that_knows_no_schema_at_all_is_told_it_in_words() -> None:
    case = Case("compatible")
    refused = {"status": 400, "body": {"error": "response_format?"}}
    with case.server:
        case.server.will(case.path, refused, refused, *[{"body": case.said('{"words": ["a", "b"]}')}] * 2)
        model = case.model()
        for _ in range(2):
            model.generate(replace(question(), schema=Told))
        sent = ["response_format" in call.body for call in case.server.asked(case.path)]
    assert sent == [True, True, False, False]


def test_a_question_that_is_refused_in_every_way_is_told_and_changes_nothing() -> None:
    case = Case("compatible")
    refused = {"status": 400, "body": {"error": "too long"}}
    with case.server:
        case.server.will(case.path, *[refused] * 3, {"body": case.said('{"words": ["a", "b"]}')})
        model = case.model()
        with pytest.raises(Permanent, match="HTTP 400"):
            model.generate(replace(question(), schema=Told))
        model.generate(replace(question(), schema=Told))
        sent = [json.dumps(call.body.get("response_format")) for call in case.server.asked(case.path)]
    assert "prefixItems" in sent[0]
    assert sent[2] == "null"
    assert "prefixItems" in sent[3]


def test_a_model_that_its_server_lists_under_a_path_is_found_by_its_name() -> None:
    case = Case("compatible")
    with case.server:
        case.server.will("/models", *[{"body": {"data": [{"id": "/models/tiny.gguf"}]}}] * 2)
        assert "1 models" in CompatibleText("tiny.gguf", KEY, f"{case.server.url}/v1", PRICES).self_check()
        with pytest.raises(Permanent, match="does not have iny"):
            CompatibleText("iny.gguf", KEY, f"{case.server.url}/v1", PRICES).self_check()


def test_a_server_without_the_model_is_told_by_its_self_check() -> None:
    case = Case("compatible")
    with case.server, pytest.raises(Permanent, match="does not have other"):
        CompatibleText("other", KEY, f"{case.server.url}/v1", PRICES).self_check()
