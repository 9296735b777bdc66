"""Asking a text model within its limits, and where it cannot answer now, the next one of its chain."""

import dataclasses
import time

from stagepass.engine.execute.context import Context
from stagepass.engine.model.outcomes import Busy
from stagepass.errors import QuotaExhausted, Transient
from stagepass.providers.answers import OddAnswer
from stagepass.providers.ports import TextAnswer, TextModel, TextRequest
from stagepass.providers.registry import Chain

SHARE = 0.75
"""Fraction of the attempt's remaining time for a question without its own time limit."""


def ask(ctx: Context, model: TextModel | Chain, request: TextRequest) -> TextAnswer:
    """Ask once, and note what it cost.

    The next model of a chain is asked after a rate, a quota, an outage, or where one is closed to all workers at
    the moment; never after a refusal or a wrong request. Each gets its share of the time that is left.

    Args:
        request: one that names no `time_limit` may take three quarters of the time that the attempt has left.

    Raises:
        StageError: of the first that failed, when none answered.
        Busy: all of them are closed at the moment; no attempt is spent.
    """
    members = model.members if isinstance(model, Chain) else (model,)
    limit = ctx.time_left() * SHARE if request.time_limit is None else request.time_limit
    end = time.monotonic() + limit
    failed: list[QuotaExhausted | Transient] = []
    closed: list[tuple[Busy, TextModel]] = []
    for number, member in enumerate(members):
        own = dataclasses.replace(request, time_limit=max(1.0, end - time.monotonic()) / (len(members) - number))
        try:
            # falling back to the next model gives up the place in this one's line
            return _asked(ctx, member, own, queues=len(members) == 1)
        except (Transient, QuotaExhausted) as problem:
            failed.append(problem)
        except Busy as problem:
            closed.append((problem, member))
        if number + 1 < len(members):
            ctx.log.info("text model fell back", provider=member.name, next=members[number + 1].name)
    if failed:
        raise failed[0]
    soonest, member = min(closed, key=lambda pair: pair[0].wait)
    if len(members) == 1:
        raise soonest
    return _asked(ctx, member, dataclasses.replace(request, time_limit=max(1.0, end - time.monotonic())), queues=True)


def _asked(ctx: Context, model: TextModel, request: TextRequest, *, queues: bool) -> TextAnswer:
    with ctx.using(model.name, queues=queues):
        answer = _answered(model, request)
    if isinstance(answer, OddAnswer):
        raise answer
    _spent(ctx, answer)
    return answer


def _answered(model: TextModel, request: TextRequest) -> TextAnswer | OddAnswer:
    """The answer, or that it was an odd one: no reason to close the provider to all workers."""
    try:
        return model.generate(request)
    except OddAnswer as problem:
        return problem


def _spent(ctx: Context, answer: TextAnswer) -> None:
    used = answer.usage
    ctx.spend(
        provider=answer.provider,
        model=answer.model,
        tokens_in=used.tokens_in,
        tokens_out=used.tokens_out,
        usd=used.usd,
    )
