"""Every row of every vendor's table: an answer over a real socket leads to its class, its wait and its message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from stagepass import errors
from stagepass.errors import (
    Blocked,
    Permanent,
    QuotaExhausted,
    RateLimited,
    StageError,
    TaskFailed,
    TimedOut,
    Transient,
)
from stagepass.providers import tables
from stagepass.providers.answers import EVERYBODY, Table
from stagepass.providers.vendors.http import Http
from tests.support.vendors.server import Vendor


@dataclass(frozen=True)
class Row:
    """An answer, and what must come of it."""

    kind: type[StageError]
    status: int
    body: Any = None
    wait: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    not_done: bool = False


def _openai(code: str, type: str = "x", message: str = "m") -> Any:
    return {"error": {"message": message, "type": type, "param": None, "code": code}}


def _anthropic(type: str, message: str = "m", **details: str) -> Any:
    return {"type": "error", "error": {"type": type, "message": message, "details": details}, "request_id": "req_1"}


def _gemini(code: int, status: str, message: str = "m", *details: Any) -> Any:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def _quota(id: str) -> Any:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": id}]}


def _delay(text: str) -> Any:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": text}


EVERYBODYS = [
    Row(Permanent, 401, says="rejected the API key"),
    Row(Permanent, 403, says="rejected the API key"),
    Row(QuotaExhausted, 402, says="no credit"),
    Row(TimedOut, 408, says="timed out"),
    Row(TimedOut, 504, says="timed out"),
    Row(RateLimited, 425, says="rate limit exceeded"),
    Row(Transient, 503, says="overloaded"),
    Row(Transient, 529, says="overloaded"),
    Row(Transient, 500, says="failed"),
    Row(Permanent, 418, says="rejected the request"),
    Row(Permanent, 302, says="rejected the request"),
]

ROWS: dict[str, list[Row]] = {
    "OPENAI": [
        *(
            Row(QuotaExhausted, 429, _openai(code), says="no credit left")
            for code in (
                "credit_balance_exhausted",
                "organization_spend_limit_exceeded",
                "project_spend_limit_exceeded",
                "organization_usage_limit_exceeded",
            )
        ),
        Row(QuotaExhausted, 429, _openai("new_code", "insufficient_quota"), says="no credit left"),
        Row(RateLimited, 429, _openai("slow_down"), 15, says="rate limit exceeded"),
        Row(RateLimited, 429, _openai("rate_limit_exceeded"), 7, {"Retry-After": "7"}, says="rate limit exceeded"),
        Row(RateLimited, 429, _openai("rate_limit_exceeded"), 1.5, {"retry-after-ms": "1500", "Retry-After": "9"}),
        Row(Blocked, 400, _openai("content_policy_violation"), says="rejected the content"),
        Row(Blocked, 400, _openai("content_filter"), says="rejected the content"),
        Row(Permanent, 400, _openai("context_length_exceeded"), says="too long"),
        Row(Permanent, 404, _openai("model_not_found"), says="does not have this model"),
        Row(Permanent, 401, _openai("invalid_api_key"), says="rejected the API key"),
        Row(Permanent, 422, _openai("invalid_value"), says="rejected the request"),
        Row(Transient, 409, _openai("conflict"), says="reported a conflict"),
        Row(Transient, 503, _openai("server_is_overloaded"), says="overloaded"),
    ],
    "COMPATIBLE": [
        Row(
            Transient,
            503,
            {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
            10,
            says="loading its model",
            not_done=True,
        ),
        Row(Permanent, 404, {"error": "model 'x' not found"}, says="does not have this model"),
        Row(Permanent, 404, {"error": {"message": "The model x does not exist"}}, says="does not have this model"),
        Row(Permanent, 400, {"error": {"message": "exceeds the maximum context length"}}, says="too long"),
    ],
    "ANTHROPIC": [
        Row(QuotaExhausted, 402, _anthropic("billing_error"), says="no credit left"),
        Row(
            QuotaExhausted,
            429,
            _anthropic("rate_limit_error", error_code="enforced_spend_limit_reached"),
            says="spending limit",
        ),
        Row(RateLimited, 429, _anthropic("rate_limit_error"), 12, {"retry-after": "12"}, says="rate limit exceeded"),
        Row(Transient, 529, _anthropic("overloaded_error"), 15, says="overloaded"),
        Row(TimedOut, 504, _anthropic("timeout_error"), says="timed out"),
        Row(
            QuotaExhausted,
            400,
            _anthropic("invalid_request_error", "Your credit balance is too low"),
            says="no credit left",
        ),
        Row(Permanent, 413, _anthropic("request_too_large"), says="too long"),
        Row(Permanent, 400, _anthropic("invalid_request_error", "prompt is too long: 9 tokens"), says="too long"),
        Row(Permanent, 404, _anthropic("not_found_error"), says="does not have this model"),
        Row(Permanent, 400, _anthropic("invalid_request_error"), says="rejected the request"),
        Row(Permanent, 401, _anthropic("authentication_error"), says="rejected the API key"),
        Row(Permanent, 403, _anthropic("permission_error"), says="rejected the API key"),
        Row(Transient, 500, _anthropic("api_error"), says="failed"),
        Row(Transient, 409, _anthropic("conflict_error"), says="reported a conflict"),
    ],
    "GEMINI": [
        Row(
            Permanent,
            400,
            _gemini(400, "INVALID_ARGUMENT", "m", {"reason": "API_KEY_INVALID"}),
            says="rejected the API key",
        ),
        Row(
            QuotaExhausted,
            429,
            _gemini(429, "RESOURCE_EXHAUSTED", "m", _quota("GenerateRequestsPerDayPerProject"), _delay("37s")),
            37,
            says="the day's quota",
        ),
        Row(QuotaExhausted, 429, _gemini(429, "RESOURCE_EXHAUSTED", "quota metric, limit: 0, model: x")),
        Row(
            RateLimited,
            429,
            _gemini(429, "RESOURCE_EXHAUSTED", "m", _quota("GenerateRequestsPerMinute"), _delay("37.5s")),
            37.5,
            says="rate limit exceeded",
        ),
        Row(RateLimited, 429, _gemini(429, "RESOURCE_EXHAUSTED"), 30, says="rate limit exceeded"),
        Row(Transient, 503, _gemini(503, "UNAVAILABLE"), 15, says="overloaded"),
        Row(TimedOut, 504, _gemini(504, "DEADLINE_EXCEEDED"), says="timed out"),
        Row(Permanent, 400, _gemini(400, "FAILED_PRECONDITION"), says="does not serve this account"),
        Row(Permanent, 400, _gemini(400, "INVALID_ARGUMENT"), says="rejected the request"),
        Row(Transient, 500, _gemini(500, "INTERNAL"), says="failed"),
        Row(Permanent, 404, _gemini(404, "NOT_FOUND"), says="does not have this model"),
        Row(Permanent, 403, _gemini(403, "PERMISSION_DENIED"), says="rejected the API key"),
    ],
    "SUNO": [
        Row(QuotaExhausted, 200, {"code": 429, "msg": "insufficient credits"}, says="no credits"),
        Row(RateLimited, 200, {"code": 405, "msg": "m"}, 10, says="rate limit exceeded"),
        Row(RateLimited, 200, {"code": 430, "msg": "m"}, 10, says="rate limit exceeded"),
        Row(Transient, 200, {"code": 455, "msg": "m"}, 300, says="maintenance", not_done=True),
        Row(Blocked, 200, {"code": 400, "msg": "contains sensitive words"}, says="rejected the lyrics"),
        Row(Permanent, 200, {"code": 413, "msg": "m"}, says="too long"),
        Row(Permanent, 200, {"code": 401, "msg": "m"}, says="rejected the API key"),
        Row(Permanent, 200, {"code": 400, "msg": "m"}, says="rejected the request"),
        Row(Permanent, 200, {"code": 404, "msg": "m"}, says="rejected the request"),
        Row(Transient, 200, {"code": 500, "msg": "m"}, says="failed"),
        Row(QuotaExhausted, 429, {"code": 429, "msg": "m"}, says="no credits"),  # the code as the status too
    ],
    "KIE": [
        Row(QuotaExhausted, 200, {"code": 402, "msg": "m"}, says="no credits"),
        Row(RateLimited, 200, {"code": 429, "msg": "m"}, 10, says="rate limit exceeded"),
        Row(Transient, 200, {"code": 455, "msg": "m"}, 300, says="maintenance", not_done=True),
        Row(Blocked, 200, {"code": 400, "msg": "artist name in the prompt"}, says="rejected the lyrics"),
        Row(Permanent, 200, {"code": 401, "msg": "m"}, says="rejected the API key"),
        *(
            Row(Permanent, 200, {"code": code, "msg": "m"}, says="rejected the request")
            for code in (400, 404, 413, 422)
        ),
        *(Row(Transient, 200, {"code": code, "msg": "m"}, says="failed") for code in (408, 451, 500, 501, 531)),
    ],
    "SUNO_TASK": [
        Row(Blocked, 200, {"status": "SENSITIVE_WORD_ERROR"}, says="rejected the lyrics"),
        Row(
            Blocked, 200, {"status": "GENERATE_AUDIO_FAILED", "errorMessage": "Copyright!"}, says="rejected the lyrics"
        ),
        Row(TaskFailed, 200, {"status": "CREATE_TASK_FAILED"}, says="could not start"),
        Row(TaskFailed, 200, {"status": "GENERATE_AUDIO_FAILED", "errorCode": 501}, says="could not make"),
        Row(TaskFailed, 200, {"status": "CALLBACK_EXCEPTION"}, says="delivering the song"),
        Row(TaskFailed, 200, {"status": "FAILED"}, says="without a song"),
    ],
    "CREATOMATE": [
        Row(RateLimited, 429, {"hint": "m"}, 10, says="rate limit exceeded"),
        Row(Permanent, 401, {"hint": "m"}, says="rejected the API key"),
        Row(QuotaExhausted, 402, {"hint": "m"}, says="no credit"),
        Row(Permanent, 400, {"hint": "m"}, says="rejected the request"),
        Row(Permanent, 404, {"hint": "m"}, says="rejected the request"),
    ],
    "CREATOMATE_RENDER": [
        Row(Permanent, 200, {"status": "failed", "error_message": "Failed to download source"}, says="could not read"),
        Row(TaskFailed, 200, {"status": "failed", "error_message": "m"}, says="could not render"),
        Row(TaskFailed, 200, {"status": "cancelled"}, says="cancelled"),
    ],
}

CASES = [
    pytest.param(name, row, id=f"{name}-{number}")
    for name in ROWS
    for number, row in enumerate([*ROWS[name], *([] if name.endswith(("TASK", "RENDER")) else EVERYBODYS)])
]


@pytest.mark.parametrize(("name", "row"), CASES)
def test_an_answer_leads_to_its_class_its_wait_and_its_message(name: str, row: Row) -> None:
    table: Table = getattr(tables, name)
    with Vendor() as server:
        server.will("/x", {"status": row.status, "headers": row.headers, "body": row.body})
        with pytest.raises(StageError) as caught:
            Http(server.url, {}, table).get("/x")
    problem = caught.value
    assert type(problem) is row.kind
    assert problem.provider == table.provider
    assert problem.retry_after == row.wait
    assert row.says in problem.message
    assert problem.not_done is row.not_done


@pytest.mark.parametrize("name", ROWS)
def test_no_row_of_a_table_is_without_a_case(name: str) -> None:
    table: Table = getattr(tables, name)
    told = set()
    for row in [*ROWS[name], *EVERYBODYS]:
        problem = table.error(row.status, row.body or {}, {})
        assert problem is not None
        told.add((type(problem), problem.message.removeprefix(f"{table.provider}: ").split(" (HTTP")[0]))
    assert {(rule.raises, rule.message) for rule in (*table.rules, *EVERYBODY)} <= told


def test_each_table_has_its_rows() -> None:
    assert set(ROWS) == {name for name, value in vars(tables).items() if isinstance(value, Table)}


def test_the_errors_survive_a_process_pool() -> None:
    import pickle

    problem = tables.SUNO.error(200, {"code": 455, "msg": "m"})
    again = pickle.loads(pickle.dumps(problem))
    assert isinstance(again, errors.Transient)
    assert (again.message, again.retry_after, again.not_done) == (
        "suno: is under maintenance (HTTP 200, 455)",
        300,
        True,
    )
