"""Batch collection: what goes together, when, and what becomes of the runs of a batch that breaks."""

import pytest
from pydantic import BaseModel

from stagepass import Context, Permanent, Pipeline, Retry, Transient
from stagepass.engine.commit.claims import Claim, Claimed
from stagepass.engine.commit.operations import Settle
from stagepass.engine.execute.lease import Lease
from stagepass.engine.model.outcomes import Failure, Released
from stagepass.engine.model.states import JobState, RunState
from stagepass.errors import DeclarationError, StageError
from stagepass.testing import Crash, Lab


class Wish(BaseModel):
    who: str = "kim"
    n: int = 0


class Books:
    """A pipeline that saves in batches, and the batches that it was given."""

    def __init__(self, most: int = 3, **options: object) -> None:
        self.calls: list[list[int]] = []
        self.down = 0
        self.pipeline = p = Pipeline("books", input=Wish)
        options.setdefault("retry", Retry(2, wait="1s", jitter=0))

        @p.stage()
        def check(request: Wish) -> int:
            return request.n * 10

        @p.stage(after=check, batch=most, within="5s", **options)  # type: ignore[arg-type]
        def save(request: list[Wish], check: list[int]) -> list[str | StageError]:
            self.calls.append([wish.n for wish in request])
            if self.down:
                self.down -= 1
                raise Transient("the table is locked")
            if any(wish.who == "poison" for wish in request):
                raise ValueError("a bug")
            return [
                Permanent("nobody of this name") if wish.who == "nobody" else f"{wish.who} {value}"
                for wish, value in zip(request, check, strict=True)
            ]

        @p.stage(after=save)
        def thank(save: str) -> str:
            return f"thanks, {save}"


def drained(lab: Lab) -> None:
    while lab.step():
        pass


def test_a_full_batch_goes_at_once() -> None:
    books = Books(most=3)
    with Lab(books.pipeline) as lab:
        jobs = [lab.submit({"n": n, "who": f"w{n}"}) for n in range(7)]
        drained(lab)
        assert sorted(map(sorted, books.calls)) == [[0, 1, 2], [3, 4, 5]]
        assert [lab.job(job).state for job in jobs].count(JobState.COMPLETED) == 6
        assert lab.result(jobs[4]) == "thanks, w4 40"


def test_what_is_there_after_a_while_goes_without_waiting_for_more() -> None:
    books = Books(most=3)
    with Lab(books.pipeline) as lab:
        jobs = [lab.submit({"n": n}) for n in range(2)]
        drained(lab)
        assert books.calls == []
        assert lab.store.run(f"{jobs[0].id}.save").state is RunState.READY  # type: ignore[union-attr]
        lab.clock.advance(4.9)
        assert not lab.step()
        lab.clock.advance(0.2)
        drained(lab)
        assert books.calls == [[0, 1]]
        assert [lab.job(job).state for job in jobs] == [JobState.COMPLETED] * 2


def test_a_look_says_when_the_next_one_is_due() -> None:
    books = Books(most=3)
    with Lab(books.pipeline) as lab:
        lab.submit({})
        assert lab.step()  # check
        lab.clock.advance(2)
        claim_result = lab.engine.committer.do(Claim(("books.save",), 1, lab.worker))
        assert (claim_result.claimed, claim_result.due_in) == ([], 3.0)


def test_one_that_failed_takes_no_other_with_it() -> None:
    books = Books(most=3)
    with Lab(books.pipeline) as lab:
        jobs = [lab.submit({"n": n, "who": who}) for n, who in enumerate(("kim", "nobody", "lee"))]
        drained(lab)
        assert [lab.job(job).state.value for job in jobs] == ["completed", "failed", "completed"]
        assert lab.job(jobs[1]).error["message"] == "nobody of this name"  # type: ignore[index]
        assert len(books.calls) == 1


def test_an_outage_that_passes_is_one_more_call_for_all_of_them() -> None:
    books = Books(most=3)
    books.down = 1
    with Lab(books.pipeline) as lab:
        jobs = [lab.submit({"n": n}) for n in range(3)]
        assert [lab.finish(job).state.value for job in jobs] == ["completed"] * 3
        assert [sorted(call) for call in books.calls] == [[0, 1, 2], [0, 1, 2]]
        assert lab.store.run(f"{jobs[0].id}.save").attempts == 2  # type: ignore[union-attr]


def test_a_batch_that_one_of_them_breaks_is_parted() -> None:
    books = Books(most=3)
    with Lab(books.pipeline) as lab:
        jobs = [lab.submit({"n": n, "who": who}) for n, who in enumerate(("kim", "poison", "lee"))]
        assert [lab.finish(job).state.value for job in jobs] == ["completed", "failed", "completed"]
        assert books.calls[0] == [0, 1, 2]
        assert sorted(books.calls[1:]) == [[0], [1], [2]]
        assert lab.store.run(f"{jobs[0].id}.save").attempts == 1  # type: ignore[union-attr]


def test_what_kills_its_worker_goes_alone_the_next_time() -> None:
    books = Books(most=3)
    with Lab(books.pipeline) as lab:
        jobs = [lab.submit({"n": n}) for n in range(3)]
        for _ in range(3):
            lab.step()
        lab.crash("settle.before_commit")
        with pytest.raises(Crash):
            lab.step()
        lab.recover()
        assert [lab.finish(job).state.value for job in jobs] == ["completed"] * 3
        assert sorted(books.calls) == [[0], [0, 1, 2], [1], [2]]


def test_a_cancelled_run_leaves_the_gathering() -> None:
    books = Books(most=2)
    with Lab(books.pipeline) as lab:
        jobs = [lab.submit({"n": 0})]
        drained(lab)
        lab.engine.cancel(jobs[0].id, None)
        assert lab.job(jobs[0]).state is JobState.CANCELLED
        jobs.append(lab.submit({"n": 1}))
        drained(lab)
        assert books.calls == []


def test_a_batch_that_runs_ends_well_although_one_of_its_jobs_was_cancelled() -> None:
    books = Books(most=2)
    with Lab(books.pipeline) as lab:
        jobs = [lab.submit({"n": n}) for n in range(2)]
        claimed = batch_of(lab)
        lab.engine.cancel(claimed.job.id, None)
        lab.attempt(claimed)
        other = next(job for job in jobs if job.id != claimed.job.id)
        assert lab.finish(other).state is JobState.COMPLETED
        assert lab.job(claimed.job).state is JobState.CANCELLED


def batch_of(lab: Lab) -> Claimed:
    lab.step()
    lab.step()
    claimed: Claimed = lab.engine.committer.do(Claim(("books.save",), 1, lab.worker)).claimed[0]
    assert len(claimed.everyone()) == 2
    return claimed


def test_a_worker_that_goes_away_gives_the_whole_batch_back() -> None:
    books = Books(most=2)
    with Lab(books.pipeline) as lab:
        jobs = [lab.submit({"n": n}) for n in range(2)]
        lab.engine.committer.do(Settle(batch_of(lab), Released()))
        assert [lab.finish(job).state.value for job in jobs] == ["completed"] * 2
        assert [sorted(call) for call in books.calls] == [[0, 1]]


def test_a_fan_out_can_be_collected() -> None:
    calls: list[list[int]] = []
    p = Pipeline("fan", input=Wish)

    @p.stage()
    def split(request: Wish) -> list[int]:
        return list(range(request.n))

    @p.stage(after=split, each="split", batch=4)
    def double(number: list[int]) -> list[int]:
        calls.append(number)
        return [one * 2 for one in number]

    @p.stage(after=double)
    def total(double: list[int]) -> int:
        return sum(double)

    with Lab(p) as lab:
        assert lab.result(lab.run({"n": 10})) == 90
        assert [len(call) for call in calls] == [4, 4, 2]


def solo(calls: list[list[int]], most: int, **options: object) -> Pipeline:
    p = Pipeline("solo", input=Wish)

    @p.stage(batch=most, **options)  # type: ignore[arg-type]
    def save(request: list[Wish]) -> list[int]:
        calls.append([wish.n for wish in request])
        return calls[-1]

    return p


def test_what_when_leaves_out_is_not_in_the_lists() -> None:
    def odd(request: Wish) -> bool:
        return request.n % 2 == 1

    calls: list[list[int]] = []
    with Lab(solo(calls, 4, when=odd)) as lab:
        jobs = [lab.submit({"n": n}) for n in range(4)]
        drained(lab)
        assert [sorted(call) for call in calls] == [[1, 3]]
        states = [lab.store.run(f"{job.id}.save").state for job in jobs]  # type: ignore[union-attr]
        assert states == [RunState.SKIPPED, RunState.COMPLETED] * 2


def test_owners_take_turns_in_a_backlog() -> None:
    calls: list[list[int]] = []
    with Lab(solo(calls, 4)) as lab:
        for n in range(8):
            lab.submit({"n": n}, owner="many")
        lab.submit({"n": 100}, owner="one")
        lab.step()
        assert 100 in calls[0]


def test_a_higher_priority_is_in_the_first_batch() -> None:
    calls: list[list[int]] = []
    with Lab(solo(calls, 2)) as lab:
        for n in range(4):
            lab.submit({"n": n}, priority=5 if n == 3 else 0)
        lab.step()
        assert 3 in calls[0]


@pytest.mark.parametrize(
    ("given", "told"), [(["a"], "returned 1 outputs"), ("ab", "returned str"), (None, "returned NoneType")]
)
def test_an_answer_that_does_not_match_its_runs_is_said(given: object, told: str) -> None:
    p = Pipeline("odd", input=Wish)

    @p.stage(batch=2)
    def save(request: list[Wish]) -> list[str]:
        return given  # type: ignore[return-value]

    with Lab(p) as lab:
        for n in range(2):
            lab.submit({"n": n})
        claimed = lab.engine.committer.do(Claim(("odd.save",), 1, lab.worker)).claimed[0]
        outcome = lab.runner.run(claimed, save, Lease(claimed.run.id, claimed.token, 60))
        assert isinstance(outcome, Failure)
        assert told in outcome.error.message


# ── at import ──


def declared(**options: object) -> Pipeline:
    p = Pipeline("p", input=Wish)

    @p.stage(**options)  # type: ignore[arg-type]
    def save(request: list[Wish]) -> list[str]:
        return [""]

    return p


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"batch": 1}, "from 2 to 500"),
        ({"batch": 501}, "from 2 to 500"),
        ({"batch": 50, "within": "0s"}, "how long a batch is waited for"),
    ],
)
def test_a_batch_that_cannot_be_is_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        declared(**options)


def test_lists_are_asked_for() -> None:
    p = Pipeline("p", input=Wish)
    with pytest.raises(DeclarationError, match="parameter 'request' is a list"):

        @p.stage(batch=2)
        def save(request: Wish) -> list[str]: ...

    with pytest.raises(DeclarationError, match="what it returns is a list"):

        @p.stage(batch=2)
        def keep(request: list[Wish]) -> str: ...

    with pytest.raises(DeclarationError, match="takes no ctx"):

        @p.stage(batch=2)
        def hold(ctx: Context, request: list[Wish]) -> list[str]: ...


def test_there_are_no_hooks() -> None:
    with pytest.raises(DeclarationError, match="stop: its calls belong to many jobs"):

        @declared(batch=2).stages["save"].on_cancel
        def stop(memos: dict[str, str]) -> None: ...
