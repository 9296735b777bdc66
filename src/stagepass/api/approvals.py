"""Approvals: a signed link shows a question to one person, and takes one answer.

The token in the address is the leave, and the form is sent to that same address: no cookie is involved, so
that no other site can answer. Looking changes nothing.
"""

import json
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Header, Request
from fastapi.responses import HTMLResponse

from stagepass.api import forms
from stagepass.api.deps import PREFIX, SystemDep
from stagepass.api.message_forms import Language, form_of
from stagepass.api.pages import page
from stagepass.api.problems import texts
from stagepass.bootstrap import System
from stagepass.content.catalogue import negotiate
from stagepass.engine.model.actors import Actor, Role, set_actor
from stagepass.engine.model.states import OPEN
from stagepass.engine.rules.answer import QUESTION, VERDICT
from stagepass.errors import Conflict, Forbidden, InvalidInput, NotFound
from stagepass.sentences import sentence
from stagepass.text import clean

router = APIRouter(tags=["approvals"])

LONGEST_NOTE = 2000
REPLACED = "\ufffd"
"""Replacement character of the form decoder for invalid UTF-8."""

_ZONES = {"ko": ZoneInfo("Asia/Seoul"), "en": ZoneInfo("UTC")}
"""Time zone of the deadline by language; the texts name it."""

Accept = Annotated[str | None, Header(max_length=500)]


@router.get(f"{PREFIX}/approvals/{{token}}", summary="See what is asked", response_class=HTMLResponse)
def show(token: str, system: SystemDep, language: Language = None, accept: Accept = None) -> HTMLResponse:
    """A page with the question and a form; or with what became of it. It changes nothing."""
    try:
        claims = system.links.verify("approval", token)
    except (Forbidden, NotFound) as refusal:
        return _refused(system, refusal, language, accept)
    return _page(system, claims, language)


@router.post(f"{PREFIX}/approvals/{{token}}", summary="Answer it", response_class=HTMLResponse)
def answer(
    request: Request,
    token: str,
    system: SystemDep,
    decision: Annotated[Literal["approve", "reject"], Form()],
    form: Annotated[dict[str, str], Depends(form_of)],
    note: Annotated[str, Form(max_length=LONGEST_NOTE)] = "",
    language: Language = None,
    accept: Accept = None,
) -> HTMLResponse:
    """Takes one answer. 409 if it was already answered, the deadline has passed, or the job has ended."""
    try:
        claims = system.links.verify("approval", token)
    except (Forbidden, NotFound) as refusal:
        return _refused(system, refusal, language, accept)
    if REPLACED in note:
        raise InvalidInput(sentence("note: the text is not UTF-8; send the form as UTF-8"), field="note")
    approved = decision == "approve"
    note = clean(note, lines=True, most=LONGEST_NOTE)
    filled = None
    if approved and (fields := forms.fields_of(_question(system, claims).get("form"))):
        given = {name: clean(value, lines=True) for name, value in form.items()}
        filled, unfit = forms.read(fields, given)
        if unfit is not None:
            return _page(system, claims, language, unfit=unfit, given=given, status=422)
    peer = request.client.host if request.client else ""
    set_actor(Actor("approval link", Role.USER, f"api {peer}".strip()))
    try:
        system.engine.answer(
            claims["run"], name=claims["name"], ask=claims["ask"], approved=approved, note=note, filled=filled
        )
    except NotFound:
        return _page(system, claims, language, told="over", status=409)
    except Conflict as refusal:
        return _page(system, claims, language, told=str(refusal.details.get("reason", "over")), status=409)
    return _page(system, claims, language, told="approved" if approved else "rejected")


def _refused(system: System, refusal: Forbidden | NotFound, language: str | None, accept: str | None) -> HTMLResponse:
    """A page for a browser; a program gets the problem as JSON."""
    if "text/html" not in (accept or ""):
        raise refusal
    return _page(system, {}, language, told="no_link", status=refusal.status)


def _page(
    system: System,
    claims: dict[str, Any],
    wanted: str | None,
    *,
    told: str | None = None,
    unfit: str | None = None,
    given: dict[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    language = negotiate(wanted, texts().languages)
    question = {} if told else _question(system, claims)
    told = told or question.get("told")
    shown = {
        "question": question.get("question", ""),
        "details": question.get("details", ""),
        "fields": forms.fields_of(question.get("form")),
        "unfit": unfit,
        "given": given,
        "who": question.get("who", ""),
        "until": f"{datetime.fromtimestamp(question.get('until', 0) / 1000, _ZONES[language]):%Y-%m-%d %H:%M}",
    }

    return page("approval.html", wanted, status=status, told=told, **shown)


def _question(system: System, claims: dict[str, Any]) -> dict[str, Any]:
    """The question; or the code of the outcome, if there is nothing to answer."""
    run, name = system.store.run(claims["run"]), claims["name"]
    memos = {memo.name: memo.value for memo in system.store.memos(claims["run"])} if run is not None else {}
    asked = memos.get(QUESTION + name)
    question: dict[str, Any] = json.loads(asked) if asked else {}
    if run is None or question.get("ask") != claims["ask"]:
        return {"told": "over"}
    if VERDICT + name in memos:
        return {"told": "answered"}
    if run.state not in OPEN:
        return {"told": "over"}
    return {"told": "late"} if system.engine.clock.now() >= question["until"] else question
