"""The log of this process, as the lines that it writes."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from stagepass.logs import configure_logging


@pytest.fixture
def lines() -> Iterator[Any]:
    """The log lines that were written, as JSON."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    configure_logging("INFO", "json")
    written = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    structlog.reset_defaults()
