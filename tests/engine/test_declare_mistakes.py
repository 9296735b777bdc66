"""The first mistakes of an author: each is told at import, in a sentence that names the stage and the fix."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from stagepass import Again, ChildFailed, Context, Pipeline, Retry, TaskFailed, TimedOut, Transient
from stagepass.errors import DeclarationError
from stagepass.testing import Lab


class In(BaseModel):
    x: int = 1


def one(ctx: Context, request: In) -> int:
    return request.x


def yields(ctx: Context, request: In) -> Iterator[int]:
    yield 1


async def streams(ctx: Context, request: In) -> AsyncIterator[int]:
    yield 1


def many(ctx: Context, *values: int) -> int:
    return 1


def named(ctx: Context, **values: int) -> int:
    return 1


def by_place(ctx: Context, request: In, /) -> int:
    return 1


def defaulted(ctx: Context, request: In, size: int = 3) -> int:
    return size


def context_named(context: Context, request: In) -> int:
    return 1


def input_named(ctx: Context, payload: In) -> int:
    return 1


def method(self: Any, ctx: Context, request: In) -> int:
    return 1


class Callee:
    def __call__(self, ctx: Context, request: In) -> int:
        return 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (yields, "stage party.yields: it yields"),
        (streams, "stage party.streams: it yields"),
        (many, r"stage party.many: \*values"),
        (named, r"stage party.named: \*values"),
        (by_place, "take the / out"),
        (defaulted, "nothing fills the parameter 'size'"),
        (context_named, "write ctx: Context"),
        (input_named, "write request: In"),
        (method, "plain function"),
        (Callee, "Callee is a class"),
        (Callee(), "a Callee is not a function"),
        (functools.partial(one, request=In()), "a partial is not a function"),
        (lambda ctx, request: 1, "a lambda has no name"),
        (staticmethod(one), "plain function"),
        ("song", "a str is not a function. Settings go by name"),
        (Retry(3), "a Retry is not a function. Settings go by name"),
    ],
)
def test_what_is_no_stages_function_is_told(body: Any, says: str) -> None:
    party = Pipeline("party", input=In)
    for decorate in (party.stage, party.stage()):
        with pytest.raises(DeclarationError, match=says):
            decorate(body)
    assert not party.stages


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"needs": "TextModel"}, "import its class: needs=TextModel"),
        ({"needs": ("TextModel",)}, "import its class: needs=TextModel"),
        ({"needs": Callee()}, "import its class: needs=Callee"),
        ({"needs": None}, "not a port"),
        ({"retry": 3}, r"write retry=Retry\(3"),
        ({"after": "one"}, "is not a stage"),
        ({"each": 3}, "is not a text"),
        ({"when": True}, "is not a function"),
        ({"concurrency": "4"}, "concurrency='4' is not a number"),
        ({"crashes": None}, "crashes=None is not a number"),
        ({"weight": "2"}, "weight='2' is not a number"),
        ({"batch": True}, "batch=True is not a number"),
        ({"time_limit": None}, "time_limit=None is not a duration"),
    ],
)
def test_a_setting_of_another_type_is_told(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(DeclarationError, match=f"stage party.one: .*{says}"):
        Pipeline("party", input=In).stage(**settings)(one)


class Mine(Exception): ...


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Retry("3"), "times='3' is not a whole number"),
        (lambda: Retry(1.5), "times=1.5 is not a whole number"),
        (lambda: Retry(special={"ratelimited": Again(times=1)}), "did you mean 'rate_limited'"),
        (lambda: Retry(special={"rate_limited": 3}), "write Again"),
        (lambda: Retry(on="Mine"), "on='M' is not an exception's class"),
        (lambda: Retry(on=(Mine(),)), "is not an exception's class"),
        (lambda: Retry(on=BaseException), "is not an exception's class"),
        (lambda: Retry(on=(ChildFailed,)), "write special={'child_failed': Again"),
    ],
)
def test_a_retry_that_means_nothing_is_told(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        make()


def test_a_stage_is_declared_without_brackets() -> None:
    party = Pipeline("party", input=In)

    @party.stage
    def first(ctx: Context, request: In) -> int:
        return 1

    @party.stage(after=first)
    def second(ctx: Context, request: In, first: int) -> int:
        return first + 1

    with Lab(party) as lab:
        assert lab.result(lab.run({})) == 2


def test_a_coroutine_that_nobody_awaited_is_told() -> None:
    party = Pipeline("party", input=In)

    async def later() -> int:
        return 1

    @party.stage
    def forgets(ctx: Context, request: In) -> int:
        return later()  # type: ignore[return-value]

    with Lab(party) as lab:
        job = lab.run({})
        assert job.error is not None
        assert (job.error["code"], job.error["message"]) == ("permanent", "the stage returned a coroutine")
        assert "async def" in job.error["advice"]


def test_the_errors_that_an_author_catches_come_from_the_front_door() -> None:
    assert issubclass(TimedOut, Transient)
    assert issubclass(TaskFailed, Transient)
    assert ChildFailed.code == "child_failed"
