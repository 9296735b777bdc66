"""Keys, tokens and passwords stay out of log lines, wherever in a text they stand."""

import json
import logging
import time
from typing import Any

import pytest
import structlog

from stagepass.logs import HIDDEN, redact

pytest_plugins = ("tests.support.log_lines",)

SECRET = "Zq7Rv2Lm9Xw4Kt6B"

HELD = [
    f"X-API-Key: {SECRET}",
    f"{{'X-API-Key': '{SECRET}'}}",
    f'{{"x-api-key": "{SECRET}"}}',
    f"GET /api/v1/jobs/1/events?ticket={SECRET}",
    f"GET /x?a=1&token={SECRET}&b=2",
    f"https://h/x?sig={SECRET}",
    f"https://h/x?password={SECRET}#top",
    f"PASSWORD={SECRET}",
    f"api_key = {SECRET}",
    f"OPENAI_API_KEY={SECRET}",
    f"AWS_SECRET_ACCESS_KEY={SECRET}",
    f"AccountKey={SECRET}==;EndpointSuffix=core.windows.net",
    f"SECRET_KEY: '{SECRET}'",
    f"Authorization: Bearer {SECRET}",
    f"authorization: Basic {SECRET}==",
    f"'Authorization': 'Token {SECRET}'",
    f"bearer {SECRET}",
    f"Cookie: session={SECRET}; other={SECRET}",
    f"AKIA{SECRET.upper()}",
    f"ghp_{SECRET}{SECRET}",
    f"github_pat_{SECRET}_{SECRET}",
    f"glpat-{SECRET}",
    f"hf_{SECRET}",
    f"npm_{SECRET}",
    f"sk-proj-{SECRET}",
    f"sk_live_{SECRET}",
    f"AIza{SECRET}{SECRET}",
    f"xoxb-{SECRET}",
    f"https://hooks.slack.com/services/T0/B0/{SECRET}",
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0{SECRET}.{SECRET}",
    f"postgresql://me:{SECRET}@db/stagepass",
    f"amqp://me:a/b{SECRET}@mq:5672//",
    f"redis://:{SECRET}@cache/0",
    f"mysql+pymysql://me:p@ss/{SECRET}@db/x",
    f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
    f"-----BEGIN RSA PRIVATE KEY-----\\n{SECRET}",
]


@pytest.mark.parametrize("text", HELD)
def test_a_secret_is_taken_out(text: str) -> None:
    told = redact(f"it failed: {text} (again)")
    assert SECRET.lower() not in told.lower()
    assert HIDDEN in told
    assert told.startswith("it failed: ")
    assert redact(told) == told


@pytest.mark.parametrize(
    "text",
    [
        "job 0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11 failed in promo.song after 3 attempts",
        "tokens: 512 in, 80 out",
        "the token of a lease was lost",
        "postgresql://db/stagepass does not answer",
        "http://127.0.0.1:8000/docs",
        "a key has 1 to 80 characters",
        "keyboard interrupt",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert redact(text) == text


def test_a_line_holds_none_in_any_of_its_fields(lines: Any) -> None:
    log = structlog.stdlib.get_logger("stagepass.test")
    log.info("asked", api_key=SECRET, headers={"X-Api-Key": SECRET, "a": [f"Bearer {SECRET}"]}, url=f"/x?key={SECRET}")
    log.info("asked", headers={"authorization": SECRET}, password=SECRET)
    try:
        raise ValueError(f"X-API-Key: {SECRET}")
    except ValueError:
        logging.getLogger("stagepass.test").exception("postgresql://me:%s@db", SECRET)
    assert len(lines()) == 3
    assert SECRET not in json.dumps(lines())


@pytest.mark.parametrize(
    "piece",
    ["a", "a://b:", "eyJaaaaaaaaaaaaa.", "sk-", "password=", "-----BEGIN PRIVATE KEY-----", "cookie:", "x-api-key "],
)
def test_no_text_makes_it_slow(piece: str) -> None:
    """Four times the text takes about four times the work; quadratic would be sixteen."""

    def work(size: int) -> float:
        text = piece * (size // len(piece))
        return min(_timed(text) for _ in range(3))

    assert work(200_000) < 10 * max(work(50_000), 0.001)


def _timed(text: str) -> float:
    began = time.process_time()
    redact(text)
    return time.process_time() - began
