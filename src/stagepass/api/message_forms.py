"""The form of a message: a person fills in what a stage waits for with `ctx.receive(type=Model)`.

The signed address of the message is the leave. Looking changes nothing; a form that is sent twice is one message.
"""

import json
import secrets
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Header, Request
from fastapi.responses import HTMLResponse

from stagepass.api import forms
from stagepass.api.body import read_bytes
from stagepass.api.pages import page
from stagepass.bootstrap import System
from stagepass.engine.model.ids import job_of
from stagepass.engine.model.states import OPEN
from stagepass.errors import Conflict, NotFound
from stagepass.text import clean

FORM = "~form:"
"""Beginning of the memo that a typed `ctx.receive` keeps while it waits."""

MOST_FIELDS = 1000

ONCE = "once"
"""The hidden field that tells one sending of a page from the next."""

Language = Annotated[str | None, Header(alias="Accept-Language", max_length=200)]


@dataclass(frozen=True, slots=True)
class Waited:
    """What a stage waits for: a text, and the fields of its form."""

    text: str
    fields: list[forms.Field] = field(default_factory=list)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that are texts."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


async def small_form(request: Request, most: int) -> dict[str, str]:
    """The fields of a form of a bounded size. Raises `TooLarge`."""
    content = (await read_bytes(request, most)).decode("utf-8", "replace")
    return dict(parse_qsl(content, keep_blank_values=True, max_num_fields=MOST_FIELDS))


def waited_for(system: System, run_id: str, name: str) -> Waited | None:
    """What this stage run waits for under that name; None where that is nothing, or nothing with a form."""
    run = system.store.run(run_id)
    if run is None or run.state not in OPEN:
        return None
    memos = {memo.name: memo for memo in system.store.memos(run_id)}
    for memo in sorted(memos.values(), key=lambda memo: memo.made_at):
        if memo.name.startswith(FORM) and memo.value:
            facts: dict[str, Any] = json.loads(memo.value)
            if facts["name"] == name and facts["message"] not in memos:
                return Waited(facts["saying"], forms.fields_of(facts["form"]))
    return None


def message_page(
    waited: Waited | None, language: str | None, *, unfit: str | None = None, given: dict[str, str] | None = None
) -> HTMLResponse:
    """The page of a form, or one that says that nothing is asked for."""
    if waited is None:
        return page("message.html", language, status=404, told="nothing")
    shown = {"question": waited.text, "fields": waited.fields, "unfit": unfit, "given": given}
    once = (given or {}).get(ONCE) or secrets.token_urlsafe(16)
    return page("message.html", language, status=422 if unfit else 200, told=None, once=once, **shown)


def take_form(system: System, run_id: str, name: str, form: dict[str, str], language: str | None) -> HTMLResponse:
    """Keep what was filled in as a message."""
    waited = waited_for(system, run_id, name)
    if waited is None:
        return page("message.html", language, status=409, told="nothing")
    given = {field: clean(value, lines=True) for field, value in form.items()}
    filled, unfit = forms.read(waited.fields, given)
    if unfit is not None:
        return message_page(waited, language, unfit=unfit, given=given)
    once = "".join(letter for letter in given.get(ONCE, "") if letter.isalnum() or letter in "-_")[:64]
    try:
        system.engine.send(job_of(run_id), name, filled, key=f"form {once}" if once else None)
    except (NotFound, Conflict):
        return page("message.html", language, status=409, told="nothing")
    return page("message.html", language, told="sent")
