"""Log lines: text for a person at a terminal, else JSON; keys and personal data are taken out on the way."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

_SECRET_NAME = re.compile(r"(key|token|secret|password|authorization|cookie|dsn)$", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"(sk-[A-Za-z0-9_-]{8,}|AIza[0-9A-Za-z_-]{20,}|Bearer\s+[A-Za-z0-9._~+/-]{8,}=*|xox[bp]-[A-Za-z0-9-]{8,}"
    r"|hooks\.slack\.com/services/\S+|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+)"
)
_URL_PASSWORD = re.compile(r"(\w+://[^:/@\s]*:)[^@/\s]+@")
HIDDEN = "[hidden]"


def redact(text: str) -> str:
    """The text without keys and without the passwords of URLs."""
    return _URL_PASSWORD.sub(rf"\1{HIDDEN}@", _SECRET_TEXT.sub(HIDDEN, text))


def _hide(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = HIDDEN if _SECRET_NAME.search(name) and name != "event" else redact(value)
    return line


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
