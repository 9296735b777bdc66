"""The process that reads strangers' texts, one after the other, over the socket on its standard input.

A request is ``{"text", "language", "target_role", "today"}``, an answer a `Profile`, both as JSON. It ends when its
parent is gone, or when it was asked nothing for a while.
"""

import json
import select
import socket
from datetime import date

from stagepass.pipelines.resume.parsing.profile import read_profile
from stagepass.pipelines.resume.request import ResumeRequest
from stagepass.pipelines.resume.sandbox.confine import allow_seconds, confine
from stagepass.pipelines.resume.sandbox.talk import receive, send

IDLE = 60.0
"""Seconds without a request after which it gives its memory back."""

SECONDS = 15
"""Of computing time for one text, should the parent be gone."""

_WARM = b'{"text": "3\xeb\x85\x84\xec\xb0\xa8 nurse, cut falls by 30% (2020.01 ~ 2021.02)", "today": "2026-01-01"}'


def main() -> None:
    """See the module's text."""
    parent = socket.socket(fileno=0)
    answer(_WARM)  # the rules are read and the patterns made before the door is shut
    confine()
    send(parent, b"ready")
    while select.select([parent], [], [], IDLE)[0]:
        request = receive(parent)
        if request is None:
            return
        allow_seconds(SECONDS)
        send(parent, answer(request))


def answer(message: bytes) -> bytes:
    """The profile of one text."""
    asked = json.loads(message)
    request = ResumeRequest.model_construct(
        language=asked.get("language", ""), target_role=asked.get("target_role", "")
    )
    profile = read_profile(asked["text"], request, date.fromisoformat(asked["today"]))
    return profile.model_dump_json().encode()


if __name__ == "__main__":
    main()
