"""The language of the reader of what this request or command makes, where it is not handed on by parameter."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from stagepass.content.catalogue import FALLBACK

_language: ContextVar[str] = ContextVar("stagepass_reader", default=FALLBACK)


def reader() -> str:
    """The reader's language: ``en`` or ``ko``."""
    return _language.get()


@contextmanager
def reads(language: str) -> Iterator[None]:
    """Inside, texts are for a reader of this language; threads that a request uses inherit it."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)
