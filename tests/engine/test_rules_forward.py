"""What happens to a job by itself: checkpoints, retries, waits, limits, branches and items."""

import threading
from itertools import pairwise
from typing import Any

import pytest

from stagepass import (
    Again,
    Blocked,
    Context,
    InvalidOutput,
    NotDone,
    Permanent,
    Pipeline,
    QuotaExhausted,
    RateLimited,
    Retry,
    Transient,
)
from stagepass.bus.provider_limits import OpenGate
from stagepass.engine.commit.claims import Claim
from stagepass.engine.commit.operations import Settle
from stagepass.engine.maintain.relay import Relay
from stagepass.engine.model.ids import run_id
from stagepass.engine.model.limits import Limit
from stagepass.engine.model.outcomes import Completed, Failure, Held, LeaseLost, Released, Unknown, Waiting
from stagepass.engine.model.records import Tally
from stagepass.engine.model.states import JobState, RunState
from stagepass.errors import OutcomeUnknown, StageError, StoreUnavailable
from stagepass.testing import Crash, Lab
from tests.support.shapes import Word, Words, chain, diamond, fan
from tests.support.waiting import wait_until


def fails(*problems: BaseException) -> Any:
    """Raises these, one per call, and then nothing more."""
    left = list(problems)

    def act(ctx: Context, stage: str) -> None:
        if left:
            raise left.pop(0)

    return act


def numbers_have_no_gap(lab: Lab, job: Any) -> bool:
    events = lab.engine.events(job.id)
    return [event.seq for event in events] == list(range(1, len(events) + 1))


# ── forward ──────────────────────────────────────────────────────────────────────────────────────


def test_a_job_runs_each_stage_once_and_tells_it_in_order() -> None:
    shape = chain()
    with Lab(shape) as lab:
        job = lab.run({"text": "a"})
        assert lab.result(job) == {"text": "a123"}
        assert shape.calls == ["one", "two", "three"]  # type: ignore[attr-defined]
        assert lab.events(job) == [
            "job.accepted",
            *(f"stage.{what} {stage}" for stage in ("one", "two", "three") for what in ("started", "completed")),
            "job.completed",
        ]
        progress = [e.data["progress"] for e in lab.engine.events(job.id) if e.type == "stage.completed"]
        assert progress == [0.3333, 0.6667, 1.0]


@pytest.mark.parametrize(
    "point",
    [
        "claim.before_commit",
        "claim.after_commit",
        "body.before",
        "body.after",
        "settle.before_commit",
        "settle.after_commit",
    ],
)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_lesson_21_a_crash_at_any_point_never_runs_a_finished_stage_again(point: str, times: int) -> None:
    shape = chain()
    with Lab(shape) as lab:
        job = lab.submit({"text": "a"})
        lab.crash(point, times=times)
        with pytest.raises(Crash):
            lab.finish(job)
        lab.recover()
        assert lab.result(lab.finish(job)) == {"text": "a123"}
        done = [event for event in lab.events(job) if event.startswith("stage.completed")]
        assert done == ["stage.completed one", "stage.completed two", "stage.completed three"]
        assert len(shape.calls) <= 4  # type: ignore[attr-defined]
        assert numbers_have_no_gap(lab, job)


def test_lesson_32_a_stage_begins_only_when_all_before_it_are_done() -> None:
    shape = diamond()
    with Lab(shape) as lab:
        job = lab.submit({"text": "a"})
        for _ in range(2):
            lab.step()
        assert "bottom" not in lab.job(job).tally
        assert lab.result(lab.finish(job)) == {"text": "atlatrb"}
        assert shape.calls.count("bottom") == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [0, 1, 7])
@pytest.mark.parametrize("collect", ["all", "any", "settled"])
def test_items_fan_out_and_in(count: int, collect: str) -> None:
    with Lab(fan(collect=collect)) as lab:
        job = lab.run({"text": "abcdefg"[:count] or "-"})
        assert lab.result(job) == {"text": "ABCDEFG"[:count]}
        assert lab.events(job).count("job.completed") == 1
        assert lab.job(job).tally["each"] == Tally(count, count)


@pytest.mark.parametrize(
    ("collect", "bad", "state", "result"),
    [
        ("all", "b", JobState.FAILED, None),
        ("any", "b", JobState.COMPLETED, "AC"),
        ("any", "abc", JobState.FAILED, None),
        ("settled", "b", JobState.COMPLETED, "A<permanent>C"),
        ("settled", "abc", JobState.COMPLETED, "<permanent><permanent><permanent>"),
    ],
)
def test_failed_items_are_collected_as_the_stage_says(collect: str, bad: str, state: JobState, result: str) -> None:
    def act(ctx: Context, letter: str) -> None:
        if letter in bad:
            raise Permanent("no")

    with Lab(fan(collect=collect, act=act)) as lab:
        job = lab.run({"text": "abc"})
        assert job.state is state
        assert (lab.result(job) or {}).get("text") == result
        terminal = [event for event in lab.events(job) if event in ("job.completed", "job.failed")]
        assert len(terminal) == 1
        assert lab.events(job)[-1] == terminal[0]


def test_items_that_failed_are_made_again_by_a_resume_and_counted_once() -> None:
    broken = {"a", "b", "c"}

    def act(ctx: Context, letter: str) -> None:
        if letter in broken:
            raise Permanent("no")

    shape = fan(collect="any", act=act)
    with Lab(shape) as lab:
        job = lab.run({"text": "abc"})
        assert job.state is JobState.FAILED
        broken -= {"a", "c"}
        lab.engine.resume(job.id, None)
        job = lab.finish(job)
        assert job.state is JobState.COMPLETED
        assert job.tally["each"].all_done
        assert lab.result(job) == {"text": "AC"}
        assert shape.calls.count("join") == 1  # type: ignore[attr-defined]


def test_items_that_a_stage_did_without_stay_as_they_are_when_a_later_stage_is_resumed() -> None:
    broken = [Permanent("join")]

    def act(ctx: Context, letter: str) -> None:
        if letter == "b":
            raise Permanent("no")

    shape = fan(collect="any", act=act)
    join = shape.stages["join"].body

    def fails_once(**values: Any) -> Any:
        if broken:
            raise broken.pop()
        return join(**values)

    shape.stages["join"].body = fails_once
    with Lab(shape) as lab:
        job = lab.run({"text": "abc"})
        assert job.state is JobState.FAILED
        lab.engine.resume(job.id, None)
        assert lab.result(lab.finish(job)) == {"text": "AC"}
        assert shape.calls.count("each b") == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_stage_whose_when_says_no_is_skipped_and_gives_none(wanted: bool) -> None:
    p = Pipeline("maybe", input=Word)
    called: list[str] = []

    @p.stage(when=lambda request: request.text == "yes")
    def extra(ctx: Context, request: Word) -> Word:
        called.append("extra")
        return Word(text="x")

    @p.stage(after=extra)
    def last(ctx: Context, extra: Word | None) -> Word:
        return Word(text=extra.text if extra else "none")

    with Lab(p) as lab:
        job = lab.run({"text": "yes" if wanted else "no"})
        assert lab.result(job) == {"text": "x" if wanted else "none"}
        assert called == (["extra"] if wanted else [])
        assert ("stage.skipped extra" in lab.events(job)) is not wanted


def test_an_item_whose_when_says_no_is_left_out() -> None:
    p = Pipeline("some", input=Word)

    @p.stage()
    def split(ctx: Context, request: Word) -> Words:
        return Words(items=[Word(text=letter) for letter in request.text])

    @p.stage(after=split, each="split.items", when=lambda word: word.text != "b")
    def each(ctx: Context, word: Word) -> Word:
        return Word(text=word.text.upper())

    @p.stage(after=each)
    def join(ctx: Context, each: list[Word]) -> Word:
        return Word(text="".join(word.text for word in each))

    with Lab(p) as lab:
        assert lab.result(lab.run({"text": "abc"})) == {"text": "AC"}
        assert lab.result(lab.run({"text": "bb"})) == {"text": ""}


# ── failures ─────────────────────────────────────────────────────────────────────────────────────


def test_lesson_19_no_failure_is_told_while_a_retry_is_pending() -> None:
    with Lab(chain(acts={"two": fails(Transient("one"), ConnectionError("two"))})) as lab:
        job = lab.submit({"text": "a"})
        lab.step(), lab.step()
        assert lab.job(job).state is JobState.RUNNING
        assert not any("failed" in event for event in lab.events(job))
        job = lab.finish(job)
        assert job.state is JobState.COMPLETED
        assert [e for e in lab.events(job) if "retrying" in e] == ["stage.retrying two"] * 2
        assert not any("failed" in event for event in lab.events(job))
        attempts = lab.store.attempts([run_id(job.id, "two")])
        assert [(a.number, a.outcome) for a in attempts] == [(1, "retrying"), (2, "retrying"), (3, "completed")]


def test_lesson_25_a_failure_has_a_number_of_its_own_and_says_where_and_what_to_do() -> None:
    problem = Transient("no answer", provider="suno", advice="look at its status page")
    with Lab(chain(acts={"two": fails(problem, problem, problem)})) as lab:
        job = lab.run({"text": "a"})
        assert job.state is JobState.FAILED
        assert lab.events(job)[-2:] == ["stage.failed two", "job.failed"]
        last = lab.engine.events(job.id)[-1]
        told = {"code": "transient", "message": "no answer", "provider": "suno", "advice": "look at its status page"}
        assert last.data == {**told, "stage": "two", "progress": 0.3333}
        assert job.error == {**told, "stage": "two", "item": None, "run_id": run_id(job.id, "two")}
        assert numbers_have_no_gap(lab, job)


@pytest.mark.parametrize(
    "problem", [Permanent("x"), InvalidOutput("x"), Blocked("x"), ValueError("a bug"), KeyError("a bug"), SystemExit(1)]
)
def test_lesson_19_what_another_attempt_would_meet_again_is_not_tried_again(problem: BaseException) -> None:
    shape = chain(acts={"one": fails(problem)})
    with Lab(shape) as lab:
        assert lab.run({"text": "a"}).state is JobState.FAILED
        assert shape.calls == ["one"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("problem", [Transient("x"), RateLimited("x"), ConnectionError(), TimeoutError(), OSError()])
def test_what_may_pass_is_tried_again(problem: BaseException) -> None:
    with Lab(chain(acts={"one": fails(problem)})) as lab:
        assert lab.run({"text": "a"}).state is JobState.COMPLETED


def test_a_database_that_did_not_answer_a_stage_costs_no_attempt() -> None:
    with Lab(chain(acts={"one": fails(StoreUnavailable("x"), StoreUnavailable("x"))}, retry=Retry(0))) as lab:
        job = lab.run({"text": "a"})
        assert job.state is JobState.COMPLETED
        assert [run.attempts for run in lab.engine.runs(job)] == [1, 1, 1]
        assert "stage.retrying" not in lab.events(job)


def test_a_stage_that_never_reaches_the_database_ends_by_its_time_limit() -> None:
    with Lab(chain(acts={"one": fails(*[StoreUnavailable("x")] * 99)}, retry=Retry(0), time_limit="20s")) as lab:
        job = lab.run({"text": "a"})
        assert job.state is JobState.FAILED
        assert job.error is not None
        assert job.error["code"] == "timed_out"


@pytest.mark.parametrize(
    ("retry", "problems", "waits"),
    [
        (Retry(3, wait=10, factor=3, jitter=0), [Transient("x")] * 4, [10, 30, 90]),
        (Retry(3, wait=10, factor=3, at_most=50, jitter=0), [Transient("x")] * 4, [10, 30, 50]),
        (Retry(2, wait=1, jitter=0), [Transient("x", retry_after=45)] * 2, [45, 45]),
        (Retry(1, wait=1, jitter=0, special={"rate_limited": Again(3, "7s")}), [RateLimited("x")] * 4, [7, 7, 7]),
        (
            Retry(1, wait=1, jitter=0, special={"rate_limited": Again(2, "5m")}),
            [RateLimited("x", retry_after=10, estimated=True)] * 3,
            [300, 300],
        ),
        (
            Retry(1, wait=1, jitter=0, special={"rate_limited": Again(2, "5m")}),
            [RateLimited("x", retry_after=10)] * 3,
            [10, 10],
        ),
        (Retry(1, wait=1, jitter=0), [RateLimited("x", retry_after=10, estimated=True)] * 2, [10]),
        (Retry(3, wait=1, jitter=0, special={"blocked": Again(1)}), [Blocked("x")] * 2, [1]),
        (Retry(3, wait=1, jitter=0, special={"transient": Again(0)}), [Transient("x")], []),
        (Retry(0), [Transient("x")], []),
    ],
)
def test_lesson_17_the_waits_before_retries_are_the_stages_own(
    retry: Retry, problems: list[StageError], waits: list[float]
) -> None:
    with Lab(chain(acts={"one": fails(*problems)}, retry=retry)) as lab:
        job = lab.run({"text": "a"})
        told = [e.data["seconds"] for e in lab.engine.events(job.id) if e.type == "stage.retrying"]
        assert told == waits
        left = [e.data["retries"] for e in lab.engine.events(job.id) if e.type == "stage.retrying"]
        assert left == list(range(len(waits), 0, -1)), "what is really left, the next one included"
        began = [e.at for e in lab.engine.events(job.id) if e.type == "stage.started" and e.stage == "one"]
        assert [(b - a) / 1000 for a, b in pairwise(began)] == pytest.approx(waits, abs=0.01)
        assert (job.state is JobState.FAILED) == (len(problems) > len(waits))


def test_jitter_stays_within_its_share_and_under_the_longest_wait() -> None:
    retry = Retry(9, wait=100, factor=1, jitter=0.2, at_most=110)
    waits = [retry.next_wait(Transient("x"), failures=1, same_failures=1) for _ in range(300)]
    assert min(waits) >= 80  # type: ignore[type-var]
    assert max(waits) <= 110  # type: ignore[type-var, operator]
    assert len(set(waits)) > 100
    assert retry.next_wait(Transient("x"), failures=9, same_failures=9) is not None
    assert Retry(10**9, factor=2).next_wait(Transient("x"), failures=10**6, same_failures=1) is not None


def test_a_branch_that_fails_stops_the_others_and_what_ran_is_kept() -> None:
    shape = diamond(acts={"left": fails(Permanent("no"))})
    with Lab(shape) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        left, right = lab.engine.committer.do(Claim(tuple(lab.registry.queues()), 2, lab.worker)).claimed
        lab.attempt(left)
        assert lab.job(job).state is JobState.FAILED
        lab.attempt(right)
        states = {run.stage: run.state for run in lab.engine.runs(lab.job(job))}
        assert states == {"top": RunState.COMPLETED, "left": RunState.FAILED, "right": RunState.COMPLETED}
        assert lab.events(job)[-1] == "job.failed"
        lab.engine.resume(job.id, None)
        assert lab.result(lab.finish(job)) == {"text": "atlatrb"}
        assert shape.calls.count("right") == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["wait", "retry", "hold", "release", "park"])
def test_a_branch_that_wants_to_go_on_after_the_job_has_failed_is_stopped_without_a_word(how: str) -> None:
    ends = {
        "wait": Waiting(1),
        "retry": Failure(Transient("x")),
        "hold": Held(OutcomeUnknown("x")),
        "release": Released(),
        "park": Unknown("x"),
    }
    with Lab(diamond(acts={"left": fails(Permanent("no"))})) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        left, right = lab.engine.committer.do(Claim(tuple(lab.registry.queues()), 2, lab.worker)).claimed
        lab.attempt(left)
        lab.engine.committer.do(Settle(right, ends[how]))
        assert lab.store.run(right.run.id).state is RunState.CANCELLED  # type: ignore[union-attr]
        assert lab.events(job)[-1] == "job.failed"
        lab.clock.advance(3600)
        assert lab.relay.promote() == 0
        lab.engine.resume(job.id, None)
        assert lab.result(lab.finish(job)) == {"text": "atlatrb"}


def test_a_stage_that_kills_its_workers_becomes_a_dead_letter() -> None:
    with Lab(chain(crashes=3)) as lab:
        job = lab.submit({"text": "a"})
        for _ in range(3):
            lab.crash("body.after")
            with pytest.raises(Crash):
                lab.finish(job)
            lab.recover()
        job = lab.job(job)
        assert job.state is JobState.FAILED
        assert job.error is not None
        assert job.error["code"] == "worker_lost"
        assert [e for e in lab.events(job) if "rescued" in e] == ["stage.rescued one"] * 2
        lab.engine.redrive(run_id(job.id, "one"), None)
        assert lab.finish(job).state is JobState.COMPLETED


# ── waits ────────────────────────────────────────────────────────────────────────────────────────


def polls(ready_after: int, *, at_most: str = "5m", every: str = "10s", **options: Any) -> tuple[Pipeline, list[Any]]:
    """One stage that waits for the n-th look."""
    p = Pipeline("polls", input=Word)
    looks: list[Any] = []

    @p.stage(time_limit="20m", **options)
    def wait(ctx: Context, request: Word) -> Word:
        def look() -> str | None:
            looks.append(ctx.signal)
            return "there" if len(looks) > ready_after else None

        return Word(text=ctx.wait(look, every=every, at_most=at_most, saying="song: generating"))

    return p, looks


def test_a_wait_gives_its_slot_back_and_spends_no_attempt() -> None:
    p, looks = polls(3)
    with Lab(p) as lab:
        job = lab.submit({"text": "a"})
        assert lab.step()
        assert not lab.step()
        (run,) = lab.engine.runs(lab.job(job))
        assert (run.state, run.token, run.worker) == (RunState.WAITING, None, None)
        assert run.due_at == lab.clock.now() + 10_000
        lab.finish(job)
        assert len(looks) == 4
        assert lab.events(job).count("stage.waiting wait") == 1
        assert [a.number for a in lab.store.attempts([run.id])] == [1]


def test_a_wait_has_an_end() -> None:
    p, looks = polls(10**6, at_most="65s", retry=Retry(1, wait="1s", jitter=0))
    with Lab(p) as lab:
        job = lab.run({"text": "a"})
        assert job.error is not None
        assert job.error["code"] == "timed_out"
        assert len(looks) == 8 + 1, "0, 10, … 60 and 65 s; a retry looks once more, and does not prolong it"


@pytest.mark.parametrize("when", ["waiting", "running", "ready"])
def test_a_signal_ends_a_wait_at_once_also_when_it_comes_early(when: str) -> None:
    p, looks = polls(1)
    with Lab(p) as lab:
        job = lab.submit({"text": "a"})
        run = run_id(job.id, "wait")
        if when == "running":
            (claimed,) = lab.engine.committer.do(Claim(("polls.wait",), 1, lab.worker)).claimed
            assert lab.engine.signal(run, {"n": 1})
            lab.attempt(claimed)
        elif when == "ready":
            assert lab.engine.signal(run, {"n": 1})
            lab.step()
            lab.clock.advance(10)
            lab.relay.promote()
        else:
            lab.step()
            assert lab.engine.signal(run, {"n": 1})
            assert lab.engine.signal(run, {"n": 2}), "a further one is for the next wait"
        before = lab.clock.now()
        assert lab.step()
        assert lab.job(job).state is JobState.COMPLETED
        assert lab.clock.now() == before
        assert looks[-1] == {"n": 1}
        assert lab.engine.signal(run, {"n": 2}) is False, "a late one is harmless"
        assert lab.events(job)[-1] == "job.completed"


def test_a_run_that_was_begun_goes_on_before_more_is_begun() -> None:
    """Else the first of a thousand jobs would not be looked at until the last has been ordered."""
    p, looks = polls(1)
    with Lab(p) as lab:
        first = lab.submit({"text": "a"})
        for _ in range(20):
            lab.submit({"text": "b"})
        lab.step()
        lab.clock.advance(10)
        lab.relay.promote()
        before = len(looks)
        lab.step(), lab.step()
        assert lab.job(first).state is JobState.COMPLETED, f"{len(looks) - before} looks later"


# ── limits of time ───────────────────────────────────────────────────────────────────────────────


def test_a_wait_that_the_limits_cannot_meet_is_refused_when_it_is_called() -> None:
    p, looks = polls(10**6, at_most="10h")
    p.stages["wait"].time_limit, p.stages["wait"].run_limit = 60, 600
    with Lab(p) as lab:
        job = lab.run({"text": "a"})
        assert job.error is not None
        assert (job.error["code"], looks) == ("permanent", [])
        assert "at_most of 10h" in job.error["message"]
        assert "time_limit" in job.error["advice"]


def test_an_attempts_own_waits_count_towards_its_limit() -> None:
    p, _ = polls(10**6, at_most="60s")
    p.stages["wait"].time_limit, p.stages["wait"].run_limit = 60, 600
    p.stages["wait"].retry = Retry(0)
    with Lab(p) as lab:
        job = lab.run({"text": "a"})
        assert job.error is not None
        assert job.error["code"] == "timed_out"


def test_time_in_the_queue_is_not_the_stages_own() -> None:
    p, _ = polls(1, at_most="50s")
    p.stages["wait"].time_limit, p.stages["wait"].run_limit = 60, 60
    with Lab(p) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        lab.clock.advance(10)
        lab.relay.promote()
        lab.clock.advance(7200)  # no slot was free
        lab.step()
        assert lab.job(job).state is JobState.COMPLETED


def test_no_retry_is_begun_past_the_limit_of_the_stage_run() -> None:
    acts = {"one": fails(*[Transient("x", retry_after=40)] * 9)}
    shape = chain(acts=acts, retry=Retry(9, jitter=0), time_limit="1m", run_limit="100s")
    with Lab(shape) as lab:
        assert lab.run({"text": "a"}).state is JobState.FAILED
        assert shape.calls == ["one"] * 3  # type: ignore[attr-defined]


# ── providers' limits ────────────────────────────────────────────────────────────────────────────


class HandGate(OpenGate):
    """A gate with a lever: who comes by is told what the test says."""

    def __init__(self) -> None:
        self.closed: tuple[float, str] | None = None
        self.told: list[tuple[str, float, str]] = []
        self.inside: set[str] = set()

    def enter(self, provider: str, limit: Limit, ticket: str, **how: Any) -> tuple[float, str]:
        if self.closed:
            return self.closed
        self.inside.add(ticket)
        return 0.0, ""

    def leave(self, provider: str, ticket: str, **how: Any) -> list[str]:
        self.inside.discard(ticket)
        return []

    def close_for(self, provider: str, seconds: float, reason: str) -> None:
        self.told.append((provider, seconds, reason))


def using(*problems: BaseException) -> tuple[Pipeline, list[int]]:
    p, calls, left = Pipeline("using", input=Word), [], list(problems)

    @p.stage(retry=Retry(2, wait="1s", jitter=0), time_limit="5m", run_limit="5m")
    def call(ctx: Context, request: Word) -> Word:
        with ctx.using("suno"):
            calls.append(ctx.attempt)
            if left:
                raise left.pop(0)
        return request

    return p, calls


def test_lesson_18_no_credit_parks_the_work_for_hours_and_spends_no_attempt() -> None:
    gate = HandGate()
    p, calls = using(QuotaExhausted("no credit"))
    with Lab(p, provider_limits=gate) as lab:
        job = lab.submit({"text": "a"})
        lab.step()
        assert gate.told == [("suno", 60.0, "quota_exhausted")]
        gate.closed = (60.0, "quota_exhausted")
        for _ in range(200):  # more than three hours, of a stage that may take five minutes
            lab.clock.advance(60)
            lab.relay.promote()
            lab.step()
        assert calls == [1]
        assert lab.job(job).state is JobState.RUNNING
        gate.closed = None
        lab.finish(job)
        assert calls == [1, 1]
        assert [a.number for a in lab.store.attempts([run_id(job.id, "call")])] == [1]
        assert lab.events(job).count("stage.waiting call") <= 2
        assert gate.inside == set()


def test_a_provider_that_was_asked_too_often_is_closed_for_everybody_for_as_long_as_it_says() -> None:
    gate = HandGate()
    p, calls = using(RateLimited("slow down", retry_after=42))
    with Lab(p, provider_limits=gate) as lab:
        job = lab.run({"text": "a"})
        assert gate.told == [("suno", 42, "rate_limited")]
        waits = [e.data["seconds"] for e in lab.engine.events(job.id) if e.type == "stage.retrying"]
        assert waits == [42]
        assert calls == [1, 2]
        assert gate.inside == set()


# ── once ─────────────────────────────────────────────────────────────────────────────────────────


FORMS = ("plain", "async")
"""Of a stage, and of its calls of `ctx`."""


def buys(*problems: BaseException, recover: Any = None, form: str = "plain") -> tuple[Pipeline, list[str]]:
    p, bought, left = Pipeline("buys", input=Word), [], list(problems)

    def call() -> str:
        bought.append("x")
        if left:
            raise left.pop(0)
        return f"song{len(bought)}"

    async def call_async() -> str:
        return call()

    def plain(ctx: Context, request: Word) -> Word:
        return Word(text=ctx.once("song", call))

    async def awaited(ctx: Context, request: Word) -> Word:
        return Word(text=await ctx.once_async("song", call_async))

    body: Any = plain if form == "plain" else awaited
    body.__name__ = "buy"
    stage = p.stage(retry=Retry(2, wait="1s", jitter=0))(body)
    if recover:

        @stage.on_recover
        def find(name: str, request: Word) -> str | None:
            return recover(name)  # type: ignore[no-any-return]

    return p, bought


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("point", ["once.before_intent", "once.after_intent", "once.after_call", "once.after_record"])
@pytest.mark.parametrize("hook", ["none", "found", "not_done", "unsure"])
def test_lesson_21_a_purchase_is_never_made_twice_in_silence(point: str, hook: str, form: str) -> None:
    def recover(name: str) -> str | None:
        assert name == "song"
        if hook == "not_done":
            raise NotDone
        return "found" if hook == "found" else None

    p, bought = buys(recover=recover if hook != "none" else None, form=form)
    with Lab(p) as lab:
        job = lab.submit({"text": "a"})
        lab.crash(point)
        with pytest.raises(Crash):
            lab.finish(job)
        lab.recover()
        before = len(bought)
        job = lab.finish(job)
        if point in ("once.before_intent", "once.after_record"):
            assert (job.state, lab.result(job), len(bought)) == (JobState.COMPLETED, {"text": "song1"}, 1)
        elif hook == "found":
            assert (lab.result(job), len(bought)) == ({"text": "found"}, before)
        elif hook == "not_done":
            assert (job.state, len(bought)) == (JobState.COMPLETED, before + 1)
        else:
            assert (job.state, len(bought)) == (JobState.HELD, before)
            assert lab.events(job)[-1] == "stage.held buy"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("problem", "calls", "state"),
    [
        (RateLimited("asked too often"), 2, JobState.COMPLETED),
        (Transient("refused", not_done=True), 2, JobState.COMPLETED),
        (ConnectionRefusedError(), 2, JobState.COMPLETED),
        (Permanent("a wrong request"), 1, JobState.FAILED),
        (Transient("no answer"), 1, JobState.HELD),
        (TimeoutError(), 1, JobState.HELD),
        (ConnectionResetError(), 1, JobState.HELD),
        (ValueError("a bug after the call"), 1, JobState.FAILED),
    ],
)
def test_an_answer_means_that_nothing_was_bought_and_silence_means_that_nobody_knows(
    problem: BaseException, calls: int, state: JobState, form: str
) -> None:
    p, bought = buys(problem, form=form)
    with Lab(p) as lab:
        assert lab.run({"text": "a"}).state is state
        assert len(bought) == calls


def test_a_zombies_late_no_does_not_drop_the_purchase_of_the_attempt_after_it() -> None:
    from stagepass.engine.commit.call_operations import Forget, Intend, Remember
    from stagepass.engine.model.records import Memo

    with Lab(buys()[0]) as lab:
        lab.submit({"text": "a"})
        (zombie,) = lab.engine.committer.do(Claim(("buys.buy",), 1, lab.worker)).claimed
        old = Memo(zombie.run.id, "song", "old", None, 1)
        lab.engine.committer.do(Intend(zombie, old))
        lab.recover()
        lab.finish_held = lab.step()  # type: ignore[attr-defined]
        lab.engine.decide(zombie.run.id, None, name="song", again=True)
        (second,) = lab.engine.committer.do(Claim(("buys.buy",), 1, lab.worker)).claimed
        new = Memo(second.run.id, "song", "new", None, 1)
        lab.engine.committer.do(Intend(second, new))
        lab.engine.committer.do(Remember(Memo(second.run.id, "song", "new", '"paid"', 1)))
        lab.engine.committer.do(Forget(old))
        lab.engine.committer.do(Remember(Memo(old.run_id, "song", "old", '"late"', 1)))
        assert [memo.value for memo in lab.store.memos(second.run.id)] == ['"paid"']


# ── leases, versions ─────────────────────────────────────────────────────────────────────────────


def test_a_late_settle_is_refused_also_when_the_stage_has_finished() -> None:
    with Lab(chain()) as lab:
        job = lab.submit({"text": "a"})
        (zombie,) = lab.engine.committer.do(Claim(("chain.one",), 1, lab.worker)).claimed
        lab.recover()
        with pytest.raises(LeaseLost):
            lab.engine.committer.do(Settle(zombie, Completed('{"text":"late"}')))
        job = lab.finish(job)
        with pytest.raises(LeaseLost):
            lab.engine.committer.do(Settle(zombie, Completed('{"text":"late"}')))
        assert lab.result(job) == {"text": "a123"}
        assert numbers_have_no_gap(lab, job)


@pytest.mark.parametrize("outcome", ["completed", "failed", "waits"])
def test_a_late_settle_is_refused_while_another_worker_runs_it(outcome: str) -> None:
    ends = {"completed": Completed('{"text":"late"}'), "failed": Failure(Permanent("late")), "waits": Waiting(1)}
    with Lab(chain()) as lab:
        job = lab.submit({"text": "a"})
        (zombie,) = lab.engine.committer.do(Claim(("chain.one",), 1, lab.worker)).claimed
        lab.recover()
        (second,) = lab.engine.committer.do(Claim(("chain.one",), 1, lab.worker)).claimed
        events = lab.events(job)
        with pytest.raises(LeaseLost):
            lab.engine.committer.do(Settle(zombie, ends[outcome]))
        assert lab.events(job) == events
        lab.attempt(second)
        assert lab.result(lab.finish(job)) == {"text": "a123"}


def test_lesson_5_unknown_work_is_kept_for_days_and_picked_up_by_who_knows_it(tmp_path: Any) -> None:
    shape = chain(version=2)
    with Lab(shape, folder=tmp_path) as new, Lab(chain(version=1), folder=tmp_path) as old:
        job = new.submit({"text": "a"})
        for _ in range(20):
            assert old.step()
            (run,) = new.engine.runs(job)
            assert run.state is RunState.PARKED
            old.clock.advance(3 * 3600)
            old.relay.promote()
        assert old.events(job) == ["job.accepted", "stage.parked one"]
        new.clock.advance(60 * 3600)
        assert new.finish(job).state is JobState.COMPLETED
        assert [a.number for a in new.store.attempts([run.id])] == [1]


def test_what_the_relay_asks_of_a_frozen_redis_or_broker_does_not_hold_it_up() -> None:
    thawed, asked = threading.Event(), []

    def ask() -> None:
        asked.append(1)
        thawed.wait(60)

    with Lab(chain()) as lab:
        relay = Relay(lab.store, lab.engine.committer, lab.recorder, lab.clock, watch=ask)
        steps = threading.Thread(target=lambda: [(relay.step(), lab.clock.advance(1)) for _ in range(3)], daemon=True)
        steps.start()
        steps.join(10)
        assert not steps.is_alive()
        assert len(asked) == 1, "it is not asked again while it has not answered"
        thawed.set()
        wait_until(lambda: (relay.step(), lab.clock.advance(1), len(asked) > 1)[2], 10, "it is asked again")


def test_a_clock_that_jumps_an_hour_kills_no_worker_and_no_lease() -> None:
    from stagepass.engine.model.records import WorkerRow

    with Lab(chain()) as lab:
        job = lab.submit({"text": "a"})
        lab.store.add_worker(
            WorkerRow(lab.worker, "elsewhere", 1, ("chain.one",), 1, 0, lab.clock.now(), lab.clock.now())
        )
        (claimed,) = lab.engine.committer.do(Claim(("chain.one",), 1, lab.worker)).claimed
        for jump in (3600, -7200, 3600):
            lab.clock.jump(jump)
            lab.clock.advance(1)
            lab.relay.rescue()
        assert len(lab.store.workers()) == 1
        lab.engine.committer.do(Settle(claimed, Completed('{"text":"a1"}')))
        assert lab.finish(job).state is JobState.COMPLETED
