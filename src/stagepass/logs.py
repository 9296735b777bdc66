"""Log lines: text for a person at a terminal, else JSON; keys and personal data are taken out on the way."""

import logging
import re
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any, Literal

import structlog

HIDDEN = "[hidden]"

_NAMES = (
    r"api[_-]?key|access[_-]?key|account[_-]?key|secret(?:[_-]?key)?|password|passwd|pwd|token|ticket|signature|sig"
)
_SECRET_NAME = re.compile(r"(key|token|ticket|secret|password|passwd|authorization|cookie|dsn)$", re.IGNORECASE)

# Each pattern is anchored by literal letters and bounded, so that no text makes it slow.
_SECRET_TEXT = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk[-_](?:live_|test_)?[A-Za-z0-9_-]{8,}"  # OpenAI, Anthropic, Stripe
    r"|AIza[0-9A-Za-z_-]{20,}"  # Google
    r"|(?:AKIA|ASIA)[0-9A-Z]{12,}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{16,}"
    r"|hf_[A-Za-z0-9]{16,}|xox[abeoprs]-[A-Za-z0-9-]{8,}"
    r"|eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{1,2000}"  # JSON Web Tokens
    r")"
    r"|hooks\.slack\.com/services/\S+"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]{0,20000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)
_NAMED = re.compile(
    rf"""(?<![A-Za-z])((?:x-)?(?:{_NAMES})["']?\s{{0,3}}[=:]\s{{0,3}}["']?)(?!\[hidden\])[^\s"'&,;)}}\]]{{1,2000}}""",
    re.IGNORECASE,
)
_HEADER = re.compile(r"((?:authorization|cookie)[\"']?\s{0,3}[:=]\s{0,3}[\"']?)[^\r\n\"',}]{1,4000}", re.IGNORECASE)
_BEARER = re.compile(r"((?:bearer|basic)\s{1,3})[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_QUERY = re.compile(r"([?&](?:key|code|auth|credential)=)[^\s&#\"']{1,2000}", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]{0,30}://[^:/@\s]{0,200}:)[^\s\"'<>]{1,500}@")


def redact(text: str) -> str:
    """The text without keys, tokens and passwords: alone, in headers, in queries, in settings and in URLs."""
    text = _SECRET_TEXT.sub(HIDDEN, text)
    text = _URL_PASSWORD.sub(rf"\1{HIDDEN}@", text)
    for pattern in (_HEADER, _BEARER, _NAMED, _QUERY):
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


def _hide(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in line.items():
        line[name] = value if name == "event" and not isinstance(value, str) else _hidden(name, value)
    return line


def _hidden(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return HIDDEN if _SECRET_NAME.search(name) and name != "event" else redact(value)
    if isinstance(value, dict):
        return {inner: _hidden(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(name, held) for held in value]
    return value


class Rated(logging.Filter):
    """Lets a traceback through five times in ten seconds, then says how often it came.

    A fault that repeats in a loop, such as an event loop that can accept no connection, must not fill the disk.
    Faults are distinguished by the place that logs them and by their exception's type.
    """

    MOST = 5
    WITHIN = 10.0

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._steady = steady
        self._seen: dict[tuple[Any, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.exc_info and record.name not in ("asyncio", "uvicorn.error"):
            return True
        kind = record.exc_info[0] if record.exc_info else None
        key = record.name, record.levelno, record.pathname, record.lineno, kind
        now = self._steady()
        since, count = self._seen.get(key, (now, 0))
        if now - since < self.WITHIN:
            self._seen[key] = since, count + 1
            return count < self.MOST
        if len(self._seen) > 1000:
            self._seen.clear()
        self._seen[key] = now, 1
        if count > self.MOST and isinstance(record.msg, str):
            record.msg = f"{record.msg} (and {count - self.MOST} more of these in {now - since:.0f} s)"
        return True


def configure_logging(level: str = "INFO", format: Literal["auto", "json", "text"] = "auto") -> None:
    """Send all log lines of this process, including those of libraries, to standard error."""
    as_text = format == "text" or (format == "auto" and sys.stderr.isatty())
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        # a person at a terminal compares with the clock on the wall, and has few columns
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
        if as_text
        else structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    end: list[Any] = [structlog.processors.format_exc_info, _hide]
    end.append(
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, pad_level=False)
        if as_text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            *before,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Rated())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *end]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in (
        "celery.worker.strategy",
        "celery.app.trace",
        "httpx2",
        "httpcore2",
        "uvicorn.access",
        "kombu",
        "amqp",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
