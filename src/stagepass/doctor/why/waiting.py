"""A waiting run: for a time, an order, a provider, a person, a message or another job."""

import json
from collections.abc import Callable

from stagepass.doctor.why import acts
from stagepass.doctor.why.look import RELAY_LATE, Look
from stagepass.doctor.why.model import Fact, Reason, Why
from stagepass.engine.model import call_records
from stagepass.engine.model.controls import Scope
from stagepass.engine.model.orders import Order
from stagepass.engine.model.records import Job, Memo, StageRun
from stagepass.engine.model.states import ENDED
from stagepass.engine.rules.answer import QUESTION, VERDICT

MOST_CHILDREN = 3
"""Child jobs that are explained with their parent."""

NOT_ORDERS = ("~", "run:", "told:", QUESTION, VERDICT)
"""Prefixes of memos that the engine keeps for itself."""

Explain = Callable[[Job], Why]


def reason(look: Look, run: StageRun, explain: Explain) -> Reason:
    """What a waiting run waits for."""
    if look.now - run.due_at > RELAY_LATE:
        return no_relay(look, run)
    found = (
        _provider(look, run)
        or _children(look, run, explain)
        or _approval(look, run)
        or _message(look, run)
        or _sleep(look, run)
        or _order(look, run)
        or _delay(look, run)
        or _plain(run)
    )
    if look.overdue_since is not None:
        found.evidence.append(Fact("relay_late", "", look.overdue_since))
        found.acts.append(acts.relay())
    return found


def _plain(run: StageRun) -> Reason:
    evidence = [*_saying(run), Fact("next_look", "", run.due_at)]
    return Reason("waiting", run, _since(run), run.due_at, evidence=evidence, acts=acts.hurry(run))


def no_relay(look: Look, run: StageRun) -> Reason:
    """It is overdue, and only a relay wakes what is due."""
    evidence = [Fact("due", "", run.due_at), *_saying(run)]
    return Reason("no_relay", run, run.due_at, waits="operator", evidence=evidence, acts=[acts.relay()])


def _since(run: StageRun) -> int:
    return min([*run.notes.waits.values(), run.attempt_at or run.created_at])


def _saying(run: StageRun) -> list[Fact]:
    return [Fact("saying", run.message)] if run.message else []


def _provider(look: Look, run: StageRun) -> Reason | None:
    busy = run.notes.busy
    if busy is None:
        return None
    provider, _, why = busy.partition(": ")
    given = {"provider": provider, "why": why}
    since = run.notes.idle_since or _since(run)
    if run.notes.blocked_by is None:
        place = look.position(provider, run.id)
        evidence = [
            Fact("provider_limit", why),
            *([Fact("position", place + 1, look.now)] if place is not None else []),
        ]
        return Reason(
            "provider_line", run, since, run.due_at, parameters=given, evidence=evidence, acts=acts.hurry(run)
        )
    by_hand = next((one for one in look.pauses if one.scope is Scope.PROVIDER and one.name == provider), None)
    if by_hand is not None:
        evidence = [Fact("paused", by_hand.why or provider, by_hand.since)]
        done = acts.providers(provider)
        return Reason("provider_paused", run, by_hand.since, None, "operator", given, evidence, done)
    breaker = (look.breakers or {}).get(provider)
    if breaker is None:
        known = look.breakers is not None
        code = "provider_open_again" if known else "provider_closed"
        evidence = [Fact("provider_limit", why, since)]
        due = look.now if known else run.due_at
        return Reason(code, run, since, due, parameters=given, evidence=evidence, acts=acts.hurry(run))
    given["why"] = breaker.reason
    evidence = [Fact("closed_since", breaker.reason, breaker.since), Fact("next_try", "", breaker.until)]
    return Reason(
        "provider_closed",
        run,
        breaker.since,
        max(breaker.until, look.now),
        waits="operator" if breaker.reason == "quota_exhausted" else "time",
        parameters=given,
        evidence=evidence,
        acts=acts.providers(provider),
    )


def _children(look: Look, run: StageRun, explain: Explain) -> Reason | None:
    store = look.sources.store
    ids = list(run.notes.children)
    if run.notes.begun:
        ids += store.open_children_of(run.id, MOST_CHILDREN + 1)
    jobs = [job for job in store.jobs_by_id(list(dict.fromkeys(ids))) if job.state not in ENDED]
    if not jobs:
        return None
    first = jobs[0]
    evidence = [
        Fact("child", f"{job.pipeline} {job.id} {job.state.value}", job.created_at) for job in jobs[:MOST_CHILDREN]
    ]
    made = Reason("child", run, first.created_at, waits="time", evidence=evidence, acts=[acts.why(first)])
    made.child = explain(first)
    if made.child.reasons:
        made.waits, made.at = made.child.reasons[0].waits, made.child.reasons[0].at
    made.parameters = {"child": first.id, "pipeline": first.pipeline, "children": len(jobs)}
    return made


def _approval(look: Look, run: StageRun) -> Reason | None:
    memos = {memo.name: memo for memo in look.memos(run)}
    for name, memo in memos.items():
        own = name.removeprefix(QUESTION)
        if not name.startswith(QUESTION) or VERDICT + own in memos or memo.value is None:
            continue
        asked = json.loads(memo.value)
        left = max(0.0, (asked["until"] - look.now) / 1000)
        url = look.sources.approval_url(run.id, own, asked["ask"], left)
        evidence = [
            Fact("asked", asked["who"], memo.made_at, private=True),
            Fact("question", asked["question"]),
            Fact("link_until", "", asked["until"]),
        ]
        given = {"who": asked["who"], "name": own}
        return Reason("approval", run, memo.made_at, asked["until"], "person", given, evidence, acts.answer(url))
    return None


def _message(look: Look, run: StageRun) -> Reason | None:
    for key, since in run.notes.waits.items():
        kind, _, own = key.partition("receive:")
        if kind == "" and own:
            name = own.partition("#")[0]
            base = look.sources.settings.public_url.rstrip("/") or f"http://127.0.0.1:{look.sources.settings.port}"
            given = {"name": name}
            done = [acts.send(look.job, name, base)]
            return Reason("message", run, since, None, "person", given, [Fact("message", name)], done)
    return None


def _sleep(look: Look, run: StageRun) -> Reason | None:
    for memo in look.memos(run):
        if memo.name.startswith("~sleep:") and memo.value is not None:
            until = call_records.read(memo.value).until
            if until is not None and until > look.now:
                return Reason("sleep", run, memo.made_at, until, evidence=[*_saying(run), Fact("until", "", until)])
    return None


def _order(look: Look, run: StageRun) -> Reason | None:
    orders = [memo for memo in look.memos(run) if not memo.name.startswith(NOT_ORDERS) and memo.value is not None]
    if not orders or not run.notes.waits:
        return None
    last = orders[-1]
    paid = {spend.memo: spend for spend in look.sources.store.spends(run.job_id) if spend.run_id == run.id}
    spend = paid.get(last.name)
    order = Order(run.id, last.name, last.value, spend.usd if spend else 0.0, spend.provider if spend else None)
    evidence = [Fact("order", str(order), last.made_at), *_saying(run), Fact("next_look", "", run.due_at)]
    given = {"order": order.id or "?", "name": last.name}
    since = max(run.notes.waits.values())
    return Reason("order", run, since, run.due_at, parameters=given, evidence=evidence, acts=acts.hurry(run))


def _delay(look: Look, run: StageRun) -> Reason | None:
    if run.attempts or run.notes.claims:
        return None
    evidence = [Fact("until", "", run.due_at)]
    return Reason("delayed", run, run.created_at, run.due_at, evidence=evidence, acts=acts.hurry(run, "now"))


def undecided(memos: list[Memo]) -> list[Memo]:
    """Calls that were begun and whose answer was never kept."""
    return [memo for memo in memos if memo.value is None and not memo.name.startswith("~")]
