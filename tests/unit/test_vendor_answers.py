"""A vendor's answers as our errors, and the one reader of Retry-After. Bodies as their documentation shows them."""

from email.utils import formatdate

import pytest

from stagepass.declare.retry import Retry
from stagepass.errors import (
    Blocked,
    Permanent,
    QuotaExhausted,
    RateLimited,
    StageError,
    TimedOut,
    Transient,
)
from stagepass.providers.answers import LONGEST_RETRY_AFTER, Rule, Table, retry_after
from stagepass.providers.tables import CREATOMATE, OPENAI, SUNO

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "30"}, 30),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": formatdate(NOW + 90, usegmt=True)}, 90),
        ({"Retry-After": formatdate(NOW - 90, usegmt=True)}, 0),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "999999999"}, LONGEST_RETRY_AFTER),
        ({"Retry-After": formatdate(NOW + 10**8, usegmt=True)}, LONGEST_RETRY_AFTER),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After-Ms": "250", "Retry-After": "9"}, 0.25),
        ({"retry-after-ms": "x", "Retry-After": "9"}, 9),
    ],
)
def test_when_to_come_back_is_read_in_every_form_and_never_believed_beyond_a_day(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, now=NOW) == seconds


@pytest.mark.parametrize(
    ("table", "status", "body", "kind"),
    [
        (SUNO, 200, b'{"code":200,"msg":"success","data":{"taskId":"1"}}', None),
        (SUNO, 200, b'{"code":429,"msg":"insufficient credits"}', QuotaExhausted),
        (SUNO, 429, b'{"code":429,"msg":"insufficient credits"}', QuotaExhausted),
        (SUNO, 200, b'{"code":430,"msg":"call frequency too high"}', RateLimited),
        (SUNO, 200, b'{"code":405,"msg":"rate limit exceeded"}', RateLimited),
        (SUNO, 200, b'{"code":455,"msg":"maintenance"}', Transient),
        (SUNO, 200, b'{"code":400,"msg":"contains sensitive words"}', Blocked),
        (SUNO, 200, b'{"code":400,"msg":"style is missing"}', Permanent),
        (SUNO, 200, b'{"code":777,"msg":"?"}', Permanent),
        (SUNO, 502, b"<html>bad gateway</html>", Transient),
        (OPENAI, 200, b'{"id":"1","object":"chat.completion"}', None),
        (OPENAI, 429, b'{"error":{"code":"rate_limit_exceeded","type":"requests"}}', RateLimited),
        (OPENAI, 429, b'{"error":{"code":null,"type":"insufficient_quota"}}', QuotaExhausted),
        (OPENAI, 401, b'{"error":{"code":"invalid_api_key"}}', Permanent),
        (OPENAI, 503, b'{"error":{"code":"server_is_overloaded"}}', Transient),
        (OPENAI, 400, b'{"error":{"code":"context_length_exceeded"}}', Permanent),
        (CREATOMATE, 202, b'[{"id":"1","status":"planned"}]', None),
        (CREATOMATE, 402, b'{"hint":"Insufficient credits"}', QuotaExhausted),
        (CREATOMATE, 429, b'{"hint":"Too many requests"}', RateLimited),
        (CREATOMATE, 504, b"", TimedOut),
        (CREATOMATE, 404, b"{}", Permanent),
    ],
)
def test_lesson_16_a_vendors_own_meaning_goes_before_that_of_the_status(
    table: Table, status: int, body: bytes, kind: type[StageError] | None
) -> None:
    found = table.error(status, body)
    assert type(found) is (kind or type(None))
    if found is not None:
        assert found.provider == table.provider


def test_the_vendors_own_words_are_not_handed_on() -> None:
    found = OPENAI.error(400, {"error": {"code": "x y <b>", "message": "the prompt of Kim, 010-1234"}})
    assert found is not None
    assert "Kim" not in found.message
    assert "<b>" not in found.message


def test_what_the_answer_says_goes_before_the_wait_of_the_table() -> None:
    busy = '{"code":430}'
    told, own = SUNO.error(200, busy, {"Retry-After": "3"}), SUNO.error(200, busy)
    assert (told and told.retry_after, own and own.retry_after) == (3, 10)


def test_rules_go_from_the_top_and_every_condition_has_to_fit() -> None:
    rules = (
        Rule(Blocked, "a", status=(400,), code=("x",), text="never"),
        Rule(Transient, "b", status=(400,), code=("x",), not_done=True),
    )
    found = Table("v", rules).error(400, '{"code": "x", "message": "Something"}')
    assert isinstance(found, Transient)
    assert found.not_done


def test_lesson_17_the_providers_word_goes_before_the_stages_own_wait() -> None:
    retry = Retry(5, wait=30, jitter=0.1)
    waits = [retry.next_wait(RateLimited("x", retry_after=2), failures=1, same_failures=1) for _ in range(200)]
    assert all(wait is not None and 2 <= wait <= 2.2 for wait in waits), "never earlier, and not all at once"
    assert len(set(waits)) > 100
