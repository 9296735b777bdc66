"""Messages to a job: kept in order, taken once; and callbacks, which are messages to a stage run."""

import itertools
from typing import Any

import pytest
from pydantic import BaseModel

from stagepass import Context, Pipeline, Retry, Transient
from stagepass.engine.model.states import JobState
from stagepass.errors import Conflict, InvalidInput, NotFound, TooLarge
from stagepass.testing import Crash, Lab

LONG: dict[str, Any] = {"time_limit": "9d", "run_limit": "30d"}


class In(BaseModel):
    n: int = 0


class Line(BaseModel):
    text: str


def drain(lab: Lab) -> None:
    while lab.step():
        pass


def chat(count: int = 3, **options: Any) -> Pipeline:
    p = Pipeline("chat", input=In)

    @p.stage(**{**LONG, **options})
    def talk(ctx: Context) -> list[str | None]:
        said = [ctx.receive("line", type=Line, at_most="1h") for _ in range(count)]
        return [line.text if line else None for line in said]

    return p


def test_messages_are_taken_in_order_each_once_and_none_at_the_deadline() -> None:
    with Lab(chat(4)) as lab:
        job = lab.submit({})
        for text in "ab":  # before the stage has begun
            assert lab.send(job, "line", {"text": text}, key=text)
        assert not lab.send(job, "line", {"text": "b again"}, key="b")
        lab.send(job, "other", {"text": "x"})
        drain(lab)
        began = lab.clock.now()
        lab.send(job, "line", {"text": "c"})
        assert lab.result(lab.finish(job)) == ["a", "b", "c", None]
        assert lab.clock.now() - began == 3_600_000
        assert [message.payload for message in lab.store.messages(job.id, "other", 9)] == ['{"text": "x"}']
        with pytest.raises(Conflict):
            lab.send(job, "line", {"text": "late"})


@pytest.mark.parametrize("place", ["call.before_record", "call.after_record", "settle.before_commit"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_crash_loses_no_message_and_repeats_none(place: str, times: int) -> None:
    with Lab(chat(3, crashes=9)) as lab:
        job = lab.submit({})
        for text in "abc":
            lab.send(job, "line", {"text": text})
        lab.crash(place, times=times)
        try:
            lab.finish(job)
        except Crash:
            lab.recover()
        assert lab.result(lab.finish(job)) == ["a", "b", "c"]


@pytest.mark.parametrize("payload", ["", None, 0, {}, False, []])
def test_an_empty_payload_is_a_payload(payload: Any) -> None:
    p = Pipeline("any", input=In)
    looks: list[Any] = []

    @p.stage(**LONG)
    def s(ctx: Context) -> list[Any]:
        got = [ctx.receive("x", at_most="1h"), ctx.receive("x", at_most="1h")]
        ctx.wait(lambda: looks.append(ctx.signal) or (ctx.signal == "end" or None), every="1h", at_most="1d")  # type: ignore[func-returns-value]
        return got

    with Lab(p) as lab:
        job = lab.submit({})
        drain(lab)
        began = lab.clock.now()
        lab.send(job, "x", payload)
        lab.send(job, "x", 1)
        drain(lab)
        for callback in (payload, "end"):
            assert lab.engine.signal(f"{job.id}.s", callback)
        drain(lab)
        assert lab.result(lab.job(job)) == [payload, 1]
        assert lab.clock.now() == began
        assert looks == [None, payload, "end"]


def test_a_message_that_does_not_fit_is_an_error_of_that_call_and_blocks_no_other() -> None:
    from stagepass.errors import InvalidOutput

    p = Pipeline("strict", input=In)

    @p.stage(**LONG)
    def s(ctx: Context) -> list[str]:
        got = []
        for _ in range(2):
            try:
                got.append(ctx.receive("line", type=Line, at_most="1h").text)
            except InvalidOutput as problem:
                got.append(problem.message)
        ctx.sleep("1m")
        return got

    with Lab(p) as lab:
        job = lab.submit({})
        lab.send(job, "line", {"txt": "secret"})
        lab.send(job, "line", {"text": "b"})
        first, second = lab.result(lab.finish(job))
        assert (first, second) == ("the message line does not fit its type: text", "b")


def test_callbacks_while_a_stage_waits_to_retry_use_up_neither_retries_nor_time() -> None:
    p = Pipeline("retrying", input=In)
    attempts: list[int] = []

    @p.stage(**LONG, retry=Retry(2, wait="10m", jitter=0, factor=1))
    def s(ctx: Context) -> list[str]:
        attempts.append(ctx.now())
        if len(attempts) < 3:
            raise Transient("503")
        return [ctx.wait(lambda: ctx.signal, every="1m", at_most="1h") for _ in range(3)]

    with Lab(p) as lab:
        job = lab.submit({})
        drain(lab)
        for text in "abc":
            lab.engine.signal(f"{job.id}.s", text)
        drain(lab)
        assert len(attempts) == 1
        assert lab.result(lab.finish(job)) == ["a", "b", "c"]
        assert [b - a for a, b in itertools.pairwise(attempts)] == [600_000] * 2


def test_what_arrives_while_a_job_is_cancelled_is_there_when_it_is_resumed() -> None:
    with Lab(chat(2)) as lab:
        job = lab.submit({})
        drain(lab)
        lab.engine.cancel(job.id, None)
        assert lab.job(job).state is JobState.CANCELLED
        lab.send(job, "line", {"text": "a"})
        assert lab.engine.signal(f"{job.id}.talk", "x")
        lab.engine.resume(job.id, None)
        lab.send(job, "line", {"text": "b"})
        assert lab.result(lab.finish(job)) == ["a", "b"]


def test_a_stage_that_is_made_again_has_its_messages_again() -> None:
    with Lab(chat(1)) as lab:
        job = lab.submit({})
        lab.send(job, "line", {"text": "a"})
        job = lab.finish(job)
        lab.engine.retry(job.id, "talk", None)
        assert lab.result(lab.finish(job)) == ["a"]


def test_what_is_sent_is_checked() -> None:
    with Lab(chat(1)) as lab:
        job = lab.submit({})
        for name in ("", "a b", "x" * 61, "~callback:s"):
            with pytest.raises(InvalidInput):
                lab.send(job, name, 1)
        with pytest.raises(InvalidInput):
            lab.send(job, "x", 1, key=" ")
        with pytest.raises(TooLarge):
            lab.send(job, "x", "y" * 32_000)
        with pytest.raises(NotFound):
            lab.engine.send("no-such-job", "x", 1)
        with pytest.raises(NotFound):
            lab.engine.send(job.id, "x", 1, owner="somebody else")
        with pytest.raises(NotFound):
            lab.engine.signal(f"{job.id}.nothing", 1)


def test_two_senders_and_many_messages_are_received_in_order() -> None:
    p = Pipeline("many", input=In)

    @p.stage(**LONG, crashes=99)
    def s(ctx: Context) -> list[int]:
        return [ctx.receive("n", at_most="1h") for _ in range(60)]

    with Lab(p) as lab:
        job = lab.submit({})
        places = ["call.before_record", "call.after_record", "settle.before_commit", "settle.after_commit"]
        for number in range(30):
            for sender in ("a", "b"):
                assert lab.send(job, "n", number * 2 + (sender == "b"), key=f"{sender}{number}")
            lab.send(job, "n", -1, key=f"a{number}")
            lab.crash(places[number % 4], times=1 + number % 3)
            try:
                drain(lab)
            except Crash:
                pass
            lab.recover()
        assert lab.result(lab.finish(job)) == list(range(60))
