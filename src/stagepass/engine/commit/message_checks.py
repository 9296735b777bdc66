"""Checks what is sent to a job, and makes a message of it."""

import re
from typing import Any

from stagepass.engine.model.ids import job_of
from stagepass.engine.model.records import Message
from stagepass.engine.rules.messages import callback_name
from stagepass.errors import InvalidInput, TooLarge
from stagepass.inputs import json_text
from stagepass.sentences import sentence

MAX_PAYLOAD = 32_000
"""Bytes of a message's payload as JSON; a callback is one."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,58}[A-Za-z0-9])?")


def new_message(job_id: str, name: str, payload: Any, now: int, key: str | None) -> Message:
    """See `Engine.send`. Raises `InvalidInput` and `TooLarge`."""
    text = _payload(payload)
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            sentence("a message name has 1 to 60 letters and digits, with . _ - in between"), field="name"
        )
    if key is not None and not (1 <= len(key) <= 200 and key.isprintable() and key == key.strip()):
        raise InvalidInput(sentence("a message key has 1 to 200 printable characters"), field="idempotency_key")
    return Message(job_id, name, text, now, key)


def new_callback(run_id: str, payload: Any, now: int) -> Message:
    """See `Engine.signal`. Raises `InvalidInput` and `TooLarge`."""
    return Message(job_of(run_id), callback_name(run_id), _payload(payload), now)


def _payload(payload: Any) -> str:
    text = json_text(payload, "payload")
    if len(text.encode()) > MAX_PAYLOAD:
        raise TooLarge(sentence("a message may have at most {most} bytes", most=MAX_PAYLOAD))
    return text
