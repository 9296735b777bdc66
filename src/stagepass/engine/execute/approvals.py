"""Human approval: a stage asks, one person gets a signed link, and the answer wakes the stage.

The question is a memo stored before the link is sent; the answer is another memo, so there can be only one.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, TypeAdapter

from stagepass.declare.values import Duration, seconds
from stagepass.engine.execute.calls import Calls
from stagepass.engine.execute.steps import Ask, Steps, Store
from stagepass.engine.execute.waits import Waits
from stagepass.engine.model import call_records
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ids import new_token
from stagepass.engine.rules.answer import QUESTION, VERDICT
from stagepass.errors import Permanent
from stagepass.sentences import sentence

LOOK = 3600.0
"""Seconds after which the stage polls in case the wake-up was lost."""

MakeUrl = Callable[[str, str, str, float], str]
"""The address for a stage run, an approval's name, its token, and the seconds for which it is good."""


class Verdict(BaseModel):
    """A person's decision."""

    approved: bool
    note: str = ""
    who: str
    at: datetime
    answer: Any = None
    """The person's input, as the type of the question."""


class Approvals:
    """`ctx.approval` of one pass."""

    def __init__(self, calls: Calls, waits: Waits, clock: Clock, run_id: str, make_url: MakeUrl | None) -> None:
        self._calls = calls
        self._waits = waits
        self._clock = clock
        self._run_id = run_id
        self._make_url = make_url

    def ask(
        self,
        question: str,
        *,
        who: str,
        tell: Callable[[str], Any],
        details: str,
        at_most: Duration,
        name: str,
        type: Any,
    ) -> Steps[Verdict]:
        """See `Context.approval`. Question and answer are stored as memos; the deadline has its own."""
        self._calls.check()
        own = self._calls.number("approval", name)
        key, call = call_records.record_name("approval", own), call_records.digest("approval", name, question, who)
        asked = yield Store(lambda: self._read(QUESTION + own))
        if asked is not None and (asked["question"], asked["who"]) != (question, who):
            raise call_records.changed(key)
        record = yield Store(lambda: self._calls.record(key, call))
        if record is not None and record.error is not None:
            return self._calls.given(record, own, key, None, drop=(QUESTION + own,))  # type: ignore[no-any-return]
        given = yield Store(lambda: self._read(VERDICT + own))
        if given is not None:
            self._calls.passed.add(VERDICT + own)
            return _verdict(given, type)
        try:
            return (yield from self._wait(own, asked, question, who, tell, details, seconds(at_most), type))
        except Exception as problem:
            error = problem
            question_memo = (QUESTION + own,) if isinstance(problem, Permanent) else ()
            yield Store(lambda: self._calls.keep_raised(key, call, error))
            self._calls.raised.track(problem, key, own, drop=question_memo)
            raise

    def _wait(
        self,
        own: str,
        asked: dict[str, Any] | None,
        question: str,
        who: str,
        tell: Callable[[str], Any],
        details: str,
        at_most: float,
        type: Any,
    ) -> Steps[Verdict]:
        if self._make_url is None:
            raise Permanent("there is no address for approvals here", advice="run it where an API is configured")
        now = self._clock.now()
        if asked is None:
            until = now + int(at_most * 1000)
            asked = {"ask": new_token(), "question": question, "details": details, "who": who, "until": until}
            if type is not None:
                asked["form"] = TypeAdapter(type).json_schema()
            text = json.dumps(asked, ensure_ascii=False)
            yield Store(lambda: self._calls.keep(self._calls.new(QUESTION + own, text)))
        left = (asked["until"] - now) / 1000
        if left <= 0:
            given = yield Store(lambda: self._read(VERDICT + own, fresh=True))  # the last moment counts
            if given is not None:
                return _verdict(given, type)
            raise Permanent(
                sentence("no answer within the time limit: {name}", name=own),
                advice=sentence("resume the job to ask again"),
            )
        url = self._make_url(self._run_id, own, asked["ask"], left)
        mailed = f"told:{asked['ask'][:16]}"
        self._calls.first_pause = (yield Store(lambda: self._calls.memo(mailed))) is None
        if self._calls.first_pause:
            yield Ask(lambda: tell(url))
            yield Store(lambda: self._calls.keep(self._calls.new(mailed, "true")))
        text = f"waiting for approval: {own}"
        raise self._waits.pause(min(left, LOOK), text, own, idle=True, at_most=left)

    def _read(self, name: str, *, fresh: bool = False) -> dict[str, Any] | None:
        if fresh:
            self._calls.read_again()
        memo = self._calls.memo(name)
        return json.loads(memo.value) if memo is not None and memo.value is not None else None


def _verdict(given: dict[str, Any], type: Any) -> Verdict:
    verdict = Verdict(**{**given, "at": datetime.fromtimestamp(given["at"] / 1000, UTC)})
    if type is not None and verdict.approved and verdict.answer is not None:
        verdict.answer = TypeAdapter(type).validate_python(verdict.answer)
    return verdict
