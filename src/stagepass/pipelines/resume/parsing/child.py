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
from stagepass.pipelines.resume.sandbox.talk import FAILED, receive, send

IDLE = 60.0
"""Seconds without a request after which it gives its memory back."""

SECONDS = 15
"""Of computing time for one text, should the parent be gone."""

_WARM = {
    "text": "김하늘\n경력 3년 간호사\n경력\n한빛병원 | 간호사 | 2020.01 ~ 2021.02\n- 낙상을 30% 줄임\nExperience\nNurse, Acme Hospital, "
    "Mar 2021 - now: cut falls from 8 to 5 cases\n- Trained 3 nurses in Excel (R&D)\nSkills: Go, C, Spring, Git",
    "target_role": "Data engineer",
    "today": "2026-01-01",
}
"""Touches every rule and pattern; what is loaded late cannot be loaded once the door is shut."""


def main() -> None:
    """See the module's text."""
    parent = socket.socket(fileno=0)
    answer(json.dumps(_WARM).encode())
    confine()
    send(parent, b"ready")
    while select.select([parent], [], [], IDLE)[0]:
        request = receive(parent)
        if request is None:
            return
        allow_seconds(SECONDS)
        try:
            said = answer(request)
        except Exception as problem:  # its text may quote the résumé
            said = FAILED + type(problem).__name__.encode()
        send(parent, said)


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
